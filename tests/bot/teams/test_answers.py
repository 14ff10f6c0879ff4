"""The answers that cannot wait: refusals before anything is kept, searches, the way back, and windows that never open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.card import Card, Choice, Field, Form, Text
from bot.form_checks import WHOLE
from bot.teams import cards
from bot.teams.addresses import ref
from bot.teams.answers import CARD, MESSAGE, Limits
from bot.words import say
from tests.bot.teams.activities import ANNA, CHAT, HELP, activity, carries, extension, press, thumbs
from tests.bot.teams.route_site import Site, route_site
from tests.conftest import Database

SESSION = {"session": "s"}
LINK = Form("link", (Field("ticket", "Ticket", "ticket"), Field("why", "Why", "long_text")), "Link", SESSION)
STORED = Card(
    "session",
    "Printer",
    (Text("Offline since nine"),),
    (
        Choice("Undo", "undo", SESSION),
        Choice("Link", "link", SESSION, form=Card("form", "Link a ticket", form=LINK)),
    ),
)


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    async with route_site(database) as opened:
        yield opened


@pytest.fixture
async def hasty(database: Database) -> AsyncIterator[Site]:
    """Waits for nothing that does not answer at once."""
    async with route_site(database, Limits(check=0.05, card=0.05, search=0.05)) as opened:
        opened.shown.card = STORED
        yield opened


def told(sentence: str) -> dict[str, Any]:
    return {"statusCode": 200, "type": MESSAGE, "value": sentence}


def searching(words: str, *, number: str = "2", **more: Any) -> dict[str, Any]:
    carried = carries("search_tickets", {**SESSION, "form": number}) | {f"f{number}:ticket~search": words}
    return press(carried | more, HELP, "1690000000000")


def words_of(answer: dict[str, Any]) -> str:
    return json.dumps(answer["value"], ensure_ascii=False)


# ── Buttons and forms ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_button_is_checked_kept_and_acknowledged(site: Site) -> None:
    assert await site.invoke(site.ours(press(carries("answer", {"step": "1"})))) == told(say("teams.kept"))
    assert site.check.asked == [("answer", {"step": "1"})]
    assert len(await site.rows()) == 1


async def test_a_button_that_cannot_count_is_refused_and_not_kept(site: Site) -> None:
    site.check.late = "Step 1 was answered already."
    assert await site.invoke(site.ours(press(carries("answer", {"step": "1"})))) == told(site.check.late)
    assert await site.rows() == []


async def test_a_form_is_checked_with_its_fields_and_told_beside_their_labels(site: Site) -> None:
    site.check.wrong, site.shown.card = {"ticket": say("error.ticket"), WHOLE: "All of it."}, STORED
    body = site.ours(press(carries("link", SESSION, "2", ticket="x", why="y")))
    assert await site.invoke(body) == told(f"Ticket: {say('error.ticket')} All of it.")
    assert site.check.asked == [("link", SESSION, {"ticket": "x", "why": "y"})]
    assert await site.rows() == []


async def test_a_form_whose_card_is_gone_is_refused_without_labels(site: Site) -> None:
    site.check.wrong = {"ticket": say("error.ticket")}
    assert await site.invoke(site.ours(press(carries("link", SESSION, "2")))) == told(say("error.ticket"))


async def test_an_empty_box_is_told_so(site: Site) -> None:
    assert await site.invoke(site.ours(press(carries("say", SESSION) | {"say": " "}))) == told(
        say("teams.empty_box")
    )
    assert await site.rows() == []
    assert await site.invoke(site.ours(press(carries("say", SESSION) | {"say": "It beeps"}))) == told(
        say("teams.kept")
    )
    assert len(await site.rows()) == 1


@pytest.mark.parametrize("failure", [RuntimeError("x"), TimeoutError()], ids=str)
async def test_what_cannot_be_checked_is_left_to_the_worker(site: Site, failure: Exception) -> None:
    site.check.fails = failure
    assert await site.invoke(site.ours(press(carries("answer")))) == told(say("teams.kept"))
    assert await site.invoke(site.ours(press(carries("pause", {}, "1")))) == told(say("teams.kept"))
    assert len(await site.rows()) == 2


async def test_a_check_that_does_not_end_is_not_waited_for(hasty: Site) -> None:
    hasty.check.waits = asyncio.Event()
    assert await hasty.invoke(hasty.ours(press(carries("answer")))) == told(say("teams.kept"))


@pytest.mark.parametrize(
    "value", [None, 7, {}, {"action": {"data": {"theirs": 1}}}, {"action": {"data": carries("X")}}]
)
async def test_a_button_nobody_can_read_is_told_so(site: Site, value: Any) -> None:
    assert await site.invoke(site.ours(press({}, value=value))) == told(say("teams.not_a_button"))
    assert await site.rows() == []


# ── Tickets ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_search_answers_with_its_form_alone_and_what_was_found(site: Site) -> None:
    site.shown.card, site.search.found = STORED, [(4711, "#4711 Printer offline")]
    answer = await site.invoke(site.ours(searching(" printer \n offline ", **{"f2:why": "Same printer"})))
    assert (answer["statusCode"], answer["type"]) == (200, CARD)
    assert site.search.asked == [(site.tenant, ANNA, "printer offline")]
    assert site.shown.asked == [(site.tenant, ANNA, ref(HELP, "1700000000900"))]
    drawn = words_of(answer)
    assert "#4711 Printer offline" in drawn
    assert "Same printer" in drawn
    assert '"f2:ticket"' in drawn
    assert "Offline since nine" not in drawn
    assert await site.rows() == []


async def test_a_search_for_nothing_asks_for_his_own_tickets(site: Site) -> None:
    site.shown.card = STORED
    await site.invoke(site.ours(searching("")))
    assert site.search.asked == [(site.tenant, ANNA, "")]


async def test_a_search_that_fails_leaves_the_form_and_says_so(hasty: Site) -> None:
    hasty.search.waits = asyncio.Event()
    slow = await hasty.invoke(hasty.ours(searching("printer")))
    hasty.search.waits, hasty.search.fails = None, RuntimeError("x")
    failed = await hasty.invoke(hasty.ours(searching("printer")))
    for answer in (slow, failed):
        assert answer["type"] == CARD
        assert say("teams.search_later") in words_of(answer)


async def test_a_card_that_was_drawn_anew_is_searched_in_the_form_with_the_same_arguments(site: Site) -> None:
    site.shown.card = STORED
    assert '"f2:ticket~search"' in words_of(await site.invoke(site.ours(searching("x", number="1"))))
    other = carries("search_tickets", {"session": "another", "form": "2"})
    assert await site.invoke(site.ours(press(other))) == told(say("teams.card_gone"))


async def test_the_way_back_shows_the_card_as_it_stands_now(site: Site) -> None:
    back = press(carries("back", {**SESSION, "form": "2"}))
    assert await site.invoke(site.ours(back)) == told(say("teams.card_gone"))
    site.shown.card = STORED
    answer = await site.invoke(site.ours(back))
    assert answer == {"statusCode": 200, "type": CARD, "value": cards.attachment(STORED)["content"]}
    assert site.shown.asked[-1] == (site.tenant, ANNA, ref(CHAT, "1700000000900"))
    assert await site.rows() == []


async def test_a_card_that_cannot_be_read_is_told_and_nothing_else_happens(hasty: Site) -> None:
    hasty.shown.waits = asyncio.Event()
    assert (await hasty.invoke(hasty.ours(searching("x"))))["value"] == say("teams.no_database")
    assert (await hasty.invoke(hasty.ours(press(carries("back")))))["value"] == say("teams.no_database")


# ── Everything else ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["composeExtension/fetchTask", "composeExtension/submitAction"])
async def test_a_message_extension_is_kept_and_told_so(site: Site, name: str) -> None:
    body = site.ours({**extension(), "name": name})
    assert await site.invoke(body) == {"task": {"type": "message", "value": say("teams.extension_kept")}}
    assert [kept["body"] for _, _, kept in await site.rows()] == [body]


async def test_thumbs_are_kept_and_answered_with_nothing(site: Site) -> None:
    assert await site.invoke(site.ours(thumbs())) == {}
    assert len(await site.rows()) == 1


async def test_a_window_is_never_opened_and_the_card_is_named_instead(site: Site) -> None:
    asked = activity("invoke", name="task/fetch", value={"data": {"fp": {"verb": "pause"}}})
    assert await site.invoke(site.ours(asked)) == {
        "task": {"type": "message", "value": say("teams.use_card")}
    }
    assert await site.rows() == []


@pytest.mark.parametrize(
    "name", ["signin/verifyState", "fileConsent/invoke", "composeExtension/query", "", 7]
)
async def test_an_unknown_invoke_is_answered_501_and_not_kept(site: Site, name: Any) -> None:
    assert await site.send(site.ours(activity("invoke", name=name))) == (501, "")
    assert await site.rows() == []
