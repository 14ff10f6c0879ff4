"""What a command works with: its settings, its arguments, and a screen that lays out lines, tables and JSON."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from bot.settings import Settings


class CommandFailed(Exception):
    """The command ends here; the message is for the person, `status` for the shell (2: it could not begin)."""

    def __init__(self, sentence: str, status: int = 1) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True)
class Screen:
    """Where a command speaks and listens; `ask_secretly` reads without showing what is typed."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    entered: TextIO = field(default_factory=lambda: sys.stdin)
    ask_secretly: Callable[[str], str] = getpass.getpass

    def say(self, *lines: str) -> None:
        for line in lines:
            self.out.write(plain(line) + "\n")
        self.out.flush()

    def warn(self, line: str) -> None:
        self.err.write(plain(line) + "\n")
        self.err.flush()

    def table(self, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Columns as wide as their longest cell; the last one is never padded."""
        lines = [list(head), *([plain(str(cell)) for cell in row] for row in rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
        for line in lines:
            padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.say("  ".join(padded).rstrip())

    def json(self, value: Any) -> None:
        self.out.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")
        self.out.flush()


@dataclass(frozen=True, slots=True)
class Here:
    """One run of a command. `unreadable` names settings that could not be read, each with a sentence;
    `strangers` are names in the environment that look like ours and are not.
    """

    settings: Settings
    screen: Screen
    given: argparse.Namespace
    unreadable: Mapping[str, str] = field(default_factory=dict)
    strangers: tuple[str, ...] = ()

    def listed(self, head: Sequence[str], rows: Sequence[Mapping[str, Any]], empty: str) -> None:
        """The rows as a table under their first keys, or all of them as JSON."""
        if self.given.json:
            self.screen.json(rows)
        elif rows:
            self.screen.table(
                [name.replace("_", " ") for name in head],
                [[_cell(row[name]) for name in head] for row in rows],
            )
        else:
            self.screen.say(empty)


def plain(text: str) -> str:
    """Without the control characters that a name may hold and a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value) or "–"
    return "–" if value is None or value == "" else str(value)
