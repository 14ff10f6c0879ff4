"""Teams' part of the web process on a real database: what is refused before it is kept, and whose cards are shown."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from aiohttp import web

from bot.card import Card, Choice, Field, Form, Text, to_json
from bot.settings import Settings, SettingWrong
from bot.teams import cards
from bot.teams.addresses import ref
from bot.teams.ingress import add_teams
from bot.words import say
from engine.ports import Raw
from engine.session import Manner, Outcome, Status
from tests.bot.teams.activities import ANNA, HELP, TENANT, carries, press
from tests.bot.teams.route_site import SIGNED, FakeAdapter
from tests.conftest import Database
from tests.fakes import FakeDoor, Office, office

SETTINGS = Settings(teams_app_id="app", teams_app_password="secret", teams_app_tenant=TENANT)
LINK = Card(
    "form", "Link", form=Form("link", (Field("ticket", "Ticket", "ticket"),), "Link", {"session": "s"})
)
CARD = Card("session", "Printer", (Text("Offline"),), (Choice("Link", "link", {"session": "s"}, form=LINK),))


@dataclass
class Front:
    """The whole route; `kept` is what reached the inbox. Anna and Ben are known in this test's tenant."""

    url: str
    client: aiohttp.ClientSession
    office: Office
    tenant: str
    ben: str
    kept: list[Raw]

    async def invoke(self, carried: dict[str, Any], who: str = ANNA) -> Any:
        body = (
            json.dumps(press(carried, HELP, "1690000000000")).replace(TENANT, self.tenant).replace(ANNA, who)
        )
        async with self.client.post(
            f"{self.url}/api/messages", data=body, headers={"Authorization": SIGNED}
        ) as reply:
            return (await reply.json())["value"]

    async def stands(self, card: Card = CARD, tenant: str = "") -> None:
        """A card was posted under the message that samples are pressed on."""
        async with self.office.store.transaction(self.office.account) as unit:
            place = await unit.places.ensure("thread", "teams", tenant or self.tenant, HELP, f"{uuid4()}")
            await unit.places.keep(place.id, "session", to_json(card), ref(HELP, "1700000000900"))


@pytest.fixture
async def front(database: Database) -> AsyncIterator[Front]:
    async with office(database.app_url) as place, aiohttp.ClientSession() as client:
        tenant, ben, kept = str(uuid4()), str(uuid4()), list[Raw]()
        async with place.store.transaction(place.account) as unit:
            await unit.accounts.add_identity(place.anna.id, "teams", tenant, ANNA)
            await unit.accounts.add_identity(place.ben.id, "teams", tenant, ben)
        async with served(place, tenant, kept) as url:
            yield Front(url, client, place, tenant, ben, kept)


@asynccontextmanager
async def served(place: Office, tenant: str, kept: list[Raw]) -> AsyncIterator[str]:
    async def receive(raw: Raw) -> bool:
        kept.append(raw)
        return True

    async def knows(platform: str, workspace: str, external: str) -> tuple[UUID, UUID] | None:
        async with place.store.transaction() as unit:
            return await unit.identity(platform, workspace, external)

    app = web.Application()
    adapter = FakeAdapter(tenant)
    add_teams(app, SETTINGS, adapter, store=place.store, receive=receive, knows=knows, doors=FakeDoor())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


# ── Refused before it is kept ───────────────────────────────────────────────────────────────────────────────


async def test_an_answer_to_the_step_on_the_table_is_kept(front: Front) -> None:
    session = await front.office.start()
    assert await front.invoke(
        carries("answer", {"session": str(session), "step": "1", "option": "yes"})
    ) == say("teams.kept")
    assert len(front.kept) == 1


async def test_a_late_answer_is_told_and_the_same_press_once_more_is_not(front: Front) -> None:
    session, place = uuid4(), front.office
    async with place.store.transaction(place.account) as unit:
        blank = place.blank(session, unit.now)
        assert blank.current is not None
        answered = replace(
            blank.current, outcome=Outcome(Manner.ANSWERED, "", place.anna.id, unit.now, "yes")
        )
        await unit.sessions.save(None, replace(blank, current=answered, touched=(answered,)))
    press_of = {"session": str(session), "step": "1", "option": "yes"}
    assert await front.invoke(carries("answer", {**press_of, "option": "no"})) == say(
        "teams.step_answered", step=1
    )
    assert front.kept == []
    assert await front.invoke(carries("answer", press_of)) == say("teams.kept")
    assert await front.invoke(carries("answer", {**press_of, "step": "7"})) == say("teams.kept")


@pytest.mark.parametrize(
    ("verb", "status"),
    [
        ("resume", Status.ACTIVE), ("undo", Status.PAUSED), ("stop", Status.RESOLVED), ("ask_again", Status.PAUSED),
        ("withdraw", Status.ACTIVE), ("take_advice", Status.ACTIVE), ("decline_advice", Status.PAUSED),
        ("pick_up_fresh", Status.ACTIVE), ("answer", Status.RESOLVED), ("pause", Status.PAUSED), ("rate", Status.ACTIVE),
    ],
)  # fmt: skip
async def test_a_button_that_does_not_fit_the_state_is_refused_with_its_reason(
    front: Front, verb: str, status: Status
) -> None:
    session = await front.office.start(status=status)
    refused = await front.invoke(carries(verb, {"session": str(session), "step": "1"}))
    assert refused not in (say("teams.kept"), "")
    assert "*" not in refused
    assert front.kept == []


async def test_a_button_of_somebody_elses_session_is_refused(front: Front) -> None:
    session = str(await front.office.start())
    assert "Anna" in await front.invoke(carries("undo", {"session": session}), front.ben)
    assert await front.invoke(carries("evidence", {"session": session}), front.ben) == say("teams.kept")


async def test_a_form_is_refused_with_its_reason(front: Front) -> None:
    session = str(await front.office.start())
    refused = await front.invoke(carries("pause", {"session": session}, "1", remind_at="when it rains"))
    assert refused == say("error.time")
    assert front.kept == []


async def test_a_session_that_is_gone_is_told(front: Front) -> None:
    for gone in (str(uuid4()), "x"):
        assert await front.invoke(carries("undo", {"session": gone})) == say("notice.gone")


async def test_what_only_the_worker_knows_is_left_to_it(front: Front) -> None:
    session = str(await front.office.start(status=Status.RESOLVED))
    for who, verb in ((str(uuid4()), "undo"), (ANNA, "receipt"), (ANNA, "mine")):
        assert await front.invoke(carries(verb, {"session": session}), who) == say("teams.kept")
    assert await front.invoke(carries("undo")) == say("teams.kept")


# ── Cards ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_card_that_stands_there_is_shown_to_whom_its_account_knows(front: Front) -> None:
    await front.stands()
    back, search = (
        carries("back", {"session": "s", "form": "1"}),
        carries("search_tickets", {"session": "s", "form": "1"}),
    )
    assert await front.invoke(back) == cards.attachment(CARD)["content"]
    nothing = say("teams.search_nothing")
    assert (await front.invoke(search, front.ben))["fallbackText"] == f"Link – {nothing}"
    for carried in (back, search):
        assert await front.invoke(carried, str(uuid4())) == say("teams.card_gone")


async def test_a_card_of_another_tenant_or_account_is_not_shown(front: Front, database: Database) -> None:
    await front.stands(tenant=str(uuid4()))
    async with office(database.app_url) as other:
        await replace(front, office=other).stands(tenant=str(uuid4()))
    assert await front.invoke(carries("back")) == say("teams.card_gone")


async def test_who_left_sees_no_card_any_more(front: Front) -> None:
    await front.stands()
    async with front.office.store.transaction(front.office.account) as unit:
        await unit.accounts.set_active(front.office.anna.id, active=False)
    assert await front.invoke(carries("back")) == say("teams.card_gone")


def test_no_route_is_opened_to_whoever_asks_from_elsewhere() -> None:
    open_to_all = Settings(teams_dev_no_auth="1", host="0.0.0.0")  # noqa: S104 - what must be refused
    with pytest.raises(SettingWrong, match="TEAMS_DEV_NO_AUTH"):
        add_teams(
            web.Application(), open_to_all, FakeAdapter(""), store=None, receive=None, knows=None, doors=FakeDoor()  # type: ignore[arg-type]
        )  # fmt: skip
