"""The answers that cannot wait: windows while they load, suggestions, field errors. None costs an acknowledgement."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.form_checks import NO_TICKET
from bot.slack import modals
from bot.slack.actions import external_id, metadata
from bot.slack.answers import Limits
from bot.slack.api import Away, Refused
from bot.words import say
from tests.bot.slack.slack_site import FakeApi, Site, slack_site
from tests.bot.slack.test_listen import KEPT, ours
from tests.bot.slack.test_payloads import click, submission
from tests.conftest import Database

HOOK = "https://hooks.slack.com/actions/T1/1/x"


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    async with slack_site(database) as opened:
        yield opened


@pytest.fixture
async def hasty(database: Database) -> AsyncIterator[Site]:
    """Waits for nothing that does not answer at once."""
    quick = Limits(answer=0.05, check=0.05, search=0.05, apology=0.05)
    async with slack_site(database, quick) as opened:
        yield opened


def api(site: Site) -> FakeApi:
    assert site.workspaces.api is not None
    return site.workspaces.api


def typed(name: str, value: str, *, optional: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """An input and what stands in it."""
    block = {
        "type": "input",
        "block_id": f"f:{name}",
        "optional": optional,
        "label": {"type": "plain_text", "text": name},
        "element": {"type": "plain_text_input", "action_id": "fp:field"},
    }
    return block, {"fp:field": {"type": "plain_text_input", "value": value}}


def form(verb: str, *inputs: tuple[dict[str, Any], dict[str, Any]], **args: str) -> dict[str, Any]:
    return submission(
        blocks=[block for block, _ in inputs],
        state={"values": {block["block_id"]: given for block, given in inputs}},
        private_metadata=metadata(verb, args, "slack:T1:C1:5.1"),
    )


# ── The window while it loads ───────────────────────────────────────────────────────────────────────────────


async def test_a_click_that_opens_a_form_gets_its_window_at_once(site: Site) -> None:
    body = ours(site, click("pause", {"session": "s"}))
    assert await site.interact(body) == KEPT
    [(method, told)] = api(site).calls
    assert (method, told["trigger_id"]) == ("views.open", body["trigger_id"])
    order = f"slack:{site.team}:C1:5.1"
    assert told["view"] == modals.loading(external_id(body["trigger_id"]), order)
    assert await site.keys() == [f"act:{body['trigger_id']}"]


async def test_a_click_inside_a_window_gets_its_own_on_top(site: Site) -> None:
    inside = {"type": "modal", "id": "V1", "private_metadata": metadata(order="slack:T1:C9:1.1")}
    body = ours(
        site, click("connect", view=inside, container={"type": "view", "view_id": "V1"}, channel=None)
    )
    assert await site.interact(body) == KEPT
    assert [method for method, _ in api(site).calls] == ["views.push"]
    assert [order for _, order, _ in await site.rows()] == [f"slack:{site.team}:C9:1.1"]


async def test_a_bare_command_and_a_shortcut_get_a_window_and_a_said_one_none(site: Site) -> None:
    command = {"command": "/flowpilot", "team_id": site.team, "user_id": "U1"}
    assert await site.form({**command, "text": "", "trigger_id": f"1.{site.team}"}) == KEPT
    assert await site.form({**command, "text": "mine", "trigger_id": f"2.{site.team}"}) == KEPT
    shortcut = {"type": "message_action", "callback_id": "add_to_session", "team": {"id": site.team}}
    assert await site.interact({**shortcut, "user": {"id": "U1"}, "trigger_id": f"3.{site.team}"}) == KEPT
    assert [told["trigger_id"] for _, told in api(site).calls] == [f"1.{site.team}", f"3.{site.team}"]
    assert len(await site.rows()) == 3


async def test_somebody_of_another_workspace_gets_no_window_that_nobody_would_fill(site: Site) -> None:
    body = ours(site, click("pause")) | {"user": {"id": "U9", "team_id": "T0ELSEWHERE"}}
    assert await site.interact(body) == KEPT
    assert api(site).calls == []


async def test_a_repeated_click_opens_no_second_window(site: Site) -> None:
    body = ours(site, click("pause"))
    assert [await site.interact(body) for _ in range(2)] == [KEPT, KEPT]
    assert len(api(site).calls) == 1


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Refused("expired_trigger_id", "views.open"), "expired_trigger_id"),
        (Refused("invalid_auth", "views.open"), "invalid_auth"),
        (Away(2, "http_503", "views.open"), "slack_away"),
        (RuntimeError("hunter2"), "unexpected"),
    ],
    ids=str,
)
async def test_a_window_that_cannot_be_opened_leaves_a_word_for_the_worker(
    site: Site, failure: Exception, reason: str
) -> None:
    api(site).fails = failure
    body = ours(site, click("pause", response_url=HOOK))
    assert await site.interact(body) == KEPT
    [clicked, failed] = await site.rows()
    assert failed[:2] == (f"vf:{body['trigger_id']}", clicked[1])
    assert failed[2] == {
        "kind": "view_failed",
        "body": {
            "team": site.team,
            "user": "U1",
            "channel": "C1",
            "thread": "5.1",
            "reason": reason,
            "response_url": body["response_url"],
            "external_id": external_id(body["trigger_id"]),
        },
    }
    assert site.workspaces.forgotten == ([site.team] if reason == "invalid_auth" else [])


async def test_a_workspace_without_a_token_gets_no_window_and_an_answer_later(site: Site) -> None:
    site.workspaces.api = None
    assert await site.interact(ours(site, click("pause"))) == KEPT
    assert [kept["body"].get("reason") for _, _, kept in await site.rows()] == [None, "no_token"]


async def test_slack_that_does_not_answer_is_not_waited_for(hasty: Site) -> None:
    api(hasty).waits = asyncio.Event()
    assert await hasty.interact(ours(hasty, click("pause"))) == KEPT
    assert [kept["body"].get("reason") for _, _, kept in await hasty.rows()] == [None, "slack_away"]


# ── Suggestions ─────────────────────────────────────────────────────────────────────────────────────────────


async def suggested(site: Site, value: str = "printer") -> list[tuple[str, str]]:
    body = {
        "type": "block_suggestion",
        "team": {"id": site.team},
        "user": {"id": "U1"},
        "action_id": "fp:ticket_search",
        "block_id": "f:ticket",
        "value": value,
        "view": {"type": "modal", "id": "V1", "callback_id": "fp"},
        "container": {"type": "view", "view_id": "V1"},
    }
    status, said = await site.interact(body)
    assert status == 200
    return [(each["value"], each["text"]["text"]) for each in json.loads(said)["options"]]


async def test_suggestions_are_the_tickets_that_were_found(site: Site) -> None:
    site.search.found = [(4711, "#4711 Printer"), (4712, "x" * 90)]
    assert await suggested(site, "  printer   jam ") == [("4711", "#4711 Printer"), ("4712", "x" * 74 + "…")]
    assert site.search.asked == [(site.team, "U1", "printer jam")]
    assert await site.rows() == []


async def test_nothing_found_is_no_option(site: Site) -> None:
    assert await suggested(site) == []


async def test_a_search_that_takes_too_long_says_how_to_go_on(hasty: Site) -> None:
    hasty.search.waits = asyncio.Event()
    assert await suggested(hasty) == [(NO_TICKET, say("slack.search_later"))]


async def test_a_search_that_fails_says_how_to_go_on(site: Site) -> None:
    site.search.fails = RuntimeError("hunter2")
    assert await suggested(site) == [(NO_TICKET, say("slack.search_later"))]


# ── Forms ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_form_that_fits_is_kept_and_its_windows_close(site: Site) -> None:
    body = ours(site, form("note", typed("text", "It was the fuse"), session="s"))
    assert await site.interact(body) == (200, '{"response_action": "clear"}')
    assert site.check.asked == [("note", {"session": "s"}, {"text": "It was the fuse"})]
    [(unique, order, kept)] = await site.rows()
    assert (unique, order) == (f"view:V{site.team}:1.a", f"slack:{site.team}:C1:5.1")
    assert kept == {"kind": "view", "body": body}


async def test_what_does_not_fit_stands_beside_its_field_and_nothing_is_kept(site: Site) -> None:
    site.check.wrong = {"until": "Not a time.", "": "Not yours."}
    body = ours(site, form("postpone", typed("reason", "x"), typed("until", "soon")))
    status, said = await site.interact(body)
    assert (status, json.loads(said)) == (
        200,
        {"response_action": "errors", "errors": {"f:until": "Not a time.", "f:reason": "Not yours."}},
    )
    assert await site.rows() == []


async def test_blanks_where_something_is_needed_are_refused_without_asking_the_database(site: Site) -> None:
    body = ours(site, form("note", typed("text", " \n "), typed("more", "", optional=True)))
    _, said = await site.interact(body)
    assert json.loads(said)["errors"] == {"f:text": say("error.blank")}
    assert site.check.asked == []


async def test_a_long_text_over_two_inputs_is_needed_once(site: Site) -> None:
    body = ours(site, form("note", typed("text", "all of it"), typed("text~2", "", optional=True)))
    assert (await site.interact(body))[1] == '{"response_action": "clear"}'


async def test_a_check_that_takes_too_long_or_fails_leaves_the_decision_to_the_worker(hasty: Site) -> None:
    hasty.check.wrong = {"text": "never said"}
    hasty.check.waits = asyncio.Event()
    body = ours(hasty, form("note", typed("text", "x")))
    assert await hasty.interact(body) == (200, '{"response_action": "clear"}')
    hasty.check.waits, hasty.check.fails = None, OSError("away")
    body["view"]["hash"] = "2.b"
    assert await hasty.interact(body) == (200, '{"response_action": "clear"}')
    assert len(await hasty.rows()) == 2


async def test_connecting_shows_that_it_is_being_checked(site: Site) -> None:
    body = ours(site, form("connect", typed("host", "api-na.example")))
    _, said = await site.interact(body)
    waiting = external_id(f"connect:V{site.team}:{body['view'].get('hash')}")
    assert json.loads(said) == {
        "response_action": "update",
        "view": modals.loading(waiting, f"slack:{site.team}:C1:5.1"),
    }
    assert len(await site.rows()) == 1


async def test_the_window_of_a_long_text_stays_for_its_next_part(site: Site) -> None:
    body = ours(site, form("keep_text", typed("text", "x")))
    status, said = await site.interact(body)
    assert (status, json.loads(said)["response_action"]) == (200, "update")
    assert json.loads(said)["view"]["external_id"] == external_id(
        f"keep_text:V{site.team}:{body['view'].get('hash')}"
    )
    assert len(await site.rows()) == 1
    assert site.check.asked == []


async def test_the_same_form_sent_twice_is_kept_once(site: Site) -> None:
    body = ours(site, form("note", typed("text", "x")))
    assert {await site.interact(body) for _ in range(2)} == {(200, '{"response_action": "clear"}')}
    assert len(await site.rows()) == 1
