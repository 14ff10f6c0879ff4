"""Clicks and forms with values nobody chose: they change nothing and are answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from bot.closing_verbs import reviewed
from engine.effects import Show, ShowForm
from engine.events import AnswerCorrected, Paused, StepAnswered
from engine.session import Role, WaitingFor
from tests.bot.saying_scene import clicked, inbound
from tests.conftest import Database
from tests.fakes import Office, office

ODD = ("²", "٤", "1²", "9" * 400, "-1", "1.5")


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"step": "1"},
        {"option": "yes"},
        {"step": "1", "option": ""},
        {"step": "1", "option": "bogus"},
        {"step": "²", "option": "yes"},
    ],
    ids=str,
)
async def test_a_click_that_names_no_option_of_a_step_answers_nothing(
    place: Office, args: dict[str, str]
) -> None:
    session = await place.session(await place.start())
    (act,) = await clicked(place, session, "answer", None, **args)
    assert act.event is None
    assert [e.what for e in act.effects if isinstance(e, Show)] == ["status"]


async def test_a_click_on_an_option_answers_its_step(place: Office) -> None:
    session = await place.session(await place.start())
    (act,) = await clicked(place, session, "answer", step="1", option="yes")
    assert act.event == StepAnswered(place.anna, 1, option="yes")


async def test_a_late_click_goes_on_as_one_for_its_own_step(place: Office) -> None:
    session = await place.session(await place.start())
    assert session.current is not None
    later = replace(session, current=replace(session.current, number=2))
    (act,) = await clicked(place, later, "answer", step="1", option="yes")
    assert act.event == StepAnswered(place.anna, 1, option=None)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("verb", ["answer", "already_tried", "cannot_do", "copy", "undo"])
async def test_an_odd_step_number_crashes_nothing_and_answers_nothing(
    place: Office, verb: str, odd: str
) -> None:
    session = await place.session(await place.start())
    (act,) = await clicked(place, session, verb, step=odd, option="yes")
    assert act.event is None or act.event == AnswerCorrected(place.anna, None)


@pytest.mark.parametrize("odd", ODD)
async def test_an_odd_number_in_a_form_shows_the_form_again(place: Office, odd: str) -> None:
    session = await place.session(await place.start(status="resolved"))
    for verb, field in (("link", "number"), ("rate", "rating")):
        (act,) = await clicked(place, session, verb, {field: odd})
        assert (act.event, [e.form for e in act.effects if isinstance(e, ShowForm)]) == (None, [verb])


@pytest.mark.parametrize("odd", ODD)
async def test_odd_minutes_are_no_minutes(place: Office, odd: str) -> None:
    async with place.store.transaction(place.account) as unit:
        asked = await inbound(
            unit, place.anna, None, "submit", verb="resolve", fields={"time:a": odd, "time:b": "15"}
        )
        assert reviewed(asked)["minutes"] == {"time:b": 15}


@pytest.mark.parametrize("odd", ODD)
async def test_an_odd_ticket_on_a_start_button_shows_the_help(place: Office, odd: str) -> None:
    session = await place.session(await place.start())
    (act,) = await clicked(place, session, "start", ticket=odd)
    assert [e.what for e in act.effects if isinstance(e, Show)] == ["help"]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("fields", [("member", "people"), ("time_rounding_minutes", "settings")], ids=str)
async def test_odd_numbers_in_an_admins_form_are_left_out(
    place: Office, fields: tuple[str, str], odd: str
) -> None:
    name, verb = fields
    session = await place.session(await place.start())
    admin: Any = replace(place, anna=replace(place.anna, roles=frozenset({Role.ADMIN})))
    async with place.store.transaction(place.account) as unit:
        connection = await unit.accounts.connect("psa.example", "acme", {"private_key": "x"})
    await clicked(
        admin, session, verb, {name: odd, "resolved_status": odd}, user=str(place.ben.id), board=odd
    )
    async with place.store.transaction(place.account) as unit:
        assert not await unit.accounts.members(connection)
        known = await unit.accounts.connection()
    assert known is not None
    assert odd not in str(known.settings.get("resolved_status"))


async def test_an_unknown_reason_to_wait_shows_the_form_again(place: Office) -> None:
    session = await place.session(await place.start())
    (act,) = await clicked(place, session, "pause", {"waiting_for": "godot", "reason": "He comes"})
    assert (act.event, [e.form for e in act.effects if isinstance(e, ShowForm)]) == (None, ["pause"])
    (act,) = await clicked(place, session, "pause", {"waiting_for": "vendor", "reason": "He comes"})
    assert act.event == Paused(place.anna, WaitingFor.VENDOR, "He comes", None)
