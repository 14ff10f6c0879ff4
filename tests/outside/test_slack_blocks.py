"""Cards drawn for Slack, held against the published schemas of Block Kit."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from bot import cards
from bot.card import Card, Field, Form
from bot.slack import blocks, home, modals
from engine.session import Status
from tests.bot.card_views import OPEN_STEP, view
from tests.bot.slack.drawing import of_every_card

SCHEMAS = Path(__file__).parents[2].parent / "shared/schemas/slack"
pytestmark = pytest.mark.skipif(not SCHEMAS.exists(), reason="the schemas of Block Kit are not here")

KINDS = Form(
    "start",
    (
        Field("words", "Words", value="x", hint="Here"),
        Field("lines", "Lines", "long_text", "x\n" * 3_000, required=True),
        Field("few", "Few", "choice", "a", (("a", "A"), ("b", "B"))),
        Field("many", "Many", "choice", "v1", tuple((f"v{n}", f"V{n}") for n in range(20))),
        Field("on", "On", "tick", "yes"),
        Field("at", "At", "time"),
        Field("ticket", "Ticket", "ticket", "4711", (("4711", "#4711 Printer"),)),
        Field("place", "Channel", "channel", "C0ESC"),
        Field("files", "Files", "file"),
    ),
    "Start",
)


@cache
def schema(surface: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / f"block-kit.BlockKit{surface}.schema.json").read_text())
    return found


@cache
def validator(surface: str) -> Draft7Validator:
    return Draft7Validator(schema(surface))


known: set[tuple[str, str]] = set()


def assert_valid(name: str, surface: str, drawn: dict[str, Any]) -> None:
    """Blocks are looked at one by one by the schemas, so a block that was valid on this surface before is left out."""
    keys = [(surface, json.dumps(block)) for block in drawn["blocks"]]
    fresh = [block for block, key in zip(drawn["blocks"], keys, strict=True) if key not in known]
    wrong = next(validator(surface).iter_errors({**drawn, "blocks": fresh}), None)
    assert wrong is None, (name, wrong.message[:300] if wrong else "")
    known.update(keys)


def test_the_schemas_say_of_the_list_of_blocks_only_what_each_block_is() -> None:
    """Or leaving out those that are known would leave something unseen."""
    for surface, shape in (("Message", "BlockKitMessage"), ("Modal", "ModalView"), ("Home", "HomeView")):
        told = schema(surface)["definitions"][shape]["properties"]["blocks"]
        assert {key for key in told if key != "description"} == {"items", "type"}


def sampled(status: Status) -> list[tuple[str, Card]]:
    """Plain and hostile ones of an active Session, of other statuses those that are about the Session itself."""
    about = ("session", "status", "escalation", "step", "path", "resolve", "escalate")
    return [
        (name, card)
        for name, card in of_every_card(status)
        if (status is Status.ACTIVE and not name.startswith("empty ")) or name.removeprefix("plain ") in about
    ]


@pytest.mark.parametrize("status", Status)
def test_every_card_is_a_message_and_a_window_of_block_kit(status: Status) -> None:
    shown: set[str] = set()
    for name, card in sampled(status):
        drawn = modals.view(card, "fp-1", "s") if card.form else blocks.message(card)
        if (key := json.dumps(drawn)) not in shown:
            assert_valid(name, "Modal" if card.form else "Message", drawn)
        shown.add(key)


def test_cards_without_a_form_and_forms_without_a_window_are_of_block_kit_too() -> None:
    for name, card in sampled(Status.PAUSED):
        assert_valid(name, "Modal", modals.view(card))
        assert_valid(name, "Message", blocks.message(card))


def test_a_form_of_every_kind_of_field_is_a_window_of_block_kit() -> None:
    assert_valid("kinds", "Modal", modals.view(Card("form", "Kinds", form=KINDS), "fp-1", "s"))
    assert_valid("loading", "Modal", modals.loading("fp-1"))


def test_a_home_of_several_cards_is_one_of_block_kit() -> None:
    several = [cards.session_card(view(status)) for status in Status]
    assert_valid(
        "home", "Home", home.view([*several, cards.mine([view()] * 12), cards.help_card(admin=True)])
    )
    assert_valid("empty", "Home", home.view([]))


def test_a_spent_message_is_one_of_block_kit() -> None:
    drawn = blocks.message(cards.step_card(view(), OPEN_STEP))
    assert_valid("spent", "Message", {"text": "x", "blocks": blocks.spent(drawn["blocks"], "Yes")})


def test_the_schemas_do_refuse_what_is_none_of_theirs() -> None:
    assert next(validator("Message").iter_errors({"blocks": [{"type": "header", "text": "x"}]}), None)
    assert next(validator("Modal").iter_errors({"type": "modal", "blocks": []}), None)
