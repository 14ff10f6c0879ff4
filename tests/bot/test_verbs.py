"""Clicks and forms with values nobody chose: they change nothing and are answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from bot import verbs
from bot.closing_verbs import reviewed
from bot.commands import Command, parse
from engine.effects import Show, ShowForm
from engine.events import AnswerCorrected, Paused, SessionStarted, StepAnswered
from engine.intake import Attachment
from engine.ports import Act
from engine.session import Intake, Role, WaitingFor
from storage.store import Store
from tests.bot.saying_scene import clicked, inbound
from tests.conftest import Database
from tests.fakes import VAULT, Office, move_in

pytestmark = pytest.mark.asyncio(loop_scope="module")

ODD = ("²", "٤", "1²", "9" * 400, "-1", "1.5")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store(database: Database) -> AsyncIterator[Store]:
    """One for all tests of this file, which run on one loop: each of its statements is put together only once."""
    opened = Store(database.app_url, VAULT)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="module")
async def place(store: Store) -> Office:
    return await move_in(store)


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


# ── People ──────────────────────────────────────────────────────────────────────────────────────────────────


async def changed(place: Office, fields: dict[str, str]) -> list[str]:
    """What an Admin sees after he saved Ben."""
    return await asked_for(place, "submit", fields, user=str(place.ben.id))


async def asked_for(place: Office, kind: Any, fields: dict[str, str], **args: str) -> list[str]:
    admin = replace(place.anna, roles=frozenset({Role.ADMIN}))
    async with place.store.transaction(place.account) as unit:
        asked = await inbound(unit, admin, None, kind, verb="people", args=args, fields=fields)
        found = await verbs.acts(asked)
    return [e.what for act in found for e in act.effects if isinstance(e, Show)]


async def test_a_team_that_did_not_stand_in_the_form_is_left_alone(place: Office) -> None:
    async with place.store.transaction(place.account) as unit:
        left, kept, joined = [await unit.accounts.add_team(name) for name in ("Left", "Kept", "Joined")]
        await unit.accounts.set_teams(place.ben.id, [left, kept])
    assert await changed(place, {f"team:{left}": "", f"team:{joined}": "yes"}) == ["people"]
    async with place.store.transaction(place.account) as unit:
        ben = await unit.accounts.user(place.ben.id)
    assert ben is not None
    assert set(ben.team_ids) == {kept, joined}


async def test_a_member_is_given_by_id_or_looked_for_by_name(place: Office) -> None:
    async with place.store.transaction(place.account) as unit:
        connection = await unit.accounts.connect("psa.example", "acme", {"private_key": "x"})
        await unit.accounts.map_member(connection, place.ben.id, 7, "Ben Seven", "email")
    assert await changed(place, {"member": "7"}) == ["people"]
    assert await changed(place, {"member": "7", "other_member": "Eight"}) == [
        f"form:person:{place.ben.id}:Eight"
    ]
    async with place.store.transaction(place.account) as unit:
        assert (await unit.accounts.members(connection))[place.ben.id] == (7, "Ben Seven")
    assert await changed(place, {"member": "7", "other_member": "123"}) == ["people"]
    async with place.store.transaction(place.account) as unit:
        assert (await unit.accounts.members(connection))[place.ben.id][0] == 123


async def test_people_with_a_name_opens_that_person_or_lists_the_few(place: Office) -> None:
    name = place.ben.name
    assert await asked_for(place, "say", {"name": name.upper()}) == [f"form:person:{place.ben.id}"]
    assert await asked_for(place, "say", {"name": "nobody at all"}) == ["people:nobody at all"]
    async with place.store.transaction(place.account) as unit:
        asked = await inbound(unit, place.ben, None, "say", verb="people", fields={"name": name})
        (act,) = await verbs.acts(asked)
    assert [e.what for e in act.effects if isinstance(e, Show)] == [f"people:{name}"]


@pytest.mark.parametrize(
    "said", ["people cannot print since noon", "people in sales have no mail", "people can’t log in"]
)
async def test_what_people_do_is_no_name(said: str) -> None:
    assert parse(said) is None


@pytest.mark.parametrize(
    "name", ["Carla", "carla diaz", "carla@acme.example", "Ødegaard", "Anna-Maria O'Neil"]
)
async def test_a_name_after_people_is_one(name: str) -> None:
    assert parse(f"people {name}") == Command("people", {"name": name})


async def test_an_unknown_reason_to_wait_shows_the_form_again(place: Office) -> None:
    session = await place.session(await place.start())
    (act,) = await clicked(place, session, "pause", {"waiting_for": "godot", "reason": "He comes"})
    assert (act.event, [e.form for e in act.effects if isinstance(e, ShowForm)]) == (None, ["pause"])
    (act,) = await clicked(place, session, "pause", {"waiting_for": "vendor", "reason": "He comes"})
    assert act.event == Paused(place.anna, WaitingFor.VENDOR, "He comes", None)


# ── Starting ────────────────────────────────────────────────────────────────────────────────────────────────


async def submitted(place: Office, verb: str, fields: dict[str, str], *files: Attachment) -> list[Act]:
    async with place.store.transaction(place.account) as unit:
        asked = await inbound(unit, place.anna, None, "submit", verb=verb, fields=fields, files=files)
        return list(await verbs.acts(asked))


async def intake(place: Office, fields: dict[str, str], *files: Attachment) -> Intake:
    (act,) = await submitted(place, "start", fields, *files)
    assert isinstance(act.event, SessionStarted)
    return act.event.intake


LOG = Attachment(
    "app.log", "text/plain", b"2026-03-02 09:00:01 ERROR spooler stopped\n2026-03-02 09:00:02 ERROR again\n"
)
PICTURE = Attachment("screen.png", "image/png", b"\x89PNG\r\n\x1a\n")


async def test_the_start_form_takes_everything_at_once(place: Office) -> None:
    fields = {"text": "Printer offline", "ticket": "4711", "tried": "restarted spooler, no change"}
    found = await intake(place, fields, LOG, PICTURE)
    assert (found.type, found.ticket_id, found.text) == ("combined", 4711, "Printer offline")
    assert (found.image_urls, len(found.tried)) == (("screen.png",), 1)
    assert "spooler stopped" in found.log_content
    assert found.log_digest


@pytest.mark.parametrize(
    ("fields", "kind", "ticket", "text"),
    [
        ({"text": "Printer offline"}, "free_text", None, "Printer offline"),
        ({"ticket": "4711"}, "psa_ticket", 4711, ""),
        ({"ticket": "#4711"}, "psa_ticket", 4711, ""),
        ({"text": "#4712", "ticket": "4711"}, "psa_ticket", 4711, ""),
        ({"text": "as on #4712: offline", "ticket": "4711"}, "combined", 4711, "as on #4712: offline"),
        ({"tried": "restarted the spooler"}, "free_text", None, "restarted the spooler"),
        ({"ticket": "the one from Mia", "text": "offline"}, "free_text", None, "the one from Mia\noffline"),
    ],
    ids=str,
)
async def test_the_start_form_takes_any_part_alone(
    place: Office, fields: dict[str, str], kind: str, ticket: int | None, text: str
) -> None:
    found = await intake(place, fields)
    assert (found.type, found.ticket_id, found.text) == (kind, ticket, text)


async def test_a_file_alone_starts_a_session(place: Office) -> None:
    assert (await intake(place, {}, LOG)).type == "log_paste"


@pytest.mark.parametrize(
    ("verb", "fields"), [("start_form", {}), ("start", {}), ("start", {"ticket": " "})], ids=str
)
async def test_the_start_form_is_shown_where_nothing_was_given(
    place: Office, verb: str, fields: dict[str, str]
) -> None:
    (act,) = await submitted(place, verb, fields)
    assert [e.what for e in act.effects if isinstance(e, Show)] == ["form:start"]


async def test_a_ticket_from_the_form_that_has_a_session_is_offered_before_a_second_one_starts(
    place: Office,
) -> None:
    given = uuid4()
    async with place.store.transaction(place.account) as unit:
        await unit.sessions.save(None, replace(place.blank(given, unit.now), ticket_id=4711))
    (act,) = await submitted(place, "start", {"text": "Printer offline", "ticket": "4711"})
    (offer,) = [e for e in act.effects if isinstance(e, Show)]
    assert (offer.what, offer.session) == ("duplicate_ticket", given)


# ── The escalation channel ──────────────────────────────────────────────────────────────────────────────────


async def channel(place: Office, given: str) -> tuple[object, list[str]]:
    """What is kept after an Admin submitted this, and what he is shown."""
    session = await place.session(await place.start())
    admin: Any = replace(place, anna=replace(place.anna, roles=frozenset({Role.ADMIN})))
    acts = await clicked(admin, session, "settings", {"escalation_channel": given, "leads_only": ""})
    async with place.store.transaction(place.account) as unit:
        kept = (await unit.accounts.settings()).get("escalation_channel")
    return kept, [e.what for a in acts for e in a.effects if isinstance(e, Show)]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("C0ESC", "C0ESC"), ("G0PRIV", "G0PRIV"), ("T0PRACTICE:C0ESC", "T0PRACTICE:C0ESC"), ("", ""),
        ("<#C0ESC|escalations>", "C0ESC"), ("<#C0ESC>", "C0ESC"), (" C0ESC ", "C0ESC"),
    ],
)  # fmt: skip
async def test_a_channel_is_kept_by_its_id(place: Office, given: str, kept: str) -> None:
    assert await channel(place, given) == (kept, ["settings"])


@pytest.mark.parametrize(
    "given",
    ["escalations", "#escalations", "c0esc", "U0ANNA", "D0DIRECT", "C0ESC C0HELP", "<!channel>", "T0:C0ESC!"],
)
async def test_what_is_no_channel_is_refused_with_a_sentence_and_changes_nothing(
    place: Office, given: str
) -> None:
    await channel(place, "C0ESC")
    kept, (told,) = await channel(place, given)
    assert kept == "C0ESC"
    assert told.startswith("sentence:That is no channel")


async def test_a_channel_that_is_kept_already_may_stay_as_it_is(place: Office) -> None:
    async with place.store.transaction(place.account) as unit:
        await unit.accounts.change_settings({"escalation_channel": "help wanted"})
    assert await channel(place, "help wanted") == ("help wanted", ["settings"])


# ── The daily tokens ────────────────────────────────────────────────────────────────────────────────────────


async def test_an_admin_sets_the_daily_tokens_of_his_account_and_nobody_else_does(place: Office) -> None:
    session = await place.session(await place.start())
    admin: Any = replace(place, anna=replace(place.anna, roles=frozenset({Role.ADMIN})))

    async def after(who: Any, given: str) -> tuple[object, str]:
        (act,) = await clicked(who, session, "settings", {"daily_tokens": given})
        (shown,) = [e.what for e in act.effects if isinstance(e, Show)]
        async with place.store.transaction(place.account) as unit:
            return (await unit.accounts.settings()).get("daily_tokens"), shown

    assert await after(place, "1") == (None, "notice:admin_only")
    assert await after(admin, "500,000") == (500_000, "settings")
    kept, told = await after(admin, "many")
    assert (kept, told.startswith("sentence:Write the tokens of a day as a number")) == (500_000, True)
    assert await after(admin, "0") == (0, "settings")
    assert await after(admin, "") == (None, "settings")


@pytest.mark.parametrize("verb", ["status", "path", "catch_up"])
async def test_reading_where_no_session_is_shows_the_only_open_one_or_all_to_choose_from(
    place: Office, verb: str
) -> None:
    first = await place.start()
    assert await read(place, verb) == (verb, first)
    await place.start()
    assert await read(place, verb) == ("mine", None)


async def read(place: Office, verb: str) -> tuple[str, UUID | None]:
    async with place.store.transaction(place.account) as unit:
        (act,) = await verbs.acts(await inbound(unit, place.anna, None, "click", verb=verb))
    (shown,) = (each for each in act.effects if isinstance(each, Show))
    return shown.what, shown.session
