"""What the person said and is not yet kept by web: in order, sent again until it is, and remembered across a leave."""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from bot.console_wire import Failed, Turned, Unreachable, Wire, Word
from storage.embedded_secrets import write_private

WAITS = (0.2, 3.0)
"""Seconds between two attempts: the first wait, doubled up to the longest."""
FAILURES = 5
"""A word that fails web itself so often would fail it for ever, and everything said later stands behind it."""
KEYS_ATTEMPTS = 20
"""About 50 s. Keys are held in memory alone, so whoever waits longer is better told than left to believe."""
NO_KEYS = "Not sent. The keys were not kept; type them again."
PRIVATE = re.compile(r"key|secret|password", re.IGNORECASE)
LONGEST_SHOWN = 4_000


class Outbox:
    """`say` tells the person of trouble; `file` keeps what is unsent when the terminal goes (None keeps nothing).

    Words with keys in them are held in memory only: no file ever has them.
    """

    def __init__(
        self,
        wire: Wire,
        say: Callable[[str], None],
        file: Path | None = None,
        waits: tuple[float, float] = WAITS,
    ) -> None:
        self._wire = wire
        self._say = say
        self._file = file
        self._waits = waits
        left = _left(file)
        self._words: deque[Word] = deque(word for word in left if not is_private(word))
        self._more = asyncio.Event()
        self._empty = asyncio.Event()
        self._mark()
        if len(self._words) < len(left):
            self._keep()

    @property
    def waiting(self) -> int:
        return len(self._words)

    def farewell(self) -> list[str]:
        """What to tell a person who leaves now, of what is unsent."""
        kept = sum(not is_private(word) for word in self._words)
        told = [f"{kept} not sent yet. It is kept here and goes out when you come back."] if kept else []
        return [*told, NO_KEYS] if kept < len(self._words) else told

    def put(self, word: Word) -> None:
        self._words.append(word)
        self._mark()
        self._keep()

    async def emptied(self) -> None:
        await self._empty.wait()

    async def run(self) -> None:
        """Sends, one after another, for as long as the terminal is open."""
        while True:
            await self._more.wait()
            await self._send(self._words[0])
            self._words.popleft()
            self._mark()
            self._keep()

    async def _send(self, word: Word) -> None:
        """Returns when web has the word, or when it is given up, which the person is told."""
        (wait, longest), attempts, failures = self._waits, 0, 0
        while True:
            try:
                await self._wire.send(word)
            except Unreachable as away:
                attempts += 1
                failures += isinstance(away, Failed)
                if failures >= FAILURES or (is_private(word) and attempts >= KEYS_ATTEMPTS):
                    self._say(_given_up(word, away.sentence if isinstance(away, Failed) else f"{away}."))
                    return
                if attempts == 1:
                    self._say(f"{away}. {_promise(word, away)}")
                await asyncio.sleep(wait)
                wait = min(wait * 2, longest)
            except Turned as turned:
                self._say(_given_up(word, str(turned)))
                return
            else:
                if attempts:
                    self._say("It is in now.")
                return

    def _mark(self) -> None:
        (self._more.set if self._words else self._more.clear)()
        (self._empty.clear if self._words else self._empty.set)()

    def _keep(self) -> None:
        if self._file is not None:
            kept = [asdict(word) for word in self._words if not is_private(word)]
            write_private(self._file, json.dumps(kept))


def is_private(word: Word) -> bool:
    """Whether a submitted form has keys in it. A click on `connect` only asks for the form and has none."""
    return word.kind == "submit" and (
        word.verb == "connect" or any(PRIVATE.search(name) for name in word.fields)
    )


def _promise(word: Word, away: Unreachable) -> str:
    if is_private(word):
        return "The keys are not written down; they are sent again for a while."
    if isinstance(away, Failed):
        return "What you said is kept here and sent again a few times."
    return "What you said is kept here and sent again until it is in."


def _given_up(word: Word, why: str) -> str:
    """Why, and what was said, so that it can be copied; never keys."""
    if is_private(word):
        return f"{why}\n{NO_KEYS}"
    return f"{why}\nNot sent: {_said(word)}"


def _said(word: Word) -> str:
    if word.kind == "click":
        return word.verb
    files = [given["name"] for given in word.files]
    lines = [f"{name}: {value}" for name, value in word.fields.items() if value]
    text = "\n".join(part for part in (word.text, *files, word.verb, *lines) if part)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}… (cut; it was longer)"


def _left(file: Path | None) -> list[Word]:
    """What an earlier terminal left unsent; its ids are kept, so that nothing counts twice."""
    if file is None or not file.exists():
        return []
    try:
        return [Word(**{**given, "files": tuple(given["files"])}) for given in json.loads(file.read_text())]
    except (ValueError, TypeError, KeyError):
        return []
