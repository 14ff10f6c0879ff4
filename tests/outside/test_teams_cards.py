"""Cards drawn for Teams, held against the published schema of Adaptive Cards 1.5."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from bot import cards as neutral
from bot.card import Card, Choice, Field, Form
from bot.teams import cards
from engine.session import Status
from tests.bot.card_views import OPEN_STEP, view
from tests.bot.teams.drawing import NASTY, of_every_card, with_forms

SCHEMA = Path(__file__).parents[2].parent / "shared/schemas/teams/adaptive-card-1.5.0.json"
pytestmark = pytest.mark.skipif(not SCHEMA.exists(), reason="the schema of Adaptive Cards is not here")

OPTIONS = (("a", "A"), ("b", "B"))
KINDS = tuple(
    Field(f"{kind}{n}", "Label", kind, value, options, required=bool(n), hint="Here")
    for n, (value, options) in enumerate((("", ()), ("a", OPTIONS), ("x\ny", OPTIONS * 9)))
    for kind in ("text", "long_text", "choice", "tick", "time", "ticket", "channel", "file")
)


@cache
def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SCHEMA.read_text())
    return found


@cache
def validator(definition: str) -> Draft7Validator:
    return Draft7Validator({"definitions": schema()["definitions"], "$ref": f"#/definitions/{definition}"})


known: set[str] = set()


def assert_valid(name: str, content: dict[str, Any]) -> None:
    """Every element of the body, and the card around them; an element that was valid before is left out."""
    card = {key: part for key, part in content.items() if key != "msteams"}
    keys = [json.dumps(each) for each in card["body"]]
    fresh = [each for each, key in zip(card["body"], keys, strict=True) if key not in known]
    wrong = next(validator("AdaptiveCard").iter_errors({**card, "body": fresh}), None)
    assert wrong is None, (name, wrong.message[:300] if wrong else "")
    known.update(keys)


def test_the_schema_says_of_the_body_only_what_each_element_is() -> None:
    """Or leaving out those that are known would leave something unseen."""
    body = schema()["definitions"]["AdaptiveCard"]["properties"]["body"]
    assert {key for key in body if key != "description"} == {"items", "type"}


@pytest.mark.parametrize("status", Status)
def test_every_card_is_an_adaptive_card(status: Status) -> None:
    shown = set()
    for name, card in of_every_card(status):
        content = cards.attachment(card, note="Use the box.")["content"]
        if (key := json.dumps(content)) not in shown:
            assert_valid(name, content)
        shown.add(key)


def test_a_form_of_every_kind_of_field_is_an_adaptive_card() -> None:
    card = Card("form", "Kinds", form=Form("start", KINDS, "Start"))
    assert_valid("kinds", cards.attachment(card)["content"])
    assert_valid("found", cards.attachment(card, hits=((4711, "#4711"),))["content"])
    assert_valid("alone", cards.focused(card, ((4711, "#4711"),), True, number="7"))
    inside = Card(
        "session", "T", choices=(Choice("Start", "start", style="danger", confirm="Sure?", form=card),)
    )
    assert_valid("inside", cards.attachment(inside)["content"])


def test_a_spent_card_an_open_form_and_one_that_calls_people_are_adaptive_cards() -> None:
    step = with_forms(neutral.step_card(view(), OPEN_STEP), view())
    assert_valid("spent", cards.spent(step, NASTY)["attachments"][0]["content"])
    place = next(n for n, each in enumerate(step.choices, 1) if each.verb == "link")
    assert_valid("opened", cards.attachment(step, opened=str(place))["content"])
    called = Card("notice", "Help", calls=(("teams", "t", "a"), ("teams", "t", "b")))
    content = cards.attachment(called, names={"a": NASTY})["content"]
    assert "msteams" in content
    assert_valid("called", content)
    assert_valid("empty", cards.attachment(Card("notice"))["content"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "AdaptiveCard", "body": [{"type": "RichTextBlock"}]},
        {"type": "AdaptiveCard", "body": [], "msteams": {}},
        {"type": "AdaptiveCard", "body": [{"type": "ActionSet", "actions": [{"type": "Action.Wrong"}]}]},
        {"type": "AdaptiveCard", "body": [{"type": "Input.Text"}]},
        {"type": "AdaptiveCard", "body": [{"type": "RichTextBlock", "inlines": [{"type": "TextRun"}]}]},
    ],
)
def test_the_schema_does_refuse_what_is_none_of_its(wrong: dict[str, Any]) -> None:
    assert next(validator("AdaptiveCard").iter_errors(wrong), None)
