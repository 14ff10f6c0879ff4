"""What people see of a Guide at work: when Stop and Ask again stand on a card, and what typing them means."""

from __future__ import annotations

import pytest

from bot import cards
from bot.commands import Command, parse
from bot.words import say
from engine.session import Status, Turn
from tests.bot.card_views import button, row, view, words

WORKING, STOPPED = Turn(4, open=True, in_flight=True), Turn(4, stopped=True)


def test_stop_stands_under_more_while_an_answer_is_owed_and_names_its_turn() -> None:
    stop = button(cards.session_card(view(turn=WORKING)), "stop")
    assert (stop.more, stop.args["turn"]) == (True, "4")


@pytest.mark.parametrize("turn", [Turn(4), STOPPED, Turn(4, open=True, briefing=True)])
def test_there_is_no_stop_where_nothing_would_be_stopped(turn: Turn) -> None:
    assert "stop" not in [choice.verb for choice in cards.session_card(view(turn=turn)).choices]


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.ACTIVE])
def test_only_an_active_session_offers_them(status: Status) -> None:
    for turn in (WORKING, STOPPED):
        offered = {choice.verb for choice in cards.session_card(view(status, turn=turn)).choices}
        assert not offered & {"stop", "ask_again"}


def test_after_a_stop_the_card_says_so_and_asks_again_first() -> None:
    card = cards.session_card(view(turn=STOPPED))
    assert row(card) == ["ask_again", "resolve", "escalate"]
    assert say("session.stopped") in words(card)
    assert button(card, "pause").more
    assert [choice.verb for choice in card.choices if choice.style == "primary"] == ["ask_again"]


def test_the_sentence_in_the_thread_says_who_stopped_and_offers_to_ask_again() -> None:
    notice = cards.notice("guide_stopped", view(turn=STOPPED), "Ben Carter")
    assert "Ben Carter stopped FlowPilot" in words(notice)
    assert row(notice) == ["ask_again"]


@pytest.mark.parametrize(
    ("typed", "verb"),
    [("stop", "stop"), ("Stop.", "stop"), ("ask again", "ask_again"), ("Ask  again!", "ask_again")],
)
def test_they_can_be_typed(typed: str, verb: str) -> None:
    assert parse(typed) == Command(verb)


def test_a_sentence_that_begins_with_stop_is_what_a_person_says() -> None:
    assert parse("stop the spooler did not help") is None
