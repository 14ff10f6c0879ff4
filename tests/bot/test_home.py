"""A person's home: what he has under way, where he can start, who waits for him, and what an Admin must know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from bot.card import Card
from bot.claude.budget import Known
from bot.psa_door import Doors
from bot.showing import Showing
from bot.showing_home import home
from engine.effects import Show
from engine.model import Models
from engine.psa import Ref, Ticket, TicketHit
from engine.psa_failures import PsaUnreachable
from engine.session import Escalation, Interval, Pause, Person, Role, Session, Status, Target, WaitingFor
from tests.bot.card_views import words
from tests.conftest import Database
from tests.contracts.fake_psa import FakePsa
from tests.fakes import Office, office

MEMBER = 7


class HungPsa(FakePsa):
    """Never answers."""

    async def my_open(self, member_id: int, limit: int = 10) -> tuple[TicketHit, ...]:
        await asyncio.Event().wait()
        return ()


@dataclass
class House:
    place: Office
    psa: FakePsa

    @property
    def doors(self) -> Doors:
        return Doors(self.place.store, lambda _: self.psa)

    async def connects(self, *mapped: Person) -> None:
        async with self.place.store.transaction(self.place.account) as unit:
            made = await unit.accounts.connect("https://psa.example", "acme", {"private_key": "x"})
            await unit.accounts.change_connection(made, state="connected", checked_at=unit.now)
            for person in mapped:
                await unit.accounts.map_member(made, person.id, MEMBER, person.name, "admin")

    async def session(self, owner: Person, status: Status = Status.ACTIVE, **given: Any) -> UUID:
        made = uuid4()
        async with self.place.store.transaction(self.place.account) as unit:
            blank: Session = replace(self.place.blank(made, unit.now), status=status, owner_id=owner.id)
            if status is Status.PAUSED:
                given |= {"pause": Pause(WaitingFor.CUSTOMER, "call back", unit.now)}
            if status is Status.REQUESTING_ESCALATION:
                at = unit.now - timedelta(minutes=50)
                given |= {"escalation": Escalation(owner.id, at, "The queue stays stuck", Target())}
            await unit.sessions.save(None, replace(blank, **given))
        return made

    async def seen_by(self, person: Person, model: Known | None = None) -> dict[str, Card]:
        guide: Any = None  # no guide is needed for this
        showing = Showing(self.place.store, self.doors, guide, model)
        shown = await showing.draw_home(person.id, self.place.account)
        return {card.title: card for card in shown}


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    owned = Ticket(4711, "Printer offline", owner=Ref(MEMBER, "Anna"))
    async with office(database.app_url) as place:
        yield House(place, FakePsa((owned, Ticket(4712, "Somebody else's"))))


def verbs(card: Card) -> list[str]:
    return [choice.verb for choice in card.choices]


async def test_somebody_new_is_shown_how_to_start_and_nobody_else_is(house: House) -> None:
    seen = await house.seen_by(house.place.anna)
    assert "one step at a time" in words(seen["How to start"])
    assert verbs(seen["How to start"]) == ["start_form", "help"]
    await house.session(house.place.anna, intervals=(await worked(house, house.place.anna),))
    later = await house.seen_by(house.place.anna)
    assert "How to start" not in later
    assert verbs(later["FlowPilot"]) == ["start_form", "help"]


async def worked(house: House, who: Person) -> Interval:
    async with house.place.store.transaction(house.place.account) as unit:
        return Interval(who.id, unit.now - timedelta(minutes=20), unit.now)


async def test_his_sessions_stand_with_the_active_ones_first_and_the_paused_to_resume(house: House) -> None:
    anna = house.place.anna
    active = await house.session(anna, problem_summary="Offline printer")
    paused = await house.session(anna, Status.PAUSED, problem_summary="Slow mail")
    await house.session(house.place.ben, problem_summary="Not hers")
    mine = (await house.seen_by(anna))["Your sessions"]
    assert [(c.verb, c.args["session"]) for c in mine.choices] == [
        ("open", str(active)), ("resume", str(paused)), ("open", str(paused)),
    ]  # fmt: skip
    assert "Not hers" not in words(mine)


async def test_his_open_tickets_can_be_started_from_there(house: House) -> None:
    await house.connects(house.place.anna)
    tickets = (await house.seen_by(house.place.anna))["Your open tickets"]
    assert [(c.verb, c.args) for c in tickets.choices] == [("start", {"ticket": "4711"})]


async def test_tickets_that_cannot_be_shown_say_why(house: House) -> None:
    anna = house.place.anna
    title = "Your open tickets"
    assert "not connected" in words((await house.seen_by(anna))[title])
    await house.connects(anna)
    unmapped = (await house.seen_by(house.place.ben))[title]
    assert "does not know your ConnectWise member" in words(unmapped)
    house.psa.fail("my_open", PsaUnreachable("ConnectWise cannot be reached at the moment."))
    assert "cannot be reached" in words((await house.seen_by(anna))[title])
    house.psa.tickets.clear()
    assert "You have no open tickets" in words((await house.seen_by(anna))[title])


async def test_a_psa_that_hangs_holds_nothing_up(house: House) -> None:
    await house.connects(house.place.anna)
    house.psa = HungPsa()
    shown = await home(house.place.store, house.doors, house.place.anna.id, house.place.account, seconds=0.01)
    assert "did not answer in time" in "\n".join(words(card) for card in shown)
    assert len(shown) == 5


async def test_who_waits_for_help_stands_there_with_age_but_not_his_own_request(house: House) -> None:
    asked = await house.session(house.place.ben, Status.REQUESTING_ESCALATION, problem_summary="Stuck queue")
    queue = (await house.seen_by(house.place.anna))["Waiting for help"]
    assert "50 min" in words(queue)
    assert [(c.verb, c.args["session"]) for c in queue.choices] == [("pick_up", str(asked))]
    assert (await house.seen_by(house.place.ben))["Waiting for help"].choices == ()


async def test_more_than_fit_are_counted(house: House) -> None:
    for _ in range(23):
        await house.session(house.place.anna, Status.REQUESTING_ESCALATION)
    assert "13 more are not shown" in words((await house.seen_by(house.place.anna))["Your sessions"])
    assert "13 more are not shown" in words((await house.seen_by(house.place.ben))["Waiting for help"])


async def test_time_nobody_decided_about_stands_first_with_its_fix_even_from_last_week(house: House) -> None:
    anna = house.place.anna
    now_worked = await worked(house, anna)
    await house.session(anna, problem_summary="Today", intervals=(now_worked,))
    before = replace(
        now_worked,
        start=now_worked.start - timedelta(days=9),
        end=now_worked.end - timedelta(days=9),
        confirmed=None,
    )
    await house.session(anna, problem_summary="Last week", intervals=(before,))
    time = (await house.seen_by(anna))["Your time"]
    assert words(time).index("Last week") < words(time).index("Today:")
    assert verbs(time) == ["count_time", "drop_time"]


async def test_only_an_admin_sees_the_connection_and_what_is_set(house: House) -> None:
    anna = house.place.anna
    assert "For Admins" not in await house.seen_by(anna)
    async with house.place.store.transaction(house.place.account) as unit:
        await unit.accounts.set_roles(anna.id, (Role.TECHNICIAN, Role.ADMIN))
    bare = (await house.seen_by(anna))["For Admins"]
    assert "not connected" in words(bare)
    assert [(c.verb, c.label) for c in bare.choices] == [
        ("settings", "Settings"), ("connect", "Connect ConnectWise"), ("people", "People"),
    ]  # fmt: skip
    await house.connects(anna)
    assert "acme at https://psa.example: connected" in words((await house.seen_by(anna))["For Admins"])


async def test_an_admin_sees_which_models_are_on_and_the_limit_of_the_account(house: House) -> None:
    anna = house.place.anna
    async with house.place.store.transaction(house.place.account) as unit:
        await unit.accounts.set_roles(anna.id, (Role.TECHNICIAN, Role.ADMIN))
    off = (await house.seen_by(anna, Known(daily_tokens=900)))["For Admins"]
    assert "off: the offline guide asks" in words(off)
    on = Known(Models(turn="large", package="large", briefing="small", note="small", ticket="small"), 900)
    assert "on (large, small) · 0 of 900 tokens today" in words((await house.seen_by(anna, on))["For Admins"])
    async with house.place.store.transaction(house.place.account) as unit:
        await unit.accounts.change_settings({"daily_tokens": 5_000})
    assert "0 of 5,000 tokens today" in words((await house.seen_by(anna, on))["For Admins"])


async def test_somebody_of_another_account_sees_nothing(house: House) -> None:
    assert await house.seen_by(Person(uuid4(), "Nobody")) == {}


async def test_the_start_form_offers_his_open_tickets(house: House) -> None:
    await house.connects(house.place.anna)
    guide: Any = None  # no guide is needed for this
    showing = Showing(house.place.store, house.doors, guide)
    card = await showing.draw(
        Show(to=house.place.anna.id, what="form:start", place=uuid4()), house.place.account
    )
    assert card is not None
    assert card.form is not None
    ticket = next(f for f in card.form.fields if f.name == "ticket")
    assert ticket.options == (("4711", "#4711 Printer offline"),)
