"""Keeps what is drawn within a number of blocks and characters: the least important text is cut first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from bot.card import Block, Bullets, Code, Fields, Text
from bot.cards_parts import Shortener
from bot.slack.markup import Json
from bot.words import say

CHARACTERS = 12_000
"""Of all texts and addresses in one message; Slack refuses somewhat more."""
_LIMITS = (1_000, 500, 250, 120)
_RANKS = 5
_SCRIPT = 5
"""The rank of a script: half of one is worse than none."""

Draw = Callable[[Block], list[Json]]


def fitting(blocks: Sequence[Block], draw: Draw, most: int, *, beside: Sequence[Json] = ()) -> list[Json]:
    """The blocks drawn; together with those `beside` them they keep the characters, and `most` is their number.

    Texts are shortened with “…”, the least important first, and only then left out. The same card is always cut
    in the same way.
    """
    room = CHARACTERS - weight(beside)
    shown = list(blocks)
    found = _drawn(shown, draw)
    if _fits(found, most, room):
        return found
    note = draw(Text(say("slack.shortened"), "muted"))
    room, most = room - weight(note), most - len(note)
    for limit in _LIMITS:
        for rank in range(_RANKS):
            found = _drawn(shown, draw)
            if weight(found) <= room:
                break
            shown = [_cut(block, limit) if _rank(block) == rank else block for block in shown]
    while shown and not _fits(found := _drawn(shown, draw), most, room):
        least = min(range(len(shown)), key=lambda at: (_rank(shown[at]), -at))
        del shown[least]
    return [*found, *note] if shown else note[: max(most + len(note), 0)]


def _drawn(blocks: Sequence[Block], draw: Draw) -> list[Json]:
    return [each for block in blocks for each in draw(block)]


def _fits(drawn: Sequence[Json], most: int, room: int) -> bool:
    return len(drawn) <= most and weight(drawn) <= room


def weight(drawn: Any) -> int:
    """The characters of all texts and addresses in blocks."""
    if isinstance(drawn, dict):
        return sum(
            len(part) if name in {"text", "url"} and isinstance(part, str) else weight(part)
            for name, part in drawn.items()
        )
    return sum(weight(each) for each in drawn) if isinstance(drawn, list | tuple) else 0


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
            return replace(
                block, pairs=tuple((short.line(a, 100), short.line(b, limit)) for a, b in block.pairs)
            )
        case Code():
            return block
