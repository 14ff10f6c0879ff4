"""Reads a file the person names, ready to be sent."""

from __future__ import annotations

import base64
import mimetypes
import shlex
from collections.abc import Mapping
from pathlib import Path

from bot.console_wire import LARGEST_FILE


class FileRefused(Exception):
    """It cannot be sent; the message says why and what to do."""


def attached(given: str) -> tuple[str, tuple[Mapping[str, str], ...]]:
    """`PATH` or `PATH words about it` → the words and the file. Quotes and `~` work as in a shell."""
    path, words = _parts(given)
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise FileRefused(f"{path} is a folder. Name a file in it.")
        if size > LARGEST_FILE:
            raise FileRefused(
                f"{path.name} has {size / 1e6:.0f} MB; 25 MB is the most. Cut out the part around the error."
            )
        content = path.read_bytes()
    except FileNotFoundError as missing:
        raise FileRefused(f"There is no file {path}. Nothing was sent.") from missing
    except OSError as error:
        raise FileRefused(f"{path} cannot be read ({error.strerror}). Nothing was sent.") from error
    kind = mimetypes.guess_type(path.name)[0] or ""
    return words, ({"name": path.name, "type": kind, "content": base64.b64encode(content).decode()},)


def text_of(path: str) -> str:
    """What a person would paste from this file."""
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileRefused(f"{path} cannot be read as text ({error}).") from error


def _parts(given: str) -> tuple[Path, str]:
    """The whole text as a path where there is such a file, else its first word."""
    whole = Path(given.strip()).expanduser()
    if whole.exists():
        return whole, ""
    try:
        words = shlex.split(given)
    except ValueError:
        words = given.split()
    if not words:
        raise FileRefused("Name a file: file PATH.")
    return Path(words[0]).expanduser(), " ".join(words[1:])
