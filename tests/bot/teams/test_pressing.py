"""What people press and submit on cards in Teams: which Session it reaches, how often it counts, and what it leaves behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from uuid import UUID, uuid4

import pytest

from bot.card import Card, Choice, Field, Form, to_json
from bot.cards_admin import channels
from bot.cards_parts import Shortener
from bot.teams import addresses, reach
from bot.words import say
from engine.session import Role
from storage.receiving import Receiving
from tests.bot.teams.scene import ANNA, BEN, ESC, GROUP, HELP, TEAM, Body, Stage, stage
from tests.conftest import Database
from tests.fakes import Office, move_in, office, receiving

OWN = f"user:{ANNA}"


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


@pytest.fixture
async def receives(database: Database) -> AsyncIterator[Receiving]:
    async with receiving(database.app_url) as opened:
        yield opened


@pytest.fixture
async def team(place: Office, receives: Receiving) -> Stage:
    made = await stage(place, receives)
    await made.know()
    return made


def of(session: UUID, **more: str) -> dict[str, str]:
    return {"session": str(session), **more}


def notice(*choices: Choice, form: Form | None = None) -> Body:
    return to_json(Card("form" if form else "notice", "A notice", (), choices, form))


async def settings(at: Stage) -> Mapping[str, str]:
    async with at.office.store.transaction(at.office.account) as unit:
        return await unit.accounts.settings()


# ── Buttons ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_button_answers_the_step_it_carries(team: Stage) -> None:
    session = await team.session_in(HELP, "1600")
    await team.sends(team.presses(ANNA, "answer", of(session, step="1", option="yes"), HELP, "1600"))
    assert await team.events(session) == ["StepAnswered"]
    assert (team.teams.looked_up, team.teams.edited) == ([], [])


async def test_a_button_of_a_client_that_sends_messages_counts_alike(team: Stage) -> None:
    session = await team.session_in(HELP, "1600")
    args = of(session, step="1", option="yes")
    body = team.activity("message", ANNA, HELP, "1600", value={"fp": {"verb": "answer", "args": args}})
    await team.sends(body)
    assert await team.events(session) == ["StepAnswered"]


async def test_an_equal_press_within_a_minute_counts_once_and_another_one_counts(team: Stage) -> None:
    await team.session_in(HELP, "1600")
    for on in ("1", "1", "2"):
        await team.sends(team.presses(ANNA, "queue", {}, HELP, "1600", on=on))
    await team.sends(team.presses(BEN, "queue", {}, HELP, "1600", on="1"))
    assert await team.shown() == ["queue"] * 3


async def test_the_same_press_is_meant_again_after_another_one(team: Stage) -> None:
    session = await team.session_in(HELP, "1600")
    for verb in ("pause", "resume", "pause", "pause"):
        fields = {"waiting_for": "customer"} if verb == "pause" else None
        await team.sends(team.presses(ANNA, verb, of(session), HELP, "1600", on="1", fields=fields))
    assert await team.events(session) == ["Paused", "Resumed", "Paused"]


async def test_a_note_sent_again_after_another_press_is_still_the_same_note(team: Stage) -> None:
    session = await team.session_in(HELP, "1600")
    for verb in ("note", "queue", "note"):
        fields = {"text": "The cable is new"} if verb == "note" else None
        await team.sends(team.presses(ANNA, verb, of(session), HELP, "1600", on="1", fields=fields))
    assert await team.events(session) == ["NoteAdded"]


async def test_the_same_after_a_minute_is_meant_again(team: Stage) -> None:
    await team.sends(team.presses(ANNA, "queue", on="1"))
    before = [row.id for row in await team.office.rows("select id from drafts where kind like 'heard:%'")]
    async with team.office.store.transaction(team.office.account) as unit:
        kind = (await team.office.rows("select kind from drafts where id = :i", i=before[0]))[0].kind
        await unit.drafts.replace(team.office.anna.id, kind, {"at": "2026-01-01T00:00:00+00:00"})
    await team.sends(team.presses(ANNA, "queue", on="1"))
    assert await team.shown() == ["queue"] * 2


async def test_a_press_that_waited_for_teams_still_counts(team: Stage) -> None:
    on = await team.told(ANNA, "told:1", notice(Choice("Queue", "queue")))
    await team.sends(team.presses(ANNA, "queue", on=on))
    assert await team.shown() == ["queue"]
    assert len(team.teams.edited) == 1


async def test_a_press_in_the_escalation_channel_reaches_the_session_it_names(team: Stage) -> None:
    session = await team.session_in(HELP, "1600")
    await team.sends(team.presses(BEN, "status", of(session), ESC, "1900"))
    (shown,) = await team.owed()
    assert (shown.what, shown.args["session"]) == ("status", str(session))


async def test_in_a_chat_the_pressed_card_says_which_session_is_meant(team: Stage) -> None:
    first, second = await team.session_in(OWN, "1"), await team.session_in(OWN, "2")
    await team.sends(team.presses(ANNA, "pause", {}, on=f"card:{first}"))
    (form,) = await team.owed()
    assert (form.subject, form.verb) == (first, "ShowForm")
    assert await team.events(second) == []


async def test_a_session_of_another_account_cannot_be_reached_by_its_id(
    place: Office, receives: Receiving, team: Stage
) -> None:
    other = await stage(await move_in(place.store), receives)
    await other.know()
    theirs = await other.session_in(HELP, "1600")
    for verb in ("answer", "status", "open"):
        await team.sends(team.presses(ANNA, verb, of(theirs, step="1", option="yes")))
    await team.sends(team.presses(ANNA, "say", of(theirs, step="1"), words="mine now"))
    assert await team.shown() == ["notice:gone"] * 4
    assert await other.events(theirs) == []


async def test_a_search_from_a_client_that_cannot_show_its_answer_becomes_a_list(team: Stage) -> None:
    body = team.presses(ANNA, "search_tickets", {"form": "1"}, fields={"ticket~search": "printer"})
    await team.sends(body)
    await team.sends(team.presses(ANNA, "back", {"form": "1"}))
    (shown,) = await team.owed()
    assert shown.what == "tickets"
    async with team.office.store.transaction(team.office.account) as unit:
        assert await unit.drafts.get(UUID(shown.args["draft"]), team.office.anna.id) == {"text": "printer"}


# ── Private answers ─────────────────────────────────────────────────────────────────────────────────────────


async def test_the_buttons_of_a_private_answer_vanish_once_one_is_used(team: Stage) -> None:
    session = await team.session_in(HELP, "1600")
    card = notice(
        Choice("How it stands", "status", of(session)), Choice("Path", "path", {"session": "another"})
    )
    on = await team.told(ANNA, "told:1", card)
    await team.sends(team.presses(ANNA, "status", of(session), on=on))
    ((where, activity, drawn),) = team.teams.edited
    assert (where, activity) == (f"a:{ANNA}", on)
    assert "How it stands" in drawn
    assert "Action.Execute" not in drawn


async def test_a_card_of_a_session_and_what_only_opens_a_form_keep_their_buttons(team: Stage) -> None:
    session = await team.session_in(OWN, "1")
    on = await team.told(ANNA, "told:1", notice(Choice("Pause", "pause", of(session))))
    await team.sends(team.presses(ANNA, "pause", of(session), on=on))
    await team.sends(team.presses(ANNA, "status", of(session), on=f"card:{session}"))
    assert team.teams.edited == []


async def test_a_form_that_was_sent_is_spent_when_it_is_submitted(team: Stage) -> None:
    session = await team.session_in(OWN, "1")
    form = Form("note", (Field("text", "Note"),), "Keep it", of(session))
    on = await team.told(ANNA, "form:1", notice(form=form))
    await team.sends(team.presses(ANNA, "note", of(session), on=on, fields={"text": "the light is red"}))
    assert await team.events(session) == ["NoteAdded"]
    ((_, _, drawn),) = team.teams.edited
    assert "Keep it" in drawn
    assert "Input.Text" not in drawn


# ── The box for words ───────────────────────────────────────────────────────────────────────────────────────


async def test_words_in_the_box_answer_the_step_they_were_written_under(team: Stage) -> None:
    session = await team.session_in(HELP, "1600")
    await team.sends(team.presses(ANNA, "say", of(session, step="1"), HELP, "1600", words="the light is red"))
    assert await team.events(session) == ["StepAnswered"]
    assert await team.shown() == []


@pytest.mark.parametrize("words", ["the light is red", "already tried: another cable", "yes"])
async def test_words_in_the_box_of_an_older_step_are_evidence_and_no_answer_of_the_newer_one(
    team: Stage, words: str
) -> None:
    session = await team.session_in(HELP, "1600")
    before = (await team.office.session(session)).current
    await team.sends(team.presses(ANNA, "say", of(session, step="0"), HELP, "1600", words=words))
    assert await team.events(session) == ["EvidenceAdded"]
    assert await team.shown() == ["notice:evidence_kept"]
    assert (await team.office.session(session)).current == before


async def test_a_command_in_the_box_of_an_older_step_is_done_all_the_same(team: Stage) -> None:
    session = await team.session_in(HELP, "1600")
    await team.sends(team.presses(ANNA, "say", of(session, step="0"), words="pause: customer is out"))
    assert await team.events(session) == ["Paused"]


async def test_words_in_the_box_after_the_end_are_kept_for_a_follow_up(team: Stage) -> None:
    session = await team.session_in(HELP, "1600", status="resolved")
    await team.sends(team.presses(ANNA, "say", of(session, step="0"), words="it is back"))
    assert await team.shown() == ["duplicate_ticket"]


async def test_an_empty_box_shows_how_it_stands(team: Stage) -> None:
    session = await team.session_in(HELP, "1600")
    await team.sends(team.presses(ANNA, "say", of(session, step="1"), words="  "))
    assert await team.shown() == ["status"]


# ── What starts ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("verb", ["start_anyway", "follow_up"])
async def test_words_that_were_kept_start_one_session_where_they_were_given_however_often_pressed(
    team: Stage, verb: str
) -> None:
    await team.sends(team.calls(BEN, "#4711"))
    (first,) = await team.sessions()
    await team.sends(team.calls(ANNA, "#4711 the tray again", HELP, "1600"))
    await team.sends(team.says(ANNA, "start"))
    offers = [each for each in await team.owed() if each.what == "duplicate_ticket"]
    await team.forget_owed()
    args = of(first.id, draft=str(offers[0].args["draft"]))
    for on in ("1", "2", "3"):
        await team.sends(team.presses(ANNA, verb, args, on=on))
    (started,) = [each for each in await team.sessions() if each.owner_id == team.office.anna.id]
    assert started.intake.text == "#4711 the tray again"
    assert await team.lives(started.id) == (HELP, "1600")
    assert await team.shown() == ["status", "status"]


async def test_the_form_that_our_name_alone_brought_starts_where_we_were_called(team: Stage) -> None:
    await team.sends(team.calls(ANNA, "", HELP, "1600"))
    form = Form("start", (Field("text", "What happened"),), "Start")
    on = await team.told(ANNA, "shown:1", notice(form=form))
    await team.sends(team.presses(ANNA, "start", on=on, fields={"text": "printer down", "tried": "restart"}))
    session = await team.only()
    assert (session.intake.text, session.intake.tried) == ("printer down", ("restart",))
    assert await team.lives(session.id) == (HELP, "1600")


async def test_a_start_in_some_list_of_his_own_chat_stays_there(team: Stage) -> None:
    await team.sends(team.calls(ANNA, "", HELP, "1600"))
    on = await team.told(ANNA, "shown:1", notice(Choice("Start", "start", {"ticket": "4711"})))
    await team.sends(team.presses(ANNA, "start", {"ticket": "4711"}, on=on))
    assert (await team.lives((await team.only()).id))[0] == OWN


@pytest.mark.parametrize(("at", "root"), [(HELP, "1600"), (GROUP, "")])
async def test_a_start_pressed_in_a_channel_or_group_opens_its_own_thread_there(
    team: Stage, at: str, root: str
) -> None:
    await team.sends(team.presses(ANNA, "start", {"ticket": "4711"}, at, root))
    session = await team.only()
    assert await team.lives(session.id) == (at, f"new:{session.id}")


async def test_a_start_pressed_where_others_read_along_goes_to_his_own_chat_and_says_so(team: Stage) -> None:
    shared = {"channel": {"id": HELP, "type": "shared"}}
    await team.sends(team.presses(ANNA, "start", {"ticket": "4711"}, HELP, "1600", data=shared))
    assert (await team.lives((await team.only()).id))[0] == OWN
    assert await team.shown() == ["notice:teams_shared"]


async def test_a_draft_that_expired_says_so(team: Stage) -> None:
    await team.sends(team.presses(ANNA, "start_anyway", {"draft": str(uuid4())}))
    await team.sends(team.presses(ANNA, "start_anyway", {"draft": "no id"}))
    assert await team.shown() == ["notice:form_expired", "notice:no_session_here"]


# ── The escalation channel ──────────────────────────────────────────────────────────────────────────────────


async def admin(at: Stage) -> None:
    await at.sends(at.installs(ANNA, TEAM))
    async with at.office.store.transaction(at.office.account) as unit:
        await unit.accounts.set_roles(at.office.anna.id, [Role.TECHNICIAN, Role.ADMIN])


async def test_the_chosen_channel_is_a_setting_of_its_own_with_its_name_and_can_be_taken_back(
    team: Stage,
) -> None:
    await admin(team)
    async with team.office.store.transaction(team.office.account) as unit:
        await unit.accounts.change_settings({"escalation_channel": "C0ESC"})
    chosen = f"{team.tenant}|{ESC}"
    await team.sends(team.presses(ANNA, "settings", on="1", fields={"escalation_channel": chosen}))
    kept = await settings(team)
    assert (kept[reach.SETTING], kept[reach.NAME]) == (chosen, "Practice MSP · Escalations")
    assert kept["escalation_channel"] == "C0ESC"
    async with team.office.store.transaction(team.office.account) as unit:
        assert await reach.escalation_channel(unit) == (team.tenant, ESC)
    await team.sends(team.presses(ANNA, "settings", on="2", fields={"escalation_channel": ""}))
    async with team.office.store.transaction(team.office.account) as unit:
        assert await reach.escalation_channel(unit) == ("", "")


async def test_a_channel_that_was_not_offered_and_the_fields_of_a_forger_change_nothing(team: Stage) -> None:
    await admin(team)
    forged = {"escalation_channel_teams": "other|19:evil", "time_zone": "Europe/Berlin"}
    await team.sends(team.presses(ANNA, "settings", on="1", fields=forged))
    forged["escalation_channel"] = "other|19:evil@thread.tacv2"
    await team.sends(team.presses(ANNA, "settings", on="2", fields=forged))
    assert await team.shown() == ["settings"] * 2
    assert reach.SETTING not in await settings(team)


async def test_the_channel_of_another_tenant_stays_and_the_form_says_so(team: Stage) -> None:
    await admin(team)
    async with team.office.store.transaction(team.office.account) as unit:
        await unit.accounts.change_settings({reach.SETTING: "other|19:x", reach.NAME: "Theirs"})
    await team.sends(team.presses(ANNA, "settings", fields={"escalation_channel": ""}))
    assert (await settings(team))[reach.SETTING] == "other|19:x"
    form = Card("form", "Settings", form=Form("settings", (Field("channel", "c", "channel", "C0"),), "Save"))
    async with team.office.store.transaction(team.office.account) as unit:
        offered = await reach.offered_in(unit, team.tenant, form)
    assert offered.form is not None
    assert offered.form.fields[0].value == ""
    assert len(offered.blocks) == 1


async def test_every_form_of_a_card_offers_the_channels_we_are_in(team: Stage) -> None:
    await admin(team)
    form = Card("form", "Settings", form=Form("settings", (Field("channel", "c", "channel", "C0"),), "Save"))
    card = Card("list", "Settings", choices=(Choice("Change", "settings", form=form), Choice("Other", "x")))
    async with team.office.store.transaction(team.office.account) as unit:
        await unit.accounts.change_settings({reach.SETTING: f"{team.tenant}|19:left", reach.NAME: "Left"})
        offered = await reach.offered_in(unit, team.tenant, card)
        assert await reach.offered_in(unit, team.tenant, Card("list")) == Card("list")
    inside = offered.choices[0].form
    assert inside is not None
    assert inside.form is not None
    field = inside.form.fields[0]
    assert [label for _, label in field.options] == [
        "Practice MSP · Escalations", "Practice MSP · General", "Practice MSP · Helpdesk", "Left",
    ]  # fmt: skip
    assert field.value == f"{team.tenant}|19:left"


async def test_a_stored_conversation_becomes_what_the_connector_takes(team: Stage) -> None:
    await team.sends(team.says(ANNA, "queue"))
    stored = await team.reached(f"a:{ANNA}")
    assert stored is not None
    found = reach.reference(stored)
    assert (found.tenant, found.kind, found.person) == (team.tenant, "personal", ANNA)
    assert found.raw["conversation"]["id"] == addresses.thread_id(f"a:{ANNA}", "")


def test_the_settings_tell_the_channel_of_each_platform_that_has_one() -> None:
    kept = {"escalation_channel": "C0ESC", reach.SETTING: "t|19:x", reach.NAME: "Practice MSP · Escalations"}
    only = {name: value for name, value in kept.items() if name != "escalation_channel"}
    label, there = say("settings.escalation_channel"), say("settings.escalation_channel_teams")
    assert channels(kept, Shortener()) == ((label, "C0ESC"), (there, "Practice MSP · Escalations"))
    assert channels(only, Shortener()) == ((there, "Practice MSP · Escalations"),)
    assert channels({}, Shortener()) == ((label, say("settings.unset")),)
