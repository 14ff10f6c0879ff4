"""Reads an answer aloud while it comes in: only the words meant for the person, with what was masked put back."""

from __future__ import annotations

from engine.guide_json import visible
from engine.ports import Live
from engine.redact import Masks, unmask

STRIDE = 40
"""Characters of the raw answer between two looks at it."""
SILENT = 400
"""After so many that brought nothing to show, the words for the person are over."""


class Aloud:
    """One turn's voice. Secrets stay behind their placeholders."""

    def __init__(self, live: Live, masks: Masks) -> None:
        self._live = live
        self._masks = masks
        self._raw = ""
        self._looked = 0
        self._changed = 0
        self._shown = ""

    async def hear(self, text: str) -> None:
        self._raw += text
        length = len(self._raw)
        if length - self._looked < STRIDE or (self._shown and length - self._changed > SILENT):
            return
        await self._look()

    async def end(self) -> None:
        """Say what is left."""
        await self._look()

    async def anew(self, waits: float = 0.0) -> None:
        """The answer begins anew, in so many seconds."""
        self._raw, self._looked, self._changed = "", 0, 0
        if self._shown or waits:
            self._shown = ""
            await self._live.anew(waits)

    async def _look(self) -> None:
        self._looked = len(self._raw)
        shown = unmask(visible(self._raw), self._masks)
        if len(shown) > len(self._shown):
            delta, self._shown, self._changed = shown[len(self._shown) :], shown, self._looked
            await self._live.say(delta)
