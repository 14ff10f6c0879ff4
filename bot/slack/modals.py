"""Draws a Card as a Slack window: loading, a form with its inputs, or something to read; and reads it back."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from bot.card import Card, Text
from bot.slack import actions, inputs
from bot.slack.blocks import controls, drawn_block, nothing, title
from bot.slack.fitting import fitting
from bot.slack.markup import Json, cut, plain
from bot.words import say

BLOCKS = 100
TITLE, BUTTON = 24, 24
METADATA = 3_000
_SENTENCE = 500


def loading(external_id: str, order: str = "") -> Json:
    """What stands there while the window is being filled."""
    card = Card("notice", say("slack.loading"), (Text(say("slack.loading_text"), "muted"),))
    return view(card, external_id, order)


def view(card: Card, external_id: str = "", order: str = "") -> Json:
    """A form gets its inputs and Submit; anything else only Close. Inputs and buttons are never cut.

    Raises ValueError where Slack cannot carry a form: its arguments, an option's value, more than 100 inputs.
    """
    form = card.form
    named_by_window = len(card.title) <= TITLE and card.title.strip()
    head = [] if named_by_window else title(card)
    asked = inputs.inputs(form) if form else []
    pressed = controls(card, count())
    room = BLOCKS - len(head) - len(asked) - len(pressed)
    if room < 0:
        raise ValueError(f"a window has no room for {len(asked)} inputs")
    body = fitting(card.blocks, drawn_block, room, beside=[*head, *pressed])
    made: Json = {
        "type": "modal",
        "callback_id": actions.CALLBACK,
        "private_metadata": _metadata(card, order),
        "title": plain(card.title if named_by_window else say("slack.name"), TITLE),
        "close": plain(say("slack.cancel" if form else "slack.close"), BUTTON),
        "blocks": [*head, *body, *asked, *pressed] or nothing(),
    }
    if form:
        made["submit"] = plain(form.submit, BUTTON)
    return made | {"external_id": external_id} if external_id else made


def _metadata(card: Card, order: str) -> str:
    verb, args = (card.form.verb, card.form.args) if card.form else ("", {})
    carried = actions.metadata(verb, args, order)
    if len(carried) > METADATA:
        raise ValueError(f"a window carries {METADATA} characters, not {len(carried)}")
    return carried


def fields(view: Mapping[str, Any]) -> dict[str, str]:
    """What was filled in, by the fields' names, as it was typed; a tick is `yes` or empty, files are ids with commas."""
    return inputs.values((view.get("state") or {}).get("values") or {})


def errors(found: Mapping[str, str], view: Mapping[str, Any]) -> Json:
    """The answer to a submission that says below an input what does not fit; in a window without one, instead of it."""
    said: dict[str, str] = {}
    for name, sentence in found.items():
        block_id = inputs.block_of(name, view.get("blocks") or ())
        said[block_id] = f"{said.get(block_id, '')} {sentence}".strip()
    if "" in said:
        return {"response_action": "update", "view": _told(said[""])}
    return {"response_action": "errors", "errors": {at: cut(text, _SENTENCE) for at, text in said.items()}}


def _told(sentence: str) -> Json:
    return view(Card("notice", "", (Text(cut(sentence, _SENTENCE), "warning"),)))
