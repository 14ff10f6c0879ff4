"""The web process and the practice Slack: what people do there arrives once, and what cannot wait is answered at once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from bot.card import Card, Choice, Field, Form, Text
from bot.settings import Settings
from bot.slack import blocks, modals, payloads
from bot.slack.actions import external_id
from bot.slack.api import Api
from bot.slack.listen import PATH
from bot.words import say
from demo.slack import PracticeSlack, practice_slack
from storage.store import Store
from storage.workspaces import Workspaces
from tests.bot.slack.slack_site import SECRET, VAULT
from tests.bot.slack.test_ingress import web_process
from tests.bot.waiting import until
from tests.conftest import Database

TEAM = "T0PRACTICE"


@dataclass
class Practice:
    slack: PracticeSlack
    api: Api
    database: Database

    async def rows(self) -> list[tuple[str, str, dict[str, Any]]]:
        query = "select unique_key, order_key, payload from inbox where platform = 'slack' order by id"
        async with await psycopg.AsyncConnection.connect(self.database.owner_url) as connection:
            found = await (await connection.execute(query)).fetchall()
        return [(unique, order, json.loads(VAULT.open(payload))) for unique, order, payload in found]

    async def kinds(self) -> list[str]:
        return [kept["kind"] for _, _, kept in await self.rows()]

    async def post(self, *choices: Choice) -> str:
        """A message with these buttons, from the app."""
        drawn = blocks.message(Card("notice", "Outlook", (Text("Step 1"),), choices))
        answer = await self.api.call("chat.postMessage", channel="C0HELP", **drawn)
        await self.slack.idle()
        return str(answer["ts"])

    async def show(self, trigger: str, card: Card) -> None:
        """What the worker does with the window."""
        window = external_id(trigger)
        view = modals.view(card, window, f"slack:{TEAM}:C0HELP:1.1")
        await self.api.call("views.update", external_id=window, view=view)


def form(verb: str, *fields: Field) -> Card:
    return Card("form", "A form", form=Form(verb, fields, "Send", {"session": "s"}))


@pytest.fixture
async def practice(empty_database: Database, redis_url: str) -> AsyncIterator[Practice]:
    async with practice_slack(SECRET) as slack:
        given = Settings(slack_signing_secret=SECRET, slack_api_url=slack.api_url)
        at = {"slack_signing_secret": given.slack_signing_secret, "slack_api_url": given.slack_api_url}
        async with web_process(empty_database, redis_url, **at) as site:
            slack.events_url = site.url + PATH
            await installed(empty_database)
            api = Api("xoxb-practice", slack.api_url)
            yield Practice(slack, api, empty_database)
            await api.close()


async def installed(database: Database) -> None:
    store = Store(database.app_url, VAULT, pool_size=1)
    keys = {"token": "xoxb-practice"}
    await Workspaces(store).install("slack", TEAM, "Practice MSP", "U0FLOW", "B0FLOW", "A0FLOW", keys)
    await store.close()


async def test_a_mention_is_kept_once_however_often_it_is_sent(practice: Practice) -> None:
    heard = await practice.slack.act("U0ANNA", "say", channel="C0HELP", text="@FlowPilot the printer is down")
    await practice.slack.idle()
    await practice.slack.act("U0ANNA", "retry", number=1)
    assert (heard["events"], heard["status"]) == (2, 200)
    assert [row[:2] for row in await practice.rows()] == [
        (f"msg:{TEAM}:C0HELP:{heard['ts']}", f"slack:{TEAM}:C0HELP:{heard['ts']}")
    ]


async def test_replies_files_and_broadcasts_are_kept_and_edits_deletions_and_own_words_are_not(
    practice: Practice,
) -> None:
    slack = practice.slack
    own = await practice.post()
    assert await practice.rows() == []
    reply = await slack.act("U0ANNA", "say", channel="C0HELP", text="no change", thread_ts=own)
    file = {"name": "a.log", "mimetype": "text/plain", "content_b64": "QUJD"}
    await slack.act("U0ANNA", "say", channel="C0HELP", text="", thread_ts=own, files=[file])
    await slack.act("U0BEN", "say", channel="C0HELP", text="done", thread_ts=own, broadcast=True)
    await slack.act("U0BEN", "say", channel="C0HELP", text="lunch?")
    await slack.act("U0ANNA", "edit", channel="C0HELP", ts=reply["ts"], text="some change")
    await slack.act("U0ANNA", "delete", channel="C0HELP", ts=reply["ts"])
    await slack.act("U0ANNA", "say", channel="dm", text="the printer is down")
    await slack.idle()
    rows = await practice.rows()
    assert [kept["body"]["event"].get("subtype") for _, _, kept in rows] == [
        None, "file_share", "thread_broadcast", None
    ]  # fmt: skip
    thread = f"slack:{TEAM}:C0HELP:{own}"
    assert [order for _, order, _ in rows] == [thread, thread, thread, f"slack:{TEAM}:U0ANNA"]


async def test_what_opens_a_form_shows_its_window_before_the_worker_knows(practice: Practice) -> None:
    slack = practice.slack
    ts = await practice.post(Choice("Pause", "pause", {"session": "s"}))
    assert (await slack.act("U0ANNA", "click", channel="C0HELP", ts=ts, label="Pause"))["status"] == 200
    assert slack.views("U0ANNA")[-1]["title"]["text"] == say("slack.loading")
    assert (await slack.act("U0BEN", "command", channel="C0HELP", text=""))["status"] == 200
    said = await slack.act("U0CARLA", "say", channel="C0HELP", text="my mouse is broken")
    await slack.act("U0CARLA", "shortcut", callback_id="troubleshoot_this", channel="C0HELP", ts=said["ts"])
    assert [len(slack.views(who)) for who in ("U0BEN", "U0CARLA")] == [1, 1]
    assert await practice.kinds() == ["action", "command", "shortcut"]


async def test_a_window_that_came_too_late_leaves_a_word_for_the_worker(practice: Practice) -> None:
    practice.slack.world.settings.trigger_seconds = 0
    await practice.slack.act("U0ANNA", "command", channel="C0HELP", text="")
    command, failed = await practice.rows()
    assert (command[2]["kind"], failed[2]["kind"]) == ("command", "view_failed")
    assert failed[2]["body"]["reason"] == "expired_trigger_id"
    assert failed[1] == command[1] == f"slack:{TEAM}:U0ANNA"


async def test_a_form_is_refused_beside_its_fields_and_closes_when_it_fits(practice: Practice) -> None:
    slack = practice.slack
    asked = await slack.act("U0ANNA", "command", channel="C0HELP", text="")
    await practice.show(asked["trigger_id"], form("link", Field("number", "Ticket", required=True)))
    refused = await slack.act("U0ANNA", "submit", values={"number": "the printer"})
    assert (refused["outcome"], refused["errors"]) == ("errors", {"f:number": say("error.ticket")})
    assert (await slack.act("U0ANNA", "submit", values={"number": "  "}))["errors"] == {
        "f:number": say("error.blank")
    }
    assert await practice.kinds() == ["command"]
    taken = await slack.act("U0ANNA", "submit", values={"number": "#4711"})
    assert (taken["status"], slack.views("U0ANNA")) == (200, [])
    assert await practice.kinds() == ["command", "view"]
    assert (await practice.rows())[-1][1] == f"slack:{TEAM}:C0HELP:1.1"


async def test_connecting_leaves_a_window_for_the_result(practice: Practice) -> None:
    asked = await practice.slack.act("U0ANNA", "command", channel="C0HELP", text="")
    await practice.show(asked["trigger_id"], form("connect", Field("host", "Host", required=True)))
    taken = await practice.slack.act("U0ANNA", "submit", values={"host": "api-na.example"})
    [window] = practice.slack.views("U0ANNA")
    assert (taken["outcome"], window["title"]["text"]) == ("update", say("slack.loading"))
    submitted = (await practice.rows())[-1][2]
    assert submitted["kind"] == "view"
    assert window["external_id"] == payloads.stays(submitted["body"])


async def test_suggestions_come_back_in_time_and_none_is_no_ticket(practice: Practice) -> None:
    asked = await practice.slack.act("U0ANNA", "command", channel="C0HELP", text="")
    await practice.show(asked["trigger_id"], form("link", Field("ticket", "Ticket", "ticket")))
    found = await practice.slack.act("U0ANNA", "suggest", action_id="fp:ticket_search", value="printer")
    assert (found["status"], found["options"]) == (200, [])


async def test_a_slack_that_stalls_costs_no_acknowledgement(practice: Practice) -> None:
    practice.slack.faults.add(kind="stall", method="views.open", seconds=5)
    heard = await practice.slack.act("U0ANNA", "command", channel="C0HELP", text="")
    assert heard["status"] == 200
    assert [kept["body"].get("reason") for _, _, kept in await practice.rows()] == [None, "slack_away"]


async def test_through_a_socket_people_are_heard_too(empty_database: Database, redis_url: str) -> None:
    async with practice_slack(SECRET) as slack:
        at = {"slack_app_token": "xapp-practice", "slack_api_url": slack.api_url}
        async with web_process(empty_database, redis_url, **at):
            await installed(empty_database)
            practice = Practice(slack, Api("", slack.api_url), empty_database)
            await until(lambda: bool(slack.sockets.count), "the socket is open")
            heard = await slack.act("U0ANNA", "say", channel="C0HELP", text="@FlowPilot the printer is down")
            asked = await slack.act("U0ANNA", "command", channel="C0HELP", text="")
            await slack.idle()
            assert (heard["status"], asked["status"]) == (200, 200)
            assert await practice.kinds() == ["event", "command"]
            assert len(slack.views("U0ANNA")) == 1
