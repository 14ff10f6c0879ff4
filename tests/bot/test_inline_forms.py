"""Cards that bring their forms along: for whom they are drawn, what they cost, and when a card counts as unchanged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event

from bot import text_drafts
from bot.card import Card, Choice
from bot.delivery import Shown
from bot.forms import Forms, Recent
from bot.forms_opened import OPENS_A_FORM, opens
from bot.inline_forms import ANYBODYS, OWNERS, with_forms
from bot.psa_door import Doors
from bot.talk import Talk
from bot.voices import ConsoleVoice, Posted, Voice
from bot.words import say
from engine.effects import Lane, Owed, ShowCard, ShowEscalation, ShowStep
from engine.psa import BoardStatus, Ref, Ticket, TicketHit
from engine.psa_failures import PsaUnreachable
from engine.session import Escalation, Session, Status, Target
from storage.places import Place
from storage.store import Unit
from tests.conftest import Database
from tests.contracts.fake_psa import FakePsa
from tests.fakes import Office, Stopwatch, office, room

MEMBER, BOARD = 7, 21
SEEN: Card = Card("session")


@dataclass
class Wall(ConsoleVoice):
    """A platform where a card stands as it was shown last; with `asking` it has an escalation channel."""

    inline_forms = True
    platform: str = "wall"
    asking: bool = False
    shown: list[tuple[str, Card, str | None]] = field(default_factory=list)

    async def show(
        self, place: Place, key: str, card: Card, ref: str | None, *, again: bool
    ) -> Posted | None:
        self.shown.append((key, card, ref))
        return Posted(ref or f"{self.platform}:{len(self.shown)}")

    async def channel(self, unit: Unit) -> Place | None:
        return await unit.places.ensure("escalations", self.platform, "w", "help") if self.asking else None

    def taken(self) -> list[tuple[str, Card, str | None]]:
        found, self.shown = self.shown, []
        return found


class CountingPsa(FakePsa):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.asked: list[str] = []
        self.hangs = False

    async def my_open(self, member_id: int, limit: int = 10) -> tuple[TicketHit, ...]:
        self.asked.append("my_open")
        return await super().my_open(member_id, limit)

    async def statuses(self, board_id: int) -> tuple[BoardStatus, ...]:
        self.asked.append("statuses")
        if self.hangs:
            await asyncio.Event().wait()
        return await super().statuses(board_id)


@dataclass
class House:
    place: Office
    psa: CountingPsa
    wall: Wall
    plain: Wall
    work: Any

    @property
    def forms(self) -> Forms:
        return Forms(self.place.store, self.doors)

    @property
    def doors(self) -> Doors:
        return Doors(self.place.store, lambda _: self.psa)

    async def session(self, **given: Any) -> Session:
        """Anna's, shown on both platforms."""
        made = uuid4()
        async with self.place.store.transaction(self.place.account) as unit:
            await unit.sessions.save(None, replace(self.place.blank(made, unit.now), **given))
            for platform in ("wall", "plain"):
                await unit.places.ensure("thread", platform, "w", "c", f"{made}", made)
        return await self.place.session(made)

    async def shows(self, session: UUID, *effects: Owed) -> None:
        async with self.place.store.transaction(self.place.account) as unit:
            await unit.outbox.owe(session, effects)
        await self.work.deliver(session, Lane.TALK)
        assert self.work.trouble.noted == []

    async def connects(self) -> None:
        async with self.place.store.transaction(self.place.account) as unit:
            made = await unit.accounts.connect("https://psa.example", "acme", {"private_key": "x"})
            given = {"resolved_status": {str(BOARD): 5}, "auto_push": "on_resolve"}
            await unit.accounts.change_connection(
                made, state="connected", checked_at=unit.now, flowpilot_settings=given
            )
            await unit.accounts.map_member(made, self.place.anna.id, MEMBER, "Anna", "admin")


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with office(database.app_url, pool_size=2) as place:
        psa = CountingPsa((Ticket(4711, "Printer offline", owner=Ref(MEMBER, "Anna")),))
        wall, plain = Wall(), Wall(platform="plain")
        plain.inline_forms = False
        voices: dict[str, Voice] = {"wall": wall, "plain": plain}
        guide: Any = None  # nothing that is drawn here asks it
        talk: Any = Talk(place.store, Doors(place.store, lambda _: psa), guide, voices)
        yield House(place, psa, wall, plain, room(place, talk=talk))


def forms_of(card: Card) -> dict[str, Card]:
    return {choice.verb: choice.form for choice in card.choices if choice.form is not None}


def values(card: Card) -> dict[str, str]:
    assert card.form is not None
    return {each.name: each.value for each in card.form.fields}


# ── Which forms, and whose ──────────────────────────────────────────────────────────────────────────────────


async def test_a_step_card_brings_its_forms_where_they_are_shown_inside_and_nowhere_else(
    house: House,
) -> None:
    session = await house.session()
    await house.shows(session.id, ShowStep(step=1))
    [(_, step, _)], [(_, plain, _)] = house.wall.taken(), house.plain.taken()
    assert set(forms_of(step)) == (OWNERS - {"rate"}) | {"take_over"}
    assert forms_of(plain) == {}
    assert [replace(each, form=None) for each in step.choices] == list(plain.choices)
    for verb, form in forms_of(step).items():
        assert form.form is not None
        assert (form.form.verb, form.form.args["session"]) == (verb, str(session.id))


async def test_each_form_is_the_one_that_its_button_opens_for_the_owner(house: House) -> None:
    session = await house.session()
    await house.shows(session.id, ShowStep(step=1))
    [(_, step, _)] = house.wall.taken()
    for verb in sorted(OWNERS & set(forms_of(step))):
        form = forms_of(step)[verb]
        alone = await house.forms.draw(verb, house.place.account, session.id, house.place.anna.id)
        assert alone is not None
        assert values(form) == values(alone), verb


async def test_a_request_for_help_is_answered_by_anybody_and_declined_by_whom_it_names(house: House) -> None:
    house.wall.asking = True
    anna, lea = house.place.anna.id, house.place.lea.id
    for target, title in ((Target(), "decline.title"), (Target(user=lea, name="Lea"), "decline.title_named")):
        at = (await house.place.session(await house.place.start())).created_at
        asked = Escalation(anna, at, "stuck", target)
        session = await house.session(status=Status.REQUESTING_ESCALATION, escalation=asked)
        await house.shows(session.id, ShowEscalation())
        [(_, card, _)] = house.wall.taken()
        forms = forms_of(card)
        assert {"pick_up", "advise", "postpone", "decline"} <= set(forms)
        assert forms["decline"].title == say(title)
        assert forms["pick_up"].form is not None


async def test_a_form_that_is_shut_or_already_answered_is_not_drawn(house: House) -> None:
    session = await house.session()
    own = {"session": str(session.id)}
    card = replace(
        SEEN,
        choices=(
            Choice("Pick up", "decline_advice", own),
            Choice("#4711", "link", {**own, "ticket": "4711"}),
            Choice("Rate", "rate", own),
            Choice("Another's", "pause", {"session": str(uuid4())}),
            Choice("Pause", "pause", own),
        ),
    )
    place = Place(uuid4(), "thread", "wall", "w", "c", "t", session.id)
    [one] = await with_forms(
        [Shown(place, "card", card)], {"wall"}, house.forms, house.place.account, session
    )
    assert [choice.label for choice in one.card.choices if choice.form] == ["Pause"]
    [same] = await with_forms([Shown(place, "card", card)], (), house.forms, house.place.account, session)
    assert same.card is card


def test_every_form_of_a_session_is_somebodys() -> None:
    about_no_session = {"settings", "connect", "people", "start_form", "edit_text", "add_to"}
    assert OPENS_A_FORM - about_no_session == OWNERS | ANYBODYS
    assert not OWNERS & ANYBODYS
    assert opens("link", {})
    assert not opens("link", {"ticket": "4711"})
    assert not opens("answer", {})


# ── When nothing is edited, and when a card that stands there is ────────────────────────────────────────────


async def test_what_stands_there_with_the_same_forms_is_not_edited(house: House) -> None:
    session = await house.session()
    await house.shows(session.id, ShowStep(step=1), ShowCard())
    assert [(key, ref) for key, _, ref in house.wall.taken()] == [("step:1", None), ("card", None)]
    await house.shows(session.id, ShowStep(step=1), ShowCard())
    assert [key for key, _, _ in house.wall.taken()] == []


async def test_the_open_step_is_edited_when_what_its_forms_are_filled_in_with_changes(house: House) -> None:
    session = await house.session()
    await house.shows(session.id, ShowStep(step=1), ShowCard())
    house.wall.taken(), house.plain.taken()
    async with house.place.store.transaction(house.place.account) as unit:
        typed = {"fix": "A new driver"}
        await text_drafts.hand_back(unit, house.place.anna.id, session.id, "resolution", typed)
    await house.shows(session.id, ShowCard())
    edited = {key: card for key, card, _ in house.wall.taken()}
    assert set(edited) == {"card", "step:1"}
    assert values(forms_of(edited["step:1"])["resolve"])["fix"] == "A new driver"
    assert house.plain.taken() == []


async def test_a_step_that_is_not_posted_yet_is_not_posted_by_its_session_card(house: House) -> None:
    session = await house.session()
    await house.shows(session.id, ShowCard())
    assert [key for key, _, _ in house.wall.taken()] == ["card"]


# ── What the PSA costs ──────────────────────────────────────────────────────────────────────────────────────


async def on_a_ticket(house: House) -> Session:
    await house.connects()
    ticket = Ticket(4711, "Printer offline", board=Ref(BOARD, "Service"))
    return await house.session(ticket_id=4711, ticket=ticket.to_json())


async def test_the_psa_is_asked_once_a_minute_however_many_steps_are_shown(house: House) -> None:
    session = await on_a_ticket(house)
    for _ in range(3):
        await house.shows(session.id, ShowStep(step=1), ShowCard())
    assert sorted(house.psa.asked) == ["my_open", "statuses"]
    step = house.wall.taken()[0][1]
    ticket = next(each for each in (forms_of(step)["link"].form or pytest.fail("none")).fields)
    assert [value for value, _ in ticket.options] == ["4711"]


async def test_a_psa_that_is_away_or_slow_keeps_no_card_from_being_shown(house: House) -> None:
    session = await on_a_ticket(house)
    house.psa.fail("*", PsaUnreachable("away"), times=10)
    await house.shows(session.id, ShowStep(step=1))
    [(_, step, _)] = house.wall.taken()
    assert {"pause", "note", "link", "abandon"} <= set(forms_of(step))
    assert not {"resolve", "escalate"} & set(forms_of(step))
    assert {"resolve", "escalate"} <= {choice.verb for choice in step.choices}


async def test_what_the_psa_does_not_say_in_time_is_asked_again_after_a_minute(house: House) -> None:
    session, clock = await on_a_ticket(house), Stopwatch()
    house.psa.hangs = True
    forms, impatient = house.forms, Recent(clock)
    impatient.PATIENCE = 0.01
    forms._recent = impatient

    async def drawn() -> Sequence[str]:
        place = Place(uuid4(), "thread", "wall", "w", "c", "t", session.id)
        card = replace(SEEN, choices=(Choice("Resolve", "resolve", {"session": str(session.id)}),))
        [one] = await with_forms([Shown(place, "card", card)], {"wall"}, forms, house.place.account, session)
        return tuple(forms_of(one.card))

    assert await drawn() == ()
    house.psa.hangs = False
    assert await drawn() == ()
    clock.seconds += 61
    assert await drawn() == ("resolve",)
    assert house.psa.asked == ["statuses", "statuses"]


async def test_all_forms_of_a_card_are_drawn_from_one_reading(house: House) -> None:
    session = await on_a_ticket(house)
    said: list[str] = []
    engine = house.place.store.engine.sync_engine

    def note(_: Any, __: Any, statement: str, *more: Any) -> None:
        said.append(statement)

    forms = house.forms
    wanted = [(name, house.place.anna.id) for name in sorted(OWNERS)]
    event.listen(engine, "before_cursor_execute", note)
    try:
        drawing = await forms.drawing(house.place.account, session.id, wanted)
        assert drawing is not None
        cards = [await drawing.draw(name, reader) for name, reader in wanted]
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert sum(card is not None for card in cards) == len(OWNERS)
    assert len(said) <= 40
