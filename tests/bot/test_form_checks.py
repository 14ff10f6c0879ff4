"""Field errors before a form is remembered: shape, role and state, in the words the worker would use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from bot.form_checks import NO_TICKET, WHOLE, StoredChecks, shape, times
from bot.words import say
from engine.session import Escalation, Person, Role, Status, Target
from tests.conftest import Database
from tests.fakes import Office, office


@dataclass
class Desk:
    """An Account whose three people are known in one workspace by their names."""

    office: Office
    team: str
    session: UUID

    async def wrong(self, who: str, verb: str, session: UUID | None = None, **fields: str) -> dict[str, str]:
        check = StoredChecks(self.office.store, "slack")
        return await check(self.team, who, verb, {"session": str(session or self.session)}, fields)

    async def asks_for_help(self, to: Target | None = None) -> UUID:
        """A Session that waits for another engineer, straight into the tables."""
        place, made = self.office, uuid4()
        async with place.store.transaction(place.account) as unit:
            session = place.blank(made, unit.now, "requesting_escalation")
            asked = Escalation(place.anna.id, unit.now, "Need hands", to or Target())
            await unit.sessions.save(None, replace(session, escalation=asked))
        return made


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    async with office(database.app_url) as opened:
        team = f"T{uuid4().hex[:10]}"
        async with opened.store.transaction(opened.account) as unit:
            for person in (opened.anna, opened.ben, opened.lea):
                await unit.accounts.add_identity(person.id, "slack", team, person.name)
            await unit.accounts.change_settings({"time_zone": "Europe/Berlin"})
        yield Desk(opened, team, await opened.start())


# ── Shape ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("given", ["ten", "-5", "1.5", "12345", "²"])
def test_minutes_are_a_number(given: str) -> None:
    assert shape("resolve", {"time:1": given, "time:2": "", "time:3": " 30 "}) == {
        "time:1": say("error.minutes")
    }


@pytest.mark.parametrize("given", ["4711", "#4711", " 4711 ", "ticket 4711"])
def test_a_ticket_is_linked_by_its_number(given: str) -> None:
    assert shape("link", {"number": given}) == {}


def test_a_ticket_that_is_none_cannot_be_linked() -> None:
    error = say("error.ticket")
    assert shape("link", {"number": "the printer"}) == {"number": error}
    assert shape("link", {"number": "", "ticket": ""}) == {"number": error}
    assert shape("link", {"ticket": NO_TICKET}) == {"ticket": error}
    assert shape("start_form", {"text": "x", "ticket": NO_TICKET}) == {"ticket": error}
    assert shape("link", {"ticket": "4711"}) == {}


def test_a_session_is_not_started_from_nothing() -> None:
    empty = {"text": "", "ticket": "", "tried": " ", "files": ""}
    assert shape("start", empty) == {"text": say("error.start")}
    assert shape("start", {"tried": "", "files": ""}) == {"text": say("error.start")}
    for name, given in (("text", "No mail"), ("ticket", "4711"), ("tried", "Restarted"), ("files", "F1")):
        assert shape("start", {**empty, name: given}) == {}


def test_a_rating_is_from_one_to_five() -> None:
    assert [bool(shape("rate", {"rating": given})) for given in ("1", "5", "0", "6", "")] == [
        False, False, True, True, True
    ]  # fmt: skip


def test_settings_that_cannot_be_are_told_beside_their_field() -> None:
    wrong = shape(
        "settings",
        {
            "time_zone": "Mars/Olympus",
            "business_hours": "whenever",
            "leads_only": "yes",
            "daily_tokens": "many",
        },
    )
    assert set(wrong) == {"time_zone", "business_hours", "daily_tokens"}
    assert shape("settings", {"daily_tokens": "500 000"}) == {}
    assert shape("settings", {"time_zone": "Europe/Berlin", "business_hours": "mon-fri 08:00-18:00"}) == {}


# ── Role ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("verb", ["settings", "connect", "people"])
async def test_what_only_an_admin_may_change_is_refused_to_others(desk: Desk, verb: str) -> None:
    assert await desk.wrong("Ben", verb) == {WHOLE: say("notice.admin_only")}
    async with desk.office.store.transaction(desk.office.account) as unit:
        await unit.accounts.set_roles(desk.office.ben.id, [Role.ADMIN])
    assert await desk.wrong("Ben", verb) == {}


async def test_only_the_owner_or_a_lead_moves_a_session(desk: Desk) -> None:
    refused = await desk.wrong("Ben", "pause", waiting_for="me")
    assert "Anna" in refused[WHOLE]
    assert await desk.wrong("Anna", "pause", waiting_for="me") == {}
    assert await desk.wrong("Lea", "pause", waiting_for="me") == {}
    assert await desk.wrong("Ben", "note", text="x") == {}


async def test_whoever_asked_for_help_cannot_take_it(desk: Desk) -> None:
    waiting = await desk.asks_for_help()
    assert set(await desk.wrong("Anna", "pick_up", waiting, manner="continue")) == {WHOLE}
    assert await desk.wrong("Ben", "pick_up", waiting, manner="continue") == {}


# ── State ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_session_that_ended_takes_no_note_and_still_a_ticket(desk: Desk) -> None:
    ended = await desk.office.start(status=Status.RESOLVED)
    assert "resolved" in (await desk.wrong("Anna", "note", ended, text="x"))[WHOLE]
    assert await desk.wrong("Anna", "link", ended, number="4711") == {}
    assert await desk.wrong("Anna", "rate", ended, rating="5") == {}


async def test_what_does_not_fit_the_state_is_refused_with_its_reason(desk: Desk) -> None:
    waiting = await desk.asks_for_help()
    assert set(await desk.wrong("Anna", "pause", waiting, waiting_for="me")) == {WHOLE}
    assert set(await desk.wrong("Ben", "pick_up", manner="continue")) == {WHOLE}


async def test_a_session_of_another_account_or_of_none_is_gone(desk: Desk, database: Database) -> None:
    async with office(database.app_url) as other:
        theirs = await other.start()
    assert await desk.wrong("Anna", "note", theirs, text="x") == {WHOLE: say("notice.gone")}
    check = StoredChecks(desk.office.store, "slack")
    assert await check(desk.team, "Anna", "note", {"session": "x"}, {}) == {WHOLE: say("notice.gone")}


async def test_what_cannot_be_found_out_is_left_to_the_worker(desk: Desk) -> None:
    assert await desk.wrong("Stranger", "note", text="x") == {}
    assert await desk.wrong("Anna", "start_form", text="x") == {}
    assert await StoredChecks(desk.office.store, "slack")("T-other", "Anna", "pause", {}, {}) == {}


# ── Times ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_time_nobody_can_read_is_told_beside_its_field(desk: Desk) -> None:
    unclear = say("error.time")
    assert await desk.wrong("Anna", "pause", remind_at="when it rains") == {"remind_at": unclear}
    assert await desk.wrong("Anna", "pause", remind_at="tomorrow 9:00") == {}
    assert await desk.wrong("Anna", "resolve", started_earlier="noonish") == {"started_earlier": unclear}
    waiting = await desk.asks_for_help()
    assert await desk.wrong("Ben", "postpone", waiting, until="later") == {"until": unclear}
    assert await desk.wrong("Ben", "postpone", waiting, until="1.1.2020 8:00") == {"until": say("error.past")}


def test_a_time_is_read_in_the_zone_of_the_account() -> None:
    now = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
    session = Office(None, uuid4(), *[Person(uuid4(), n) for n in "abc"]).blank(uuid4(), now)  # type: ignore[arg-type]
    given = {"until": "today 13:00"}
    assert times(session, given, now, ZoneInfo("UTC")) == {}
    assert times(session, given, now, ZoneInfo("Europe/Berlin")) == {"until": say("error.past")}
    assert times(session, {"until": f"{now + timedelta(days=1):%Y-%m-%d} 25:00"}, now, ZoneInfo("UTC"))


# ── Whom help is asked of ───────────────────────────────────────────────────────────────────────────────────


async def test_help_is_asked_of_somebody_else_who_is_there(desk: Desk) -> None:
    place, gone = desk.office, say("error.target")
    async with place.store.transaction(place.account) as unit:
        team = await unit.accounts.add_team("Network")

    async def wrong(to: str) -> dict[str, str]:
        return await desk.wrong("Anna", "escalate", reason="x", to=to)

    assert await wrong("anyone") == await wrong(f"team:{team}") == await wrong(f"user:{place.ben.id}") == {}
    assert await wrong(f"team:{uuid4()}") == await wrong(f"user:{uuid4()}") == {"to": gone}
    assert await wrong(f"user:{place.anna.id}") == {"to": say("refused.self_escalation")}
    async with place.store.transaction(place.account) as unit:
        await unit.accounts.set_active(place.ben.id, active=False)
    assert await wrong(f"user:{place.ben.id}") == {"to": gone}
