"""What the person said and is not yet kept by web: in order, sent again until it is, and remembered across a leave."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from bot.console_wire import Turned, Unreachable, Wire, Word
from storage.embedded_secrets import write_private

FIRST_WAIT, LONGEST_WAIT = 0.2, 3.0


class Outbox:
    """`say` tells the person of trouble; `file` keeps what is unsent when the terminal goes (None keeps nothing)."""

    def __init__(self, wire: Wire, say: Callable[[str], None], file: Path | None = None) -> None:
        self._wire = wire
        self._say = say
        self._file = file
        self._words: deque[Word] = deque(_left(file))
        self._more = asyncio.Event()
        self._empty = asyncio.Event()
        self._mark()

    @property
    def waiting(self) -> int:
        return len(self._words)

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
        wait, told = FIRST_WAIT, False
        while True:
            try:
                await self._wire.send(word)
            except Unreachable as away:
                if not told:
                    self._say(f"{away}. What you said is kept here and sent again until it is in.")
                told = True
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT)
            except Turned as turned:
                self._say(str(turned))
                return
            else:
                if told:
                    self._say("It is in now.")
                return

    def _mark(self) -> None:
        (self._more.set if self._words else self._more.clear)()
        (self._empty.clear if self._words else self._empty.set)()

    def _keep(self) -> None:
        if self._file is not None:
            write_private(self._file, json.dumps([asdict(word) for word in self._words]))


def _left(file: Path | None) -> list[Word]:
    """What an earlier terminal left unsent; its ids are kept, so that nothing counts twice."""
    if file is None or not file.exists():
        return []
    try:
        return [Word(**{**given, "files": tuple(given["files"])}) for given in json.loads(file.read_text())]
    except (ValueError, TypeError, KeyError):
        return []
