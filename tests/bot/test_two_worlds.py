"""One Account in Slack and in Teams: whoever picks a Session up works where he is, and both cards tell the same truth."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from bot.psa_door import Doors
from bot.slack.api import Api
from bot.slack.send import SlackVoice
from bot.talk import Talk
from bot.teams.send import TeamsVoice
from bot.voices import ConsoleVoice, Voice
from demo.slack import PracticeSlack, practice_slack
from engine.effects import ShowCard, ShowStep
from engine.events import EscalationRequested, Event, PickedUp, StepAnswered, TakenOver
from engine.session import Person, StepKind, Target
from storage.places import Place
from tests.bot.teams.fake_connector import ANNA, BEN, ESC, HELP, LEA, FakeConnector, reached, tenant_of
from tests.conftest import Database
from tests.fakes import Office, Room, office, room


class OneWorkspace:
    """Everybody's Api is that of the practice Slack."""

    def __init__(self, slack: PracticeSlack) -> None:
        self.api = Api("xoxb-practice", slack.api_url)

    async def of(self, team: str) -> Api:
        return self.api

    def forget(self, team: str) -> None: ...


@dataclass
class Worlds:
    """Anna works in Teams; a Session of hers lives in a thread of its help channel."""

    place: Office
    slack: PracticeSlack
    team: str
    tenant: str
    connector: FakeConnector
    work: Room

    async def in_slack(self, person: Person, known_as: str) -> None:
        await self._known(person, "slack", self.team, known_as)

    async def in_teams(self, person: Person, known_as: str) -> None:
        await self._known(person, "teams", self.tenant, known_as)

    async def _known(self, person: Person, platform: str, workspace: str, known_as: str) -> None:
        async with self.place.store.transaction(self.place.account) as unit:
            await unit.accounts.add_identity(person.id, platform, workspace, known_as)

    async def escalates_in(self, *platforms: str) -> None:
        both = {
            "escalation_channel": f"{self.team}:C0ESC",
            "escalation_channel_teams": f"{self.tenant}|{ESC}",
        }
        chosen = {"slack": "escalation_channel", "teams": "escalation_channel_teams"}
        async with self.place.store.transaction(self.place.account) as unit:
            await unit.accounts.change_settings({chosen[p]: both[chosen[p]] for p in platforms})

    async def session(self, platform: str = "teams", channel: str = HELP) -> UUID:
        session = await self.place.start()
        workspace = {"teams": self.tenant, "slack": self.team}[platform]
        async with self.place.store.transaction(self.place.account) as unit:
            thread = f"17.{session.int % 10**9}" if platform == "teams" else f"new:{session}"
            await unit.places.ensure("thread", platform, workspace, channel, thread, session)
            await unit.outbox.owe(session, (ShowCard(), ShowStep(step=1)))
        await self._settled(session)
        return session

    async def happens(self, session: UUID, *events: Event) -> None:
        for event in events:
            await self.place.apply(self.work.desk, session, event)
            await self._settled(session)

    async def _settled(self, session: UUID) -> None:
        await self.work.deliver(session)
        assert self.work.trouble.noted == []

    async def helped(self, by: Person, platform: str = "teams", channel: str = HELP) -> UUID:
        """Anna asks for help with a Session that lives there, and he picks it up."""
        session = await self.session(platform, channel)
        asked = EscalationRequested(self.place.anna, "The queue stays stuck", Target())
        await self.happens(session, asked, PickedUp(by))
        return session

    async def places(self, session: UUID) -> dict[str, list[Place]]:
        async with self.place.store.transaction(self.place.account) as unit:
            found = [p for p in await unit.places.of_session(session) if p.kind == "thread"]
        return {name: [p for p in found if p.platform == name] for name in ("slack", "teams")}

    async def cards(self, session: UUID, key: str) -> dict[str, Any]:
        """What stands under this key, by platform, as it is stored: without the forms that only Teams brings along."""
        async with self.place.store.transaction(self.place.account) as unit:
            found = await unit.places.threads(session, key)
        return {p.platform: (m.card["title"], m.card["blocks"]) for p, m in found if m and m.external_ref}


@pytest.fixture
async def worlds(database: Database) -> AsyncIterator[Worlds]:
    async with practice_slack("secret") as slack, office(database.app_url, pool_size=2) as place:
        apis: Any = OneWorkspace(slack)
        tenant, team, connector = await tenant_of(place), f"T{uuid4().hex[:10].upper()}", FakeConnector()
        await reached(place, tenant, HELP, "channel")
        voices: dict[str, Voice] = {
            "slack": SlackVoice(place.store, apis),
            "teams": TeamsVoice(place.store, connector),
            "console": ConsoleVoice(),
        }
        guide: Any = None  # nothing that is drawn here asks it
        doors = Doors(place.store, lambda _: pytest.fail("there is no connection"))
        talk: Any = Talk(place.store, doors, guide, voices)
        made = Worlds(place, slack, team, tenant, connector, room(place, talk=talk))
        await made.in_teams(place.anna, ANNA)
        yield made
        await apis.api.close()


async def briefed(worlds: Worlds, session: UUID) -> int:
    """The number of the briefing that waits for its reader."""
    current = (await worlds.place.session(session)).current
    assert current is not None
    assert current.kind is StepKind.BRIEFING
    return current.number


async def test_who_is_only_in_slack_works_in_his_direct_messages_there(worlds: Worlds) -> None:
    ben = worlds.place.ben
    await worlds.in_slack(ben, "U0BEN")
    session = await worlds.helped(ben)
    found = await worlds.places(session)
    assert [p.channel for p in found["teams"]] == [HELP]
    [own] = found["slack"]
    assert own.channel == worlds.slack.dm("U0BEN")["id"]
    step = await briefed(worlds, session)
    for key in ("card", f"step:{step}"):
        shown = await worlds.cards(session, key)
        assert set(shown) == {"slack", "teams"}
        assert shown["slack"] == shown["teams"]


async def test_what_he_answers_there_is_seen_in_both(worlds: Worlds) -> None:
    ben = worlds.place.ben
    await worlds.in_slack(ben, "U0BEN")
    session = await worlds.helped(ben)
    step = await briefed(worlds, session)
    await worlds.happens(session, StepAnswered(ben, step, option="continue"))
    after = await worlds.place.session(session)
    assert after.current is not None
    assert after.current.number == step + 1
    for key in ("card", f"step:{step}", f"step:{step + 1}"):
        shown = await worlds.cards(session, key)
        assert shown["slack"] == shown["teams"], key


async def test_he_works_under_the_request_for_help_where_it_stands_in_his_world(worlds: Worlds) -> None:
    ben = worlds.place.ben
    await worlds.in_slack(ben, "U0BEN")
    await worlds.escalates_in("slack", "teams")
    session = await worlds.helped(ben)
    found = await worlds.places(session)
    [under] = found["slack"]
    [root] = [m["ts"] for m in worlds.slack.channel("C0ESC")["messages"]]
    assert (under.channel, under.thread) == ("C0ESC", root)
    assert [p.channel for p in found["teams"]] == [HELP]


async def test_who_is_in_both_gets_a_place_where_the_request_stands_and_keeps_the_one_he_sees(
    worlds: Worlds,
) -> None:
    ben = worlds.place.ben
    await worlds.in_slack(ben, "U0BEN")
    await worlds.in_teams(ben, BEN)
    worlds.connector.rosters[HELP] = {ANNA, BEN}
    session = await worlds.helped(ben)
    assert (await worlds.places(session))["slack"] == []
    await worlds.escalates_in("slack")
    other = await worlds.helped(ben)
    found = await worlds.places(other)
    assert [p.channel for p in found["slack"]] == ["C0ESC"]
    assert [p.channel for p in found["teams"]] == [HELP]


async def test_who_is_only_in_teams_picks_up_what_was_started_in_slack(worlds: Worlds) -> None:
    lea = worlds.place.lea
    await worlds.in_slack(worlds.place.anna, "U0ANNA")
    await worlds.in_teams(lea, LEA)
    session = await worlds.helped(lea, "slack", "C0HELP")
    found = await worlds.places(session)
    assert [p.channel for p in found["slack"]] == ["C0HELP"]
    [own] = found["teams"]
    assert own.channel == f"user:{LEA}"
    assert worlds.connector.made("open_chat")[0].message == LEA
    assert not own.thread.startswith("new:")
    step = await briefed(worlds, session)
    shown = await worlds.cards(session, f"step:{step}")
    assert shown["slack"] == shown["teams"]


async def test_a_lead_who_takes_over_from_the_other_world_gets_a_place_as_well(worlds: Worlds) -> None:
    lea = worlds.place.lea
    await worlds.in_slack(lea, "U0CARLA")
    session = await worlds.session()
    await worlds.happens(session, TakenOver(lea, "Anna is ill"))
    found = await worlds.places(session)
    assert [p.channel for p in found["slack"]] == [worlds.slack.dm("U0CARLA")["id"]]


async def test_begun_afresh_by_somebody_of_the_other_world_it_is_shown_in_both(worlds: Worlds) -> None:
    ben = worlds.place.ben
    await worlds.in_slack(ben, "U0BEN")
    session, fresh = await worlds.session(), uuid4()
    asked = EscalationRequested(worlds.place.anna, "The queue stays stuck", Target())
    await worlds.happens(session, asked, PickedUp(ben, fresh))
    await worlds.work.deliver(fresh)
    found = await worlds.places(fresh)
    assert [p.channel for p in found["teams"]] == [HELP]
    assert [p.channel for p in found["slack"]] == [worlds.slack.dm("U0BEN")["id"]]
    shown = await worlds.cards(fresh, "card")
    assert shown["slack"] == shown["teams"]


async def test_a_handover_within_one_world_asks_nobody_in_the_other(worlds: Worlds) -> None:
    ben = worlds.place.ben
    await worlds.in_teams(ben, BEN)
    await worlds.in_slack(worlds.place.lea, "U0CARLA")
    worlds.connector.rosters[HELP] = {ANNA, BEN}
    before = len(worlds.slack.journal())
    session = await worlds.helped(ben)
    assert (await worlds.places(session))["slack"] == []
    assert len(worlds.slack.journal()) == before
