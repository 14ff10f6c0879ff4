"""A long text in parts that fit a form: split at line ends, and joined again without losing a character."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

PART = 2_900
"""Characters of one part: what chat forms take in one input, with a little room to write."""


@dataclass(frozen=True, slots=True)
class Part:
    """`after`: what stood between it and the next part (a line end, a space, nothing), for a form may strip it."""

    text: str
    after: str = ""


def split(text: str, limit: int = PART) -> tuple[Part, ...]:
    """At least one part of at most `limit` characters; cut at a line end, else at a space, else anywhere."""
    found, left = [], text
    while len(left) > limit:
        at = _cut(left, limit)
        after = left[at] if left[at] in "\n " else ""
        found.append(Part(left[:at], after))
        left = left[at + len(after) :]
    return (*found, Part(left))


def _cut(left: str, limit: int) -> int:
    for mark in ("\n", " "):
        at = left.rfind(mark, limit // 2, limit + 1)
        if at > 0:
            return at
    return limit


def joined(parts: Sequence[Part]) -> str:
    return "".join(part.text + part.after for part in parts)


def changed(parts: Sequence[Part], number: int, given: str) -> tuple[Part, ...]:
    """The parts with number `number` (from 1) as given; one that grew too long becomes several.

    White space at its ends that a form stripped is no change.
    """
    before = parts[number - 1]
    text = before.text if given.strip() == before.text.strip() else given
    new = split(text)
    after = before.after if text else ""
    new = (*new[:-1], Part(new[-1].text, after))
    return (*parts[: number - 1], *new, *parts[number:])


DRAWN = frozenset({"technical", "customer"})
"""Texts that are put together from the record."""
MARK = "mark_"
"""Begins the argument of a form that knows such a text as it was drawn."""


def mark(text: str) -> str:
    """The same for a text that came back from an input untouched."""
    return digest(text.replace("\r\n", "\n").strip())[:16]


def digest(text: str) -> str:
    """By which a text is known again."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
