"""A form is open exactly for those whom the engine would let: nobody fills one in only to be refused."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from bot import opening
from bot.forms import Forms
from bot.psa_door import Doors
from bot.words_notices import NOTICES
from engine import events
from engine.effects import ShowForm, Tell
from engine.events import Event
from engine.lifecycle import advance, refusal
from engine.session import (
    Escalation,
    Intake,
    IntakeType,
    Manner,
    Person,
    Role,
    Session,
    Status,
    Target,
    WaitingFor,
)
from tests.bot.saying_scene import inbound
from tests.conftest import Database
from tests.fakes import Office, office, question

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TEAM = UUID(int=50)
TECHNICIAN, LEAD = frozenset({Role.TECHNICIAN}), frozenset({Role.TECHNICIAN, Role.LEAD})
OWNER, REQUESTER, NAMED, MATE, OTHER = (
    Person(UUID(int=n), name, TECHNICIAN, frozenset({TEAM}) if name in ("Named", "Mate") else frozenset())
    for n, name in enumerate(("Owner", "Requester", "Named", "Mate", "Other"), 1)
)
BOSS = Person(UUID(int=6), "Boss", LEAD)
PEOPLE = {
    "owner": OWNER,
    "owner who leads": replace(OWNER, roles=LEAD),
    "requester": REQUESTER,
    "named": NAMED,
    "team mate of the named": MATE,
    "anybody": OTHER,
    "lead": BOSS,
}
TARGETS = {
    "anyone": Target(),
    "a team": Target(team=TEAM, name="Network"),
    "a person": Target(user=NAMED.id, name="Named", user_teams=frozenset({TEAM})),
    "a lead": Target(user=BOSS.id, name="Boss"),
}
DOORS = sorted(set(opening.LEADS_TO) - {"resolution", "escalation"})


def happening(name: str, by: Person) -> Event:
    """What submitting the form brings, filled in so that nothing but who and when can speak against it."""
    later = NOW + timedelta(hours=1)
    made: dict[str, Event] = {
        "resolve": events.Resolved(by, "Offline", "New driver"),
        "escalate": events.EscalationRequested(by, "Stuck", Target()),
        "pick_up": events.PickedUp(by),
        "advise": events.AdviceGiven(by, "Look at the port"),
        "postpone": events.PickupPostponed(by, later),
        "decline": events.PickupDeclined(by, "No time"),
        "take_over": events.TakenOver(by, "Urgent"),
        "abandon": events.Abandoned(by, "Gone"),
        "pause": events.Paused(by, WaitingFor.ME),
        "rate": events.Rated(by, 4),
        "note": events.NoteAdded(by, "Seen"),
        "link": events.TicketLinked(by, 4711),
        "already_tried": events.StepAnswered(by, 1, text="no change", manner=Manner.ALREADY_TRIED),
    }
    return made[name]


def session(status: Status, to: Target, *, leads_only: bool = False, asked: bool = True) -> Session:
    first = replace(question(1), number=1)
    request = Escalation(REQUESTER.id, NOW - timedelta(minutes=5), "Stuck", to, leads_only=leads_only)
    return Session(
        UUID(int=77), UUID(int=9), OWNER.id, Intake(IntakeType.FREE_TEXT, "Offline"), status, NOW, NOW,
        step_count=1, current=first, touched=(first,), escalation=request if asked else None,
    )  # fmt: skip


def every_session(status: Status) -> list[Session]:
    found = [session(status, to) for to in TARGETS.values()]
    return [*found, session(status, Target(), leads_only=True), session(status, Target(), asked=False)]


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize("status", Status)
def test_the_door_and_the_move_agree(name: str, status: Status) -> None:
    for who, by in PEOPLE.items():
        for at in every_session(status):
            door = opening.shut(name, at, by, NOW)
            after, effects = advance(at, happening(name, by), NOW)
            told = [e.what for e in effects if isinstance(e, Tell) and e.to == by.id and "refused" in e.what]
            assert told == ([] if door is None else [door]), (who, at.escalation)
            assert door is None or after is at, who


@pytest.mark.parametrize("status", Status)
def test_a_part_of_a_text_is_open_to_whom_its_form_is(status: Status) -> None:
    for by in PEOPLE.values():
        for at in every_session(status):
            for occasion, name in (("resolution", "resolve"), ("escalation", "escalate")):
                part = opening.shut(f"part:technical:2:{occasion}:changed", at, by, NOW)
                assert part == opening.shut(name, at, by, NOW)


def test_what_leads_to_no_event_is_open() -> None:
    assert opening.shut("settings", session(Status.RESOLVED, Target()), OTHER, NOW) is None
    assert refusal(session(Status.ACTIVE, Target()), events.Paused, OTHER, NOW) == "refused.not_owner"


WAYS_OUT = re.compile(
    r"\b(can|may|start|go on|carry on|add|press|choose|resume|escalate|withdraw|shows|its card|lead picks it up)\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("key", sorted(k for k in NOTICES if k.startswith("refused.")))
def test_a_refusal_names_a_way_out(key: str) -> None:
    first, _, rest = NOTICES[key].partition(". ")
    assert WAYS_OUT.search(rest or first.partition(", so ")[2]), NOTICES[key]


# ── On the way in, and again when the form is drawn ─────────────────────────────────────────────────────────


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


async def opens(place: Office, by: Person, at: Session, verb: str) -> list[object]:
    from bot import verbs  # noqa: PLC0415 - beside its only use

    async with place.store.transaction(place.account) as unit:
        asked = await inbound(unit, by, at, "click", verb=verb, args={})
        return [effect for act in await verbs.acts(asked) for effect in act.effects]


@pytest.mark.parametrize("verb", ["resolve", "escalate", "pause", "abandon", "link"])
async def test_a_colleague_is_told_whose_session_it_is_and_sees_no_form(place: Office, verb: str) -> None:
    at = await place.session(await place.start())
    told = await opens(place, place.ben, at, verb)
    assert [e.what for e in told if isinstance(e, Tell)] == ["refused.not_owner"]
    assert not [e for e in told if isinstance(e, ShowForm)]
    assert [type(e) for e in await opens(place, place.anna, at, verb)] == [ShowForm]


async def test_every_verb_that_opens_a_form_refuses_at_the_door(place: Office) -> None:
    ended = await place.session(await place.start(status="abandoned"))
    for verb in sorted({*DOORS} - {"rate", "link"}):
        told = [e.what for e in await opens(place, place.anna, ended, verb) if isinstance(e, Tell)]
        assert told == ["refused.ended"], verb


async def test_a_form_whose_time_has_gone_by_when_it_is_drawn_says_why(place: Office) -> None:
    forms = Forms(place.store, Doors(place.store, lambda _: pytest.fail("there is no connection")))
    given = await place.start(status="resolved")
    card = await forms.draw("pause", place.account, given, place.anna.id)
    assert card is not None
    assert (card.kind, card.form) == ("notice", None)
    assert "has ended" in card.blocks[0].text  # type: ignore[union-attr]
    assert await forms.draw("pause", place.account, uuid4(), place.anna.id) is None


async def test_who_rated_already_is_not_asked_again_unless_he_asks(place: Office) -> None:
    forms = Forms(place.store, Doors(place.store, lambda _: pytest.fail("there is no connection")))
    given = uuid4()
    async with place.store.transaction(place.account) as unit:
        await unit.sessions.save(None, replace(place.blank(given, unit.now, "resolved"), rating=4))
    assert await forms.draw("rate", place.account, given, place.anna.id) is None
    (again,) = await opens(place, place.anna, await place.session(given), "rate")
    assert isinstance(again, ShowForm)
    card = await forms.draw(again.form, place.account, given, place.anna.id)
    assert card is not None
    assert card.form is not None
