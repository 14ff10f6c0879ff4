"""Keeps what is drawn within a number of bytes: the least important text is cut first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.card import Block, Bullets, Code, Fields, Text
from bot.cards_parts import Shortener
from bot.teams.markup import Json, weight
from bot.words import say

_LIMITS = (1_000, 500, 250, 120, 60)
_RANKS = 5
_SCRIPT = 5
"""The rank of a script: half of one is worse than none."""

Draw = Callable[[Block], list[Json]]


def fitting(blocks: Sequence[Block], draw: Draw, room: int) -> list[Json]:
    """The blocks drawn in at most `room` bytes, as far as a sentence fits that says they were cut.

    Texts are shortened with “…”, the least important first, and only then left out. The same card is always cut in
    the same way.
    """
    shown = list(blocks)
    found = drawn(shown, draw)
    if size(found) <= room:
        return found
    note = draw(Text(say("teams.shortened"), "muted"))
    room -= size(note)
    for limit in _LIMITS:
        for rank in range(_RANKS):
            found = drawn(shown, draw)
            if size(found) <= room:
                return [*found, *note]
            shown = [_cut(block, limit) if _rank(block) == rank else block for block in shown]
    while shown and size(found := drawn(shown, draw)) > room:
        least = min(range(len(shown)), key=lambda at: (_rank(shown[at]), -at))
        del shown[least]
    return [*found, *note] if shown else note if room >= 0 else []


def drawn(blocks: Sequence[Block], draw: Draw) -> list[Json]:
    return [each for block in blocks for each in draw(block)]


def size(drawn: Sequence[Json]) -> int:
    """Bytes of all of them."""
    return sum(weight(each) for each in drawn)


def _rank(block: Block) -> int:
    """How much is lost with it."""
    match block:
        case Text():
            return {"muted": 0, "plain": 2}.get(block.tone, 4)
        case Bullets():
            return 1
        case Fields():
            return 3
        case Code():
            return _SCRIPT


def _cut(block: Block, limit: int) -> Block:
    short = Shortener()
    match block:
        case Text():
            return replace(block, text=short.lines(block.text, limit))
        case Bullets():
            return replace(block, items=tuple(short.line(item, limit) for item in block.items))
        case Fields():
            pairs = tuple((short.line(a, min(limit, 100)), short.line(b, limit)) for a, b in block.pairs)
            return replace(block, pairs=pairs)
        case Code():
            return block
