"""The console: what typed lines become, what is drawn of what comes in, and that no word is lost or doubled."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import io
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from bot.card import Bullets, Card, Choice, Code, Field, Fields, Form, Text
from bot.console import Console
from bot.console_asking import Question
from bot.console_draw import drawn
from bot.console_keys import keys_of
from bot.console_terminal import Full, Plain
from bot.console_wire import Wire
from bot.words import say


def _neighbour(name: str) -> ModuleType:
    """A file of this folder, which is no package."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"tests_bot_{name}", path)
    assert spec and spec.loader
    module = sys.modules.setdefault(spec.name, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


