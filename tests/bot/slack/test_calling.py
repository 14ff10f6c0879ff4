"""Whom Slack notifies, whom it is asked about, and where a private answer or an apology goes."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from bot.card import Card, Text
from bot.front import Front
from bot.reminders import Reminders
from bot.slack import said
from bot.slack.api import Api
from bot.slack.fetching import Fetching, SlackPerson, WantsPerson
from bot.slack.reading import SlackReader
from bot.slack.routes import keep_route
from bot.slack.send import SlackVoice
from bot.viewing import view_of
from demo.slack import PracticeSlack, practice_slack
from engine.effects import RemindUnclaimed, Show
from engine.events import EscalationRequested
from engine.ports import OwedRow, Received
from engine.session import Target
from storage.places import Place
from storage.workspaces import Workspaces, make_code
from tests.conftest import Database
from tests.fakes import office, room


class OneWorkspace:
    """Everybody's Api is that of the practice Slack."""

    def __init__(self, slack: PracticeSlack) -> None:
        self.api = Api("xoxb-practice", slack.api_url)

    async def of(self, team: str) -> Api:
        return self.api

    def forget(self, team: str) -> None: ...


async def test_a_card_calls_those_of_its_own_workspace_and_nothing_anybody_wrote_calls(
    database: Database,
) -> None:
    async with practice_slack("secret") as slack, office(database.app_url, pool_size=1) as place:
        apis: Any = OneWorkspace(slack)
        calls = (("slack", "T0PRACTICE", "U0CARLA"), ("slack", "T0OTHER", "U0STRANGE"))
        card = Card("notice", "", (Text("<@U0BEN> has waited, <!channel>"),), calls=calls)
        at = Place(uuid4(), "escalations", "slack", "T0PRACTICE", "C0ESC", "")
        await SlackVoice(place.store, apis).show(at, "reminder:1", card, None, again=False)
        await apis.api.close()
        [message] = slack.channel("C0ESC")["messages"]
    drawn = json.dumps(message["blocks"])
    assert '"user_id": "U0CARLA"' in drawn
    assert "U0STRANGE" not in drawn
    assert drawn.count('"type": "user"') == 1


async def test_the_second_reminder_calls_the_leads_wherever_they_are_known(database: Database) -> None:
    async with office(database.app_url, pool_size=2) as place:
        session, team = await place.start(), f"T{uuid4().hex[:8]}"
        async with place.store.transaction(place.account) as unit:
            await unit.accounts.add_identity(place.lea.id, "slack", team, "U0LEA")
        desk = room(place).desk
        await place.apply(desk, session, EscalationRequested(place.anna, "Stuck", Target()))
        async with place.store.transaction(place.account) as unit:
            view = await view_of(unit, session, whole=True)
            assert view is not None
            timer = RemindUnclaimed(number=2, epoch=view.session.epoch)
            due = await Reminders().decide(unit, OwedRow(1, timer, 1, unit.now), view)
    [(_, card)] = due.channel
    assert card.calls == (("slack", team, "U0LEA"),)


async def test_slack_is_not_asked_about_each_message_of_a_guest() -> None:
    async with practice_slack("secret") as slack:
        apis: Any = OneWorkspace(slack)
        seconds = 0.0
        fetching = Fetching(apis, clock=lambda: seconds)
        guest = WantsPerson("T0PRACTICE", "U0GUEST")
        found = [await fetching.fetch(guest) for _ in range(3)]
        assert [each.full for each in found if isinstance(each, SlackPerson)] == [False] * 3
        assert len(slack.journal(method="users.info")) == 1
        seconds = 301.0
        await fetching.fetch(guest)
        assert len(slack.journal(method="users.info")) == 2
        await apis.api.close()


async def test_whoever_is_known_is_told_that_his_words_failed_without_what_could_not_be_fetched(
    database: Database,
) -> None:
    async with office(database.app_url, pool_size=2) as place:
        team = f"T{uuid4().hex[:8]}"
        await Workspaces(place.store).install("slack", team, "MSP", "U0FLOW", "B0", "A0", {"token": "xoxb-1"})
        async with place.store.transaction(place.account) as unit:
            code = await make_code(unit, "slack", place.anna.id)
            await unit.accounts.add_identity(place.anna.id, "slack", team, "U0ANNA")
        async with place.store.transaction() as unit:
            assert await unit.redeem("slack", team, code) == place.account
        body = {
            "command": "/flowpilot", "team_id": team, "user_id": "U0ANNA", "channel_id": "C0HELP",
            "text": "printer down", "trigger_id": "1.2.3", "response_url": "",
        }  # fmt: skip
        payload = json.dumps({"kind": "command", "body": body}).encode()
        async with place.store.transaction() as unit:
            received = Received(1, "slack", payload, unit.now, 4)
            nobody: Any = None
            front = Front({"slack": SlackReader(Fetching(nobody))})
            [act] = await front.apologise(received, unit, "E-1")
    [shown] = act.effects
    assert isinstance(shown, Show)
    assert (shown.to, shown.what) == (place.anna.id, "error:E-1")


async def test_a_private_answer_goes_into_a_thread_only_if_there_is_one(database: Database) -> None:
    async with practice_slack("secret") as slack, office(database.app_url, pool_size=1) as place:
        apis: Any = OneWorkspace(slack)
        told: list[Any] = []
        for thread_ts, ephemeral in (("", False), ("", True), ("5.1", False)):
            word = said.read(_pressed("5.1", thread_ts, ephemeral=ephemeral))
            assert word is not None
            assert (word.thread, word.answer_thread) == ("" if ephemeral else "5.1", thread_ts)
            async with place.store.transaction(place.account) as unit:
                way = (await keep_route(unit, place.anna.id, word)).partition(":")[2]
            card = Card("notice", "", (Text("Only you see this"),))
            assert await SlackVoice(place.store, apis).answer(place.account, place.anna.id, way, card)
            told.append(slack.journal(method="chat.postEphemeral")[-1]["args"].get("thread_ts"))
        await apis.api.close()
    assert told == [None, None, "5.1"]


def _pressed(ts: str, thread_ts: str, *, ephemeral: bool) -> bytes:
    """A click on a root: Slack names its thread only once somebody has replied."""
    body = {
        "type": "block_actions", "team": {"id": "T0PRACTICE"}, "user": {"id": "U0ANNA"}, "trigger_id": "1.2.3",
        "channel": {"id": "C0HELP"}, "actions": [{"type": "button", "action_id": "fp:mine:0", "value": "v=mine"}],
        "container": {"type": "message", "message_ts": ts, "channel_id": "C0HELP", "is_ephemeral": ephemeral},
        "message": {"ts": ts, **({"thread_ts": thread_ts} if thread_ts else {})},
    }  # fmt: skip
    return json.dumps({"kind": "action", "body": body}).encode()
