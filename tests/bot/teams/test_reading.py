"""What people say in Teams, in channels, group chats and their own, and what of it is ours."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.teams.port import Away, Download, FileRefused
from storage.receiving import Receiving
from tests.bot.screenshots import SHOT
from tests.bot.teams.scene import ANNA, BEN, ESC, GROUP, HELP, QUIET, TEAM, Stage, stage, stamp
from tests.conftest import Database
from tests.fakes import Office, office, receiving

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


# ── A Session starts ────────────────────────────────────────────────────────────────────────────────────────


async def test_our_name_in_a_channel_starts_a_session_in_the_thread_of_that_very_message(team: Stage) -> None:
    body = team.calls(ANNA, "printer 03 is offline")
    await team.sends(body)
    session = await team.only()
    assert (session.intake.text, session.owner_id) == ("printer 03 is offline", team.office.anna.id)
    assert await team.lives(session.id) == (HELP, body["id"])
    assert await team.shown() == []


async def test_our_name_in_a_reply_starts_a_session_in_that_thread(team: Stage) -> None:
    await team.sends(team.calls(ANNA, "printer down", HELP, "1600"))
    assert await team.lives((await team.only()).id) == (HELP, "1600")


async def test_the_same_activity_again_starts_nothing_more(team: Stage) -> None:
    body = team.calls(ANNA, "printer down")
    assert [await team.sends(body), await team.sends(body)] == [True, False]
    assert len(await team.sessions()) == 1


@pytest.mark.parametrize(("at", "channel"), [("", OWN), (GROUP, GROUP)])
async def test_in_a_chat_a_session_lives_there_and_its_card_gives_the_thread_its_name(
    team: Stage, at: str, channel: str
) -> None:
    await team.sends(team.calls(ANNA, "printer down", at))
    session = await team.only()
    assert await team.lives(session.id) == (channel, f"new:{session.id}")


@pytest.mark.parametrize("text", ["thanks", "hello"])
async def test_small_talk_in_his_own_chat_is_answered_with_help_and_elsewhere_with_nothing(
    team: Stage, text: str
) -> None:
    await team.sends(team.says(ANNA, text))
    await team.sends(team.calls(ANNA, text))
    assert await team.shown() == ["help"]
    assert await team.sessions() == []


@pytest.mark.parametrize("text", ["", "start"])
async def test_our_name_alone_and_start_open_the_form_in_his_own_chat(team: Stage, text: str) -> None:
    await team.sends(team.calls(ANNA, text))
    (shown,) = await team.owed()
    assert shown.what == "form:start"
    (own,) = await team.places("direct")
    assert (shown.args["place"], own.channel) == (str(own.id), OWN)


async def test_what_answers_him_goes_to_teams_also_where_he_is_known_in_slack(team: Stage) -> None:
    await team.sends(team.calls(ANNA, "queue"))
    (shown,) = await team.owed()
    assert (shown.what, shown.args["via"]) == ("queue", "teams:")


async def test_a_code_in_a_linked_tenant_is_not_used_and_becomes_no_evidence(team: Stage) -> None:
    session = await team.session_in(OWN, "1")
    await team.sends(team.says(ANNA, "connect FP-ABCD-EFGH-JKMN"))
    assert await team.shown() == ["notice:teams_linked_already"]
    assert await team.events(session) == []


async def test_while_teams_is_away_the_message_waits_and_nothing_is_lost(team: Stage) -> None:
    team.teams.away.append(Away(5, "asks for patience", unsure=False))
    await team.sends(team.says(ANNA, "printer down", attachments=[team.file("a.log")]))
    assert team.handled == [0]
    assert await team.sessions() == []


# ── Files ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_file_that_cannot_be_had_keeps_nobody_from_the_rest(team: Stage) -> None:
    shot = team.file("screen.png", Download(SHOT.content, "image/png"))
    html = {"contentType": "text/html", "content": "<p>printer down</p>"}
    files = [html, team.file("a.log"), team.file("b.log", FileRefused("too_large")), shot]
    await team.sends(team.says(ANNA, "printer down", attachments=files))
    session = await team.only()
    assert session.intake.image_urls == ("screen.png",)
    assert "spooler stopped" in session.intake.log_digest
    (told,) = await team.shown()
    assert told.startswith("file:It is larger than 20 MB")


async def test_only_files_that_cannot_be_had_start_nothing_and_he_hears_why(team: Stage) -> None:
    reference = {"contentType": "reference", "name": "a.log", "contentUrl": "https://x.sharepoint.example/a"}
    await team.sends(team.calls(ANNA, "", attachments=[reference]))
    (told,) = await team.shown()
    assert told.startswith("file:Teams keeps files of channels")
    assert await team.sessions() == []


# ── Where others read along ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "data",
    [{"channel": {"id": HELP, "type": "shared"}}, {"team": {"id": TEAM, "tenantId": "another"}}],
)
async def test_where_other_organisations_read_along_a_session_goes_to_his_own_chat_and_says_so(
    team: Stage, data: dict[str, object]
) -> None:
    await team.sends(team.calls(ANNA, "printer down", data=data))
    session = await team.only()
    assert await team.lives(session.id) == (OWN, f"new:{session.id}")
    assert await team.shown() == ["notice:teams_shared"]
    assert await team.reached(HELP) is None


# ── How conversations are reached ───────────────────────────────────────────────────────────────────────────


async def test_every_conversation_is_kept_as_it_is_reached_and_whether_we_hear_there(team: Stage) -> None:
    await team.sends(team.calls(ANNA, "queue"))
    first = await team.reached(HELP)
    assert first is not None
    assert (first.kind, first.team, first.hears) == ("channel", TEAM, False)
    await team.sends(team.says(BEN, "lunch?", HELP, "1600", serviceUrl="https://moved.example/"))
    heard = await team.reached(HELP)
    assert heard is not None
    assert (heard.hears, heard.raw["serviceUrl"]) == (True, "https://moved.example/")
    await team.sends(team.says(ANNA, "queue"))
    own = await team.reached(f"a:{ANNA}")
    assert own is not None
    assert (own.kind, own.person) == ("personal", ANNA)


async def test_added_to_a_team_we_know_its_channels_and_say_once_how_to_begin(team: Stage) -> None:
    async with team.office.store.transaction(team.office.account) as unit:
        closed = await unit.places.ensure("escalations", "teams", team.tenant, ESC)
        await unit.places.retire(closed.id)
    await team.sends(team.installs(ANNA, TEAM))
    await team.sends(team.activity("conversationUpdate", ANNA, TEAM, membersAdded=[{"id": "28:" + "x"}]))
    body = team.activity("conversationUpdate", ANNA, TEAM)
    await team.sends({**body, "membersAdded": [{"id": body["recipient"]["id"]}]})
    ((where, _, words),) = team.teams.said
    assert (where, "@FlowPilot" in words) == (TEAM, True)
    async with team.office.store.transaction(team.office.account) as unit:
        names = {each.conversation: each.name for each in await unit.references.channels(team.tenant)}
    assert names == {
        TEAM: "Practice MSP · General",
        HELP: "Practice MSP · Helpdesk",
        ESC: "Practice MSP · Escalations",
    }
    assert [each.channel for each in await team.places("escalations")] == [ESC]
    assert await team.owed() == []


async def test_a_message_without_its_channels_name_does_not_take_the_name_away(team: Stage) -> None:
    await team.sends(team.installs(ANNA, TEAM))
    await team.sends(team.calls(ANNA, "queue"))
    found = await team.reached(HELP)
    assert found is not None
    assert found.name == "Practice MSP · Helpdesk"


async def test_taken_out_of_a_team_its_channels_are_forgotten_and_nothing_else(team: Stage) -> None:
    await team.sends(team.installs(ANNA, TEAM))
    await team.sends(team.says(ANNA, "queue"))
    await team.sends(team.installs(ANNA, TEAM, "remove"))
    assert [await team.reached(each) for each in (TEAM, HELP, ESC)] == [None] * 3
    assert await team.reached(f"a:{ANNA}") is not None
    assert await team.linked_to() == team.office.account


# ── Somebody's message ──────────────────────────────────────────────────────────────────────────────────────


async def test_troubleshoot_starts_a_session_in_the_thread_of_that_message_once(team: Stage) -> None:
    await team.sends(team.calls(BEN, "queue"))
    await team.forget_owed()
    about = stamp()
    for user in (ANNA, ANNA, BEN):
        await team.sends(team.troubleshoots(user, "queue", HELP, about=about))
    session = await team.only()
    assert (session.owner_id, session.intake.text) == (team.office.anna.id, "queue")
    assert await team.lives(session.id) == (HELP, about)
    assert await team.shown() == ["status", "status"]


async def test_a_message_that_started_a_session_itself_is_not_started_again(team: Stage) -> None:
    body = team.calls(ANNA, "printer down")
    await team.sends(body)
    await team.sends(team.troubleshoots(BEN, "printer down", HELP, body["id"], about=body["id"]))
    assert (await team.only()).owner_id == team.office.anna.id
    assert await team.shown() == ["status"]


async def test_troubleshoot_where_we_are_not_goes_to_his_own_chat_and_says_so(team: Stage) -> None:
    await team.sends(team.troubleshoots(ANNA, "disk full", QUIET))
    session = await team.only()
    assert (await team.lives(session.id))[0] == OWN
    assert await team.shown() == ["notice:teams_not_here"]
    assert await team.reached(QUIET) is None


async def test_troubleshoot_on_a_ticket_with_a_session_offers_it(team: Stage) -> None:
    await team.sends(team.troubleshoots(BEN, "ticket #4711 again"))
    await team.forget_owed()
    await team.sends(team.troubleshoots(ANNA, "ticket #4711 is back"))
    assert await team.shown() == ["duplicate_ticket"]


# ── Thumbs ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_thumb_is_kept_for_the_step_its_message_shows(team: Stage) -> None:
    session = await team.session_in(OWN, "1")
    await team.sends(team.thumbs(ANNA, f"card:{session}", "like"))
    await team.sends(team.thumbs(ANNA, f"card:{session}", "dislike"))
    await team.sends(team.thumbs(ANNA, "none of ours"))
    async with team.office.store.transaction(team.office.account) as unit:
        (kept,) = await unit.feedback.of_session(session)
    assert (kept.step, kept.user_id, kept.reaction) == (1, team.office.anna.id, "dislike")
    assert kept.words == "Wrong printer"
    assert await team.owed() == []
