"""A message that seems to name a password is answered with a warning, once, and what was written is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from bot.cards_notices import notice
from bot.forms import Forms
from bot.psa_door import Doors
from bot.showing import Showing
from bot.verbs import acts
from engine.effects import Show, Tell
from engine.events import SessionStarted, StepAnswered
from engine.ports import Act
from engine.redact import Mask, MaskKind
from engine.session import Session
from tests.bot.card_views import words
from tests.bot.saying_scene import current, inbound, said
from tests.conftest import Database
from tests.fakes import Office, office

PASSWORD = "the password is Sunshine12! for the box"


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


def told(found: Sequence[Act]) -> list[str]:
    return [e.what for act in found for e in act.effects if isinstance(e, Tell)]


def asking(session: Session, text: str) -> Session:
    return replace(session, current=replace(current(session), text=text))


async def test_an_answer_with_a_password_counts_and_its_author_is_warned_once(place: Office) -> None:
    session = await place.session(await place.start())
    found = await said(place, place.anna, PASSWORD, session)
    [answer] = [act.event for act in found if act.event is not None]
    assert isinstance(answer, StepAnswered)
    assert answer.text == PASSWORD
    assert told(found) == ["secret"]
    [warned] = [e for act in found for e in act.effects if isinstance(e, Tell)]
    assert warned.to == place.anna.id


async def test_a_start_and_a_typed_note_are_warned_about_too(place: Office) -> None:
    found = await said(place, place.anna, f"Outlook asks again, {PASSWORD}")
    assert any(isinstance(act.event, SessionStarted) for act in found)
    assert told(found).count("secret") == 1
    session = await place.session(await place.start())
    assert told(await said(place, place.anna, f"note {PASSWORD}", session)).count("secret") == 1


@pytest.mark.parametrize(
    "text",
    [
        "I did a password reset",
        "The user forgot the password",
        "Reset the password: Go to Users",
        "2",
        "done",
    ],
)
async def test_words_about_passwords_are_none(place: Office, text: str) -> None:
    session = await place.session(await place.start())
    assert told(await said(place, place.anna, text, session)) == []


async def test_what_the_step_itself_says_may_be_quoted(place: Office) -> None:
    shown = asking(
        await place.session(await place.start()), "Sign in with password = Welcome2Acme! on the test tenant"
    )
    assert told(await said(place, place.anna, "password = Welcome2Acme!", shown)) == []
    assert told(await said(place, place.anna, "password = Other2Acme!", shown)) == ["secret"]


async def test_a_form_is_no_message_that_could_be_deleted(place: Office) -> None:
    async with place.store.transaction(place.account) as unit:
        asked = await inbound(unit, place.anna, None, "submit", verb="start", fields={"text": PASSWORD})
        assert told(list(await acts(asked))) == []


def test_the_warning_says_what_is_kept_where_it_is_masked_and_what_to_do() -> None:
    text = words(notice("secret"))
    for each in ("kept", "masked", "ConnectWise", "Delete", "change the password"):
        assert each in text


# ── What the forms and the copy show ────────────────────────────────────────────────────────────────────────


async def test_forms_and_the_copy_show_what_is_masked_as_it_will_be_posted(place: Office) -> None:
    session = await place.start()
    async with place.store.transaction(place.account) as unit:
        masks = (Mask("⟦SECRET_1⟧", MaskKind.SECRET, "PRINTER"),)
        await unit.masks.write(session, masks, timedelta(days=30))
    doors = Doors(place.store, lambda _: pytest.fail("there is no connection"))
    forms = Forms(place.store, doors)
    for name in ("resolve", "escalate"):
        card = await forms.draw(name, place.account, session, place.anna.id)
        assert card is not None
        assert "The ⟦SECRET⟧" in str(card.form)
    guide: Any = None  # no guide is needed for this
    showing = Showing(place.store, doors, guide)
    card = await showing.draw(
        Show(to=place.anna.id, what="copy", place=uuid4(), session=session), place.account
    )
    assert card is not None
    assert "The ⟦SECRET⟧" in words(card)
