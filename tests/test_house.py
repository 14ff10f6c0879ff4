"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import importlib.metadata
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
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
Rule = Callable[[Path], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Outline:
    """What the rules need of a file; of all trees at once, the process would carry hundreds of megabytes."""

    duty: str | None
    lengths: tuple[
        tuple[str, int], ...
    ]  # of every function and class, nested ones too; a class has no length


def definitions(node: ast.AST) -> Iterator[Definition]:
    """Every function and class in it; expressions, which are most of a tree, hold none."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield each
        if isinstance(each, (ast.stmt, ast.excepthandler, ast.match_case)):
            yield from definitions(each)


@cache
def outline(path: Path) -> Outline:
    tree = ast.parse(path.read_text())
    found = list(definitions(tree))
    return Outline(
        ast.get_docstring(tree),
        tuple(
            (node.name, 0 if isinstance(node, ast.ClassDef) else (node.end_lineno or 0) - node.lineno + 1)
            for node in found
        ),
    )


def wrong_in_each(rule: Rule) -> list[str]:
    """What breaks a rule anywhere, behind the file's name. One test looks at all files: one each would be thousands."""
    return [f"{path.relative_to(CLONE)}: {wrong}" for path in FILES for wrong in rule(path)]


def without_duty(path: Path) -> Iterator[str]:
    if (path.name != "__init__.py" or path.read_text().strip()) and not outline(path).duty:
        yield "Begin the file with one sentence that states its duty."


def test_a_file_opens_with_its_duty() -> None:
    assert wrong_in_each(without_duty) == []


def too_long(path: Path) -> Iterator[str]:
    if len(path.read_text().splitlines()) > LONGEST_FILE:
        yield "Give one of its duties a file of its own."
    for name, length in outline(path).lengths:
        if length > LONGEST_FUNCTION:
            yield f"{name} has {length} lines: name its parts."


def test_no_file_is_longer_than_400_lines_and_no_function_than_60() -> None:
    assert wrong_in_each(too_long) == []


def empty_words(path: Path) -> Iterator[str]:
    place = path.as_posix().removeprefix(f"{CLONE.as_posix()}/")
    allowed = {word for prefix, words in NOT_OURS.items() if place.startswith(prefix) for word in words}
    for name in (path.stem, *(name for name, _ in outline(path).lengths)):
        words = set(re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name))
        found = {word.lower() for word in words} & BANNED - allowed
        if found and not name.startswith("test_"):
            yield f"{name}: {found} says nothing about what it is."


def test_names_say_what_a_thing_is() -> None:
    assert wrong_in_each(empty_words) == []


def put_off(path: Path) -> Iterator[str]:
    marks = "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3))
    if re.search(rf"\b(?:{marks})\b", path.read_text()):
        yield "Do it now, or leave it out."


def test_nothing_is_put_off_in_a_comment() -> None:
    assert wrong_in_each(put_off) == []


def mocks(path: Path) -> Iterator[str]:
    advice = "Use a fake or a simulator, not a mock."
    if not re.search(r"setattr|mock|monkeypatch", path.read_text()):
        return  # the names that are looked for below stand nowhere in it
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr == "setattr":
            yield advice
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {getattr(node, "module", None) or "", *(name.name for name in node.names)}
            if names & {"mock", "unittest.mock", "pytest_mock"}:
                yield advice
        if isinstance(node, ast.arg) and node.arg in {"monkeypatch", "mocker"}:
            yield advice


def test_no_mocks() -> None:
    assert wrong_in_each(mocks) == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (without_duty, "x = 1\n"),
        (too_long, "x = 1\n" * (LONGEST_FILE + 1)),
        (too_long, "if True:\n    async def long():\n" + "        x = 1\n" * LONGEST_FUNCTION),
        (empty_words, "class Outer:\n    def session_manager(self): ...\n"),
        (empty_words, "class UserInfo: ...\n"),
        (put_off, "x = 1  # TO" + "DO: more\n"),
        (mocks, "def test_it():\n    import unittest.mock\n"),
        (mocks, "from mock import Mock\n"),
        (mocks, "def test_it(monkeypatch): ...\n"),
        (mocks, "def test_it(patch): patch.setattr(1, 'x', 2)\n"),
    ],
)
def test_each_of_these_rules_finds_what_breaks_it(rule: Rule, text: str, tmp_path: Path) -> None:
    """Or an empty list would say nothing."""
    (tmp_path / "file.py").write_text(text)
    assert len(list(rule(tmp_path / "file.py"))) == 1


def test_the_example_of_the_settings_names_each_of_them() -> None:
    lines = (CLONE / ".env.example").read_text().splitlines()
    shown = {line.removeprefix("# ").partition("=")[0] for line in lines if re.match(r"(# )?[A-Z_]+=", line)}
    assert shown == set(settings.names()), "Name the setting in .env.example, with a line on what it is for."


def test_the_words_people_read_do_not_shout() -> None:
    for path in (path for path in FILES if path.name == "words.py"):
        texts = [
            node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)
        ]
        assert [text for text in texts if isinstance(text, str) and "!" in text] == []


def test_nothing_else_in_the_environment_owns_the_names_of_our_rooms() -> None:
    owners = importlib.metadata.packages_distributions()
    assert {room: owners[room] for room in ROOMS if set(owners.get(room, [])) - {"flowpilot"}} == {}
