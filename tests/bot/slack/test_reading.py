"""What people say in Slack, in channels, threads, direct messages and commands, and what of it is ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.slack.api import FileRefused
from bot.slack.fetching import WantsChannel, WantsFile
from engine.ports import PutOff
from storage.receiving import Receiving
from tests.bot.screenshots import SHOT
from tests.bot.slack.scene import ANNA_DM, BOT, ESC, HELP, OLD, PAIR_DM, QUIET, SHARED, Stage, stage, stamp
from tests.conftest import Database
from tests.fakes import Office, office, receiving


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


async def answered(at: Stage, thread: str, text: str, user: str = "U0ANNA", **more: Any) -> list[str]:
    """The events of the only Session after this reply in its thread."""
    await at.sends(at.said(user, text, thread=thread, **more))
    return await at.events((await at.only()).id)


# ── A Session starts ────────────────────────────────────────────────────────────────────────────────────────


async def test_our_name_in_a_channel_starts_a_session_that_lives_there(team: Stage) -> None:
    await team.sends(team.said("U0ANNA", f"<@{BOT}> printer &lt;03&gt; is offline, ask <@U0BEN>"))
    session = await team.only()
    assert session.intake.text == "printer <03> is offline, ask @Ben"
    assert session.owner_id == team.office.anna.id
    (thread,) = await team.places()
    assert (thread.workspace, thread.channel, thread.thread) == (team.team, HELP, f"new:{session.id}")
    assert thread.session_id == session.id
    assert await team.shown() == []


@pytest.mark.parametrize("order", [("message", "app_mention"), ("app_mention", "message")])
@pytest.mark.parametrize("second_has", [True, False])
async def test_a_mention_that_comes_twice_is_one_session_and_its_files_are_kept_whichever_brings_them(
    team: Stage, order: tuple[str, str], *, second_has: bool
) -> None:
    ts, file = stamp(), team.file("spooler.log")
    for number, kind in enumerate(order):
        files = [file] if bool(number) == second_has else []
        assert await team.sends(team.said("U0ANNA", f"<@{BOT}> printer down", ts=ts, type=kind, files=files))
    session = await team.only()
    assert session.intake.text == "printer down"
    assert len(await team.places()) == 1
    happened = await team.events(session.id)
    if second_has:
        assert happened == ["SessionStarted", "EvidenceAdded"]
    else:
        assert happened == ["SessionStarted"]
        assert "spooler stopped" in session.intake.log_digest
    assert len(team.slack.of(WantsFile)) == 1


async def test_the_same_mention_without_files_is_the_same_row(team: Stage) -> None:
    ts = stamp()
    assert await team.sends(team.said("U0ANNA", f"<@{BOT}> printer down", ts=ts))
    assert not await team.sends(team.said("U0ANNA", f"<@{BOT}> printer down", ts=ts, type="app_mention"))
    assert len(await team.sessions()) == 1


async def test_a_direct_message_starts_a_session_there(team: Stage) -> None:
    await team.sends(team.direct("U0ANNA", "printer down"))
    (thread,) = await team.places()
    assert (thread.channel, thread.session_id) == (ANNA_DM, (await team.only()).id)


async def test_a_direct_message_that_begins_with_a_colleague_is_still_meant_for_us(team: Stage) -> None:
    await team.sends(team.direct("U0ANNA", "<@U0CARLA> cannot print since the update"))
    assert (await team.only()).intake.text == "@Lea cannot print since the update"


@pytest.mark.parametrize("text", ["thanks", "ok", ":+1:", "hello"])
async def test_small_talk_in_direct_messages_is_answered_with_help_and_elsewhere_with_nothing(
    team: Stage, text: str
) -> None:
    await team.sends(team.direct("U0ANNA", text))
    assert await team.shown() == ["help"]
    await team.sends(team.said("U0ANNA", f"<@{BOT}> {text}"))
    assert await team.shown() == ["help"]
    assert await team.sessions() == []


async def test_our_name_alone_is_a_question_for_help(team: Stage) -> None:
    await team.sends(team.said("U0ANNA", f"<@{BOT}>"))
    (shown,) = await team.owed()
    assert shown.what == "help"
    assert (await team.route(shown)).channel == HELP


async def test_what_people_say_to_each_other_is_none_of_ours(team: Stage) -> None:
    await team.session_in("1700000000.1")
    await team.sends(team.said("U0ANNA", "lunch?"))
    await team.sends(team.said("U0ANNA", "printer down", thread="1700000000.2"))
    await team.sends(team.said("U0ANNA", "<@U0BEN> look at this", thread="1700000000.1"))
    await team.sends(team.said("U0ANNA", "x", thread="1700000000.1", subtype="message_changed"))
    await team.sends(team.said("U0ANNA", "x", thread="1700000000.1", bot_id="B0OTHER"))
    assert await team.owed() == []
    assert len(await team.sessions()) == 1
    assert team.slack.asked == []


async def test_where_other_organisations_read_along_a_session_goes_to_his_direct_messages_and_says_so(
    team: Stage,
) -> None:
    await team.sends(team.said("U0ANNA", f"<@{BOT}> printer down", SHARED, shared=True))
    (thread,) = await team.places()
    assert thread.channel == "U0ANNA"
    assert await team.shown() == ["notice:shared_channel"]


async def test_a_file_that_cannot_be_had_keeps_nobody_from_the_rest(team: Stage) -> None:
    files = [team.file("a.log"), team.file("b.log", FileRefused("too_large")), team.file("c.png", SHOT)]
    await team.sends(team.direct("U0ANNA", "printer down", files=files))
    session = await team.only()
    assert session.intake.text == "printer down"
    assert session.intake.image_urls == ("screen.png",)
    assert "spooler stopped" in session.intake.log_digest
    (told,) = [each for each in await team.owed() if each.what.startswith("file:")]
    assert "20 MB" in told.what
    assert (await team.route(told)).direct


async def test_only_files_that_cannot_be_had_start_nothing_and_he_hears_why_where_he_sent_them(
    team: Stage,
) -> None:
    body = team.said("U0ANNA", f"<@{BOT}>", files=[team.file("b.log", FileRefused("gone"))])
    await team.sends(body)
    (told,) = await team.owed()
    assert told.what.startswith("file:It was deleted")
    assert (await team.route(told)).channel == HELP
    assert await team.sessions() == []


async def test_in_a_thread_a_file_that_cannot_be_had_is_no_answer_and_no_question_for_help(
    team: Stage,
) -> None:
    await team.session_in("1700000000.1")
    files = [team.file("b.log", FileRefused("gone"))]
    assert await answered(team, "1700000000.1", "", files=files) == []
    (told,) = await team.owed()
    assert told.what.startswith("file:It was deleted")
    assert (await team.route(told)).thread == "1700000000.1"


async def test_a_mention_whose_second_copy_brings_a_file_that_cannot_be_had_stays_one_session(
    team: Stage,
) -> None:
    ts = stamp()
    await team.sends(team.said("U0ANNA", f"<@{BOT}> printer down", ts=ts))
    files = [team.file("b.log", FileRefused("gone"))]
    await team.sends(team.said("U0ANNA", f"<@{BOT}> printer down", ts=ts, files=files))
    assert await team.events((await team.only()).id) == ["SessionStarted"]
    assert [each.partition(":")[0] for each in await team.shown()] == ["file"]


async def test_while_slack_is_away_the_message_waits_and_nothing_is_lost(team: Stage) -> None:
    team.slack.away.append(PutOff(5, "rate limited"))
    await team.sends(team.direct("U0ANNA", "printer down", files=[team.file("a.log")]))
    assert team.handled == [0]
    assert await team.sessions() == []


# ── In a thread of ours ─────────────────────────────────────────────────────────────────────────────────────


async def test_the_owners_reply_answers_the_step_and_needs_no_mention(team: Stage) -> None:
    await team.session_in("1700000000.1")
    assert await answered(team, "1700000000.1", "yes") == ["StepAnswered"]


async def test_a_reply_that_names_somebody_first_is_taken_where_we_are_named_too(team: Stage) -> None:
    await team.session_in("1700000000.1")
    text = f"<@U0BEN> says the cable is fine <@{BOT}>"
    assert await answered(team, "1700000000.1", text) == ["StepAnswered"]


async def test_a_reply_that_is_sent_to_the_channel_too_and_one_with_a_file_are_replies(team: Stage) -> None:
    await team.session_in("1700000000.1")
    root = {"ts": "1700000000.1", "thread_ts": "1700000000.1", "text": "the card"}
    await answered(team, "1700000000.1", "the light is red", subtype="thread_broadcast", root=root)
    files = [team.file("a.log")]
    assert await answered(team, "1700000000.1", "see", files=files) == ["StepAnswered", "EvidenceAdded"]


@pytest.mark.parametrize("text", ["yes", "1", "I saw the same last week"])
async def test_a_colleagues_reply_is_a_note_and_never_an_answer(team: Stage, text: str) -> None:
    await team.session_in("1700000000.1")
    assert await answered(team, "1700000000.1", text, "U0BEN") == ["NoteAdded"]
    step = (await team.only()).current
    assert step is not None
    assert step.outcome is None


@pytest.mark.parametrize("order", [("message", "app_mention"), ("app_mention", "message")])
@pytest.mark.parametrize("first_has", [True, False])
async def test_a_mention_in_a_thread_that_comes_twice_is_taken_once_with_its_files(
    team: Stage, order: tuple[str, str], *, first_has: bool
) -> None:
    await team.session_in("1700000000.1")
    ts, file = stamp(), team.file("a.log")
    happened: list[str] = []
    for number, kind in enumerate(order):
        files = [file] if bool(number) != first_has else []
        text = f"<@{BOT}> the light is red"
        happened = await answered(team, "1700000000.1", text, ts=ts, type=kind, files=files)
    assert happened == (["EvidenceAdded"] if first_has else ["StepAnswered", "EvidenceAdded"])


@pytest.mark.parametrize(
    ("text", "happened", "shown"),
    [
        ("pause", [], ["form:pause"]),
        (f"<@{BOT}> pause: waiting for the customer", ["Paused"], []),
        (f"<@{BOT}> escalate to Ben: the driver is beyond me", ["EscalationRequested"], []),
        (f"<@{BOT}> escalate to <@U0BEN>: the driver is beyond me", ["EscalationRequested"], []),
        ("escalate to <@U0BEN|benny>: the driver is beyond me", ["EscalationRequested"], []),
        ("link 4711", ["TicketLinked"], []),
    ],
)
async def test_commands_are_typed_in_threads(
    team: Stage, text: str, happened: list[str], shown: list[str]
) -> None:
    session = await team.session_in("1700000000.1")
    assert await answered(team, "1700000000.1", text) == happened
    owed = await team.owed()
    assert [f"form:{each.args['form']}" for each in owed if each.verb == "ShowForm"] == shown
    for each in owed:
        if each.verb == "ShowForm":
            assert (await team.route(each)).thread == "1700000000.1"
    if "EscalationRequested" in happened:
        asked = (await team.office.session(session)).escalation
        assert asked is not None
        assert asked.to.user == team.office.ben.id


async def test_people_talk_beside_the_request_for_help_and_only_our_name_makes_it_ours(team: Stage) -> None:
    session = await team.session_in("1700000000.1")
    async with team.office.store.transaction(team.office.account) as unit:
        channel = await unit.places.ensure("escalations", "slack", team.team, ESC)
        await unit.places.keep(channel.id, f"escalation:{session}", {}, f"{ESC}:1700000000.9")
    await team.sends(team.said("U0BEN", "I can take it after lunch", ESC, thread="1700000000.9"))
    assert await team.events(session) == []
    await team.sends(team.said("U0BEN", f"<@{BOT}> I saw this driver before", ESC, thread="1700000000.9"))
    assert await team.events(session) == ["NoteAdded"]
    assert len(await team.sessions()) == 1


async def test_our_name_in_a_strangers_thread_of_the_escalation_channel_starts_a_session(team: Stage) -> None:
    async with team.office.store.transaction(team.office.account) as unit:
        channel = await unit.places.ensure("escalations", "slack", team.team, ESC)
        await unit.places.keep(channel.id, "told:1", {}, f"{ESC}:1700000000.9")
    await team.sends(team.said("U0BEN", f"<@{BOT}> printer down", ESC, thread="1700000000.9"))
    assert (await team.only()).owner_id == team.office.ben.id


async def test_stopping_the_agent_in_a_thread_stops_what_is_under_way_there(team: Stage) -> None:
    session = await team.session_in("1700000000.1")
    for thread in ("1700000000.2", "1700000000.1"):
        await team.sends(
            team.event(type="agent_session_stopped", user="U0ANNA", channel=HELP, thread_ts=thread)
        )
    assert await team.events(session) == ["GuideStopped"]


# ── Commands ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("channel", "home", "told"),
    [
        (HELP, HELP, []),
        (QUIET, "U0ANNA", ["notice:invite_me"]),
        (OLD, "U0ANNA", ["notice:invite_me"]),
        (SHARED, "U0ANNA", ["notice:shared_channel"]),
        (ANNA_DM, ANNA_DM, []),
        (PAIR_DM, "U0ANNA", []),
    ],
)
async def test_a_command_starts_a_session_where_we_can_be_and_says_so_where_we_cannot(
    team: Stage, channel: str, home: str, told: list[str]
) -> None:
    await team.sends(team.command("U0ANNA", "printer down", channel))
    (thread,) = await team.places()
    assert thread.channel == home
    assert (await team.only()).intake.text == "printer down"
    assert await team.shown() == told
    for each in await team.owed():
        if each.via:
            assert (await team.route(each)).response_url


@pytest.mark.parametrize(
    ("text", "shows"), [("mine", "mine"), ("help", "help"), ("thanks", "help"), ("queue", "queue")]
)
async def test_a_command_that_starts_nothing_says_nothing_about_the_channel(
    team: Stage, text: str, shows: str
) -> None:
    await team.sends(team.command("U0ANNA", text, QUIET))
    assert await team.shown() == [shows]
    assert team.slack.of(WantsChannel) == []


async def test_a_ticket_that_has_a_session_already_is_offered_and_nobody_is_told_that_one_began(
    team: Stage,
) -> None:
    await team.sends(team.command("U0BEN", "#4711", HELP))
    await team.forget_owed()
    await team.sends(team.command("U0ANNA", "#4711", QUIET))
    assert await team.shown() == ["duplicate_ticket"]
    assert len(await team.sessions()) == 1


async def test_the_bare_command_fills_the_waiting_window_with_the_form(team: Stage) -> None:
    body = team.command("U0ANNA", " ")
    await team.sends(body)
    (shown,) = await team.owed()
    assert shown.what == "form:start"
    route = await team.route(shown)
    assert route.view.startswith("fp-")
    assert (route.origin, route.command) == (f"{HELP}//", True)
    assert await team.sessions() == []


async def test_when_a_window_did_not_open_he_hears_it(team: Stage) -> None:
    failed = {"team": team.team, "user": "U0ANNA", "channel": HELP, "thread": "1700000000.1", "reason": "expired",
              "response_url": "https://hooks.slack.com/x"}  # fmt: skip
    await team.remembers("view_failed", "vf", f"slack:{team.team}:U0ANNA", failed)
    (shown,) = await team.owed()
    assert shown.what == "notice:slack_view_failed"
    assert (await team.route(shown)).response_url == "https://hooks.slack.com/x"


async def test_the_home_is_drawn_when_it_is_opened(team: Stage) -> None:
    await team.sends(team.event(type="app_home_opened", user="U0ANNA", channel=ANNA_DM, tab="home"))
    (shown,) = await team.owed()
    assert shown.what == "home"
    assert (await team.route(shown)).in_home
