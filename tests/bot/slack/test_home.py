"""The Home tab: whole cards below one another, as many as there is room for."""

from __future__ import annotations

from typing import Any

from slack_sdk.models.views import View

from bot import cards
from bot.card import Card, Choice, Text
from bot.slack import home
from engine.session import Status
from tests.bot.card_views import hostile_view, view
from tests.bot.slack.drawing import assert_blocks, of_type, texts


def drawn(*shown: Card) -> list[dict[str, Any]]:
    found = home.view(shown)
    assert found["type"] == "home"
    assert_blocks("home", found["blocks"], "home")
    View(**found).validate_json()
    blocks: list[dict[str, Any]] = found["blocks"]
    return blocks


def paragraphs(count: int, name: str) -> Card:
    choices = (
        Choice("Open", "open", {"session": name}),
        Choice("More", "path", {"session": name}, more=True),
    )
    return Card("list", name, tuple(Text(f"{name} {n}") for n in range(count)), choices)


def test_cards_stand_in_their_order_with_a_line_between() -> None:
    found = drawn(cards.mine([view()]), cards.queue([view(Status.REQUESTING_ESCALATION)]), cards.help_card())
    assert [block["text"]["text"] for block in of_type(found, "header")] == [
        "Your sessions",
        "Waiting for help",
        "How to start",
    ]
    assert [block["type"] for block in found].count("divider") == 2


def test_no_two_buttons_of_the_whole_tab_are_confused() -> None:
    found = drawn(*(cards.session_card(view(status)) for status in Status))
    ids = [each["action_id"] for each in of_type(found, "button", "static_select")]
    assert len(ids) == len(set(ids)) > 12


def test_what_has_no_room_is_counted_and_no_card_is_cut_in_two() -> None:
    found = drawn(*(paragraphs(20, f"Card {n}") for n in range(8)))
    assert len(found) <= 100
    assert [block["text"]["text"] for block in of_type(found, "header")] == [f"Card {n}" for n in range(4)]
    assert found[-2]["type"] == "actions"
    assert texts(found[-1]) == "… and 4 more, which do not fit here."


def test_exactly_a_hundred_blocks_have_room() -> None:
    found = drawn(paragraphs(47, "A"), paragraphs(48, "B"))
    assert len(found) == 49 + 1 + 50
    assert "more, which" not in texts(found)


def test_a_hundred_blocks_with_more_to_come_leave_room_to_say_so() -> None:
    found = drawn(paragraphs(47, "A"), paragraphs(48, "B"), paragraphs(1, "C"))
    assert len(found) == 50
    assert texts(found[-1]) == "… and 2 more, which do not fit here."


def test_hostile_cards_fill_the_tab_and_break_nothing() -> None:
    found = drawn(*(cards.session_card(hostile_view(status)) for status in Status))
    assert "more, which do not fit here" in texts(found[-1])


def test_a_tab_without_cards_is_not_empty() -> None:
    assert len(drawn()) == 1
