"""How text from outside stands in a prompt: cleaned, masked, cut, and inside a block that nobody can close from within."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from engine.note_text import storable
from engine.redact import without_lookalikes

_TAG = re.compile(r"[<＜﹤〈‹]\s*[/／]?\s*untrusted", re.IGNORECASE)
_LINES = re.compile("[\u2028\u2029\x0b\x0c\x85]")
_SECRET = re.compile(r"(⟦SECRET(?:_\d{1,6})?⟧)")
_HALF = re.compile(r"⟦[^⟦⟧]*$")
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def clean(text: str) -> str:
    """Without characters nobody sees or that turn the reading direction."""
    return unicodedata.normalize("NFC", storable(_UNSEEN.sub("", _LINES.sub("\n", text))))


def cut(text: str, limit: int) -> str:
    """At most `limit` characters; a placeholder is never cut in two."""
    if len(text) <= limit:
        return text
    return _HALF.sub("", text[: limit - 1]).rstrip() + "…"


@dataclass(frozen=True, slots=True)
class Quoting:
    """`tag` is the Session's own random one; `masked` takes out what may not leave. Every text goes through both."""

    tag: str
    masked: Callable[[str], str]

    def line(self, text: str, limit: int = 300) -> str:
        """One line of a text that a guide or a flow wrote; it stands outside the untrusted blocks.

        It is a text for people, in which every value but a secret was put back: any other ⟦…⟧ was forged.
        """
        parts = _SECRET.split(text[: limit * 4 + 2_000])
        ours = "".join(part if _SECRET.fullmatch(part) else without_lookalikes(part) for part in parts)
        return cut(" ".join(self._safe(ours, limit).split()), limit)

    def block(self, source: str, text: str, limit: int = 8_000) -> str:
        """Text from outside in its block, its own ⟦…⟧ taken away; nothing for an empty one."""
        safe = cut(self._safe(without_lookalikes(text), limit), limit)
        return f'<untrusted-{self.tag} source="{source}">\n{safe}\n</untrusted-{self.tag}>' if safe else ""

    def _safe(self, text: str, limit: int) -> str:
        # What lies far behind the cut is not worth masking; so near to it everything is.
        seen = clean(text[: limit * 4 + 2_000])
        without = seen.replace(self.tag, "") if self.tag else seen
        return _TAG.sub("(untrusted", self.masked(without))
