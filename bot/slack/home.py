"""Draws several Cards as the Home tab, one below the other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import count

from bot.card import Card, Text
from bot.slack import actions
from bot.slack.blocks import drawn, drawn_block, nothing
from bot.slack.markup import Json
from bot.words import say

BLOCKS = 100
BYTES = 200_000
"""Of all blocks as JSON; Slack takes 250 kB."""


def view(cards: Sequence[Card]) -> Json:
    """Whole cards in their order; how many had no room is said at the end."""
    numbers = count()
    shown: list[Json] = []
    for at, card in enumerate(cards):
        between: list[Json] = [{"type": "divider"}] if shown else []
        longer = [*shown, *between, *drawn(card, numbers)]
        rest = drawn_block(Text(say("slack.home_more", count=len(cards) - at), "muted"))
        last = at == len(cards) - 1
        if len(longer) > BLOCKS - (0 if last else len(rest)) or len(json.dumps(longer)) > BYTES:
            shown += rest
            break
        shown = longer
    return {"type": "home", "callback_id": actions.CALLBACK, "blocks": shown or nothing()}
