"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import importlib.metadata
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import settings

CLONE = Path(__file__).resolve().parents[1]
ROOMS = ("bot", "engine", "storage", "demo")
FOLDERS = (*ROOMS, "tests", "bench")
FILES = [CLONE / "dev.py", *(path for folder in FOLDERS for path in sorted((CLONE / folder).rglob("*.py")))]

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
BANNED = {
    *("manager", "managers", "helper", "helpers", "util", "utils", "service", "services"),
    *("handler", "handlers", "processor", "processors", "common", "data", "info"),
}
NOT_OURS = {
    "engine/clients/": {"service", "info"},  # ConnectWise's own names of paths and fields
    "demo/": {"service", "info"},
}

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CLONE)))


def parsed(path: Path) -> ast.Module:
    """The file as a tree."""
    return ast.parse(path.read_text())


def definitions(path: Path) -> Iterator[Definition]:
    """Every class and function of a file, nested ones too."""
    return (node for node in ast.walk(parsed(path)) if isinstance(node, Definition))


@every_file
def test_a_file_opens_with_its_duty(path: Path) -> None:
    if path.name != "__init__.py" or path.read_text().strip():
        assert ast.get_docstring(parsed(path)), "Begin the file with one sentence that states its duty."


@every_file
def test_no_file_is_longer_than_400_lines_and_no_function_than_60(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE, "Give one of its duties a file of its own."
    for found in definitions(path):
        if not isinstance(found, ast.ClassDef):
            length = (found.end_lineno or found.lineno) - found.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{found.name} has {length} lines: name its parts."


@every_file
def test_names_say_what_a_thing_is(path: Path) -> None:
    place = str(path.relative_to(CLONE))
    allowed = {word for prefix, words in NOT_OURS.items() if place.startswith(prefix) for word in words}
    for name in (path.stem, *(found.name for found in definitions(path))):
        words = set(re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name))
        found = {word.lower() for word in words} & BANNED - allowed
        assert not found or name.startswith("test_"), f"{name}: {found} says nothing about what it is."


@every_file
def test_nothing_is_put_off_in_a_comment(path: Path) -> None:
    marks = "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3))
    assert not re.search(rf"\b(?:{marks})\b", path.read_text()), "Do it now, or leave it out."


@every_file
def test_no_mocks(path: Path) -> None:
    advice = "Use a fake or a simulator, not a mock."
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Attribute):
            assert node.attr != "setattr", advice
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {getattr(node, "module", None) or "", *(name.name for name in node.names)}
            assert not names & {"mock", "unittest.mock", "pytest_mock"}, advice
        if isinstance(node, ast.arg):
            assert node.arg not in {"monkeypatch", "mocker"}, advice


def test_the_example_of_the_settings_names_each_of_them() -> None:
    lines = (CLONE / ".env.example").read_text().splitlines()
    shown = {line.removeprefix("# ").partition("=")[0] for line in lines if re.match(r"(# )?[A-Z_]+=", line)}
    assert shown == set(settings.names()), "Name the setting in .env.example, with a line on what it is for."


def test_the_words_people_read_do_not_shout() -> None:
    for path in (path for path in FILES if path.name == "words.py"):
        texts = [node.value for node in ast.walk(parsed(path)) if isinstance(node, ast.Constant)]
        assert [text for text in texts if isinstance(text, str) and "!" in text] == []


def test_nothing_else_in_the_environment_owns_the_names_of_our_rooms() -> None:
    owners = importlib.metadata.packages_distributions()
    assert {room: owners[room] for room in ROOMS if set(owners.get(room, [])) - {"flowpilot"}} == {}
