"""What people press, submit and choose in Slack: which Session it reaches, what it leaves behind, and where it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from bot.slack.api import FileRefused
from bot.slack.fetching import WantsChannel, WantsFile, WantsSpent
from engine.session import Status
from storage.receiving import Receiving
from tests.bot.screenshots import SHOT
from tests.bot.slack.scene import ANNA_DM, ESC, HELP, QUIET, SHARED, Stage, stage, stamp
from tests.conftest import Database
from tests.fakes import Office, move_in, office, receiving

THREAD = "1700000000.1"


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


async def direct_message(at: Stage, key: str, ts: str) -> None:
    """A card in Anna's direct messages, as it was posted."""
    async with at.office.store.transaction(at.office.account) as unit:
        own = await unit.places.ensure("direct", "slack", at.team, "U0ANNA")
        await unit.places.keep(own.id, key, {"kind": "notice", "title": "x"}, f"{ANNA_DM}:{ts}")


def of(session: UUID, **more: str) -> dict[str, str]:
    return {"session": str(session), **more}


# ── Clicks ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("menu", [False, True])
async def test_a_button_and_a_menu_answer_the_step_they_carry(team: Stage, *, menu: bool) -> None:
    session = await team.session_in(THREAD)
    args = of(session, step="1", option="yes")
    await team.sends(team.click("U0ANNA", "answer", args, thread=THREAD, menu=menu))
    assert await team.events(session) == ["StepAnswered"]
    assert team.slack.asked == []


async def test_a_button_of_a_step_that_is_over_answers_nothing(team: Stage) -> None:
    session = await team.session_in(THREAD)
    before = await team.office.session(session)
    await team.sends(team.click("U0ANNA", "answer", of(session, step="1", option="never"), thread=THREAD))
    assert await team.events(session) == []
    await team.sends(team.click("U0ANNA", "answer", of(session, step="7", option="yes"), thread=THREAD))
    assert (await team.office.session(session)).current == before.current
    for each in await team.owed():
        if each.args.get("to"):
            assert (await team.route(each)).thread == THREAD


async def test_the_same_click_delivered_again_is_one_row(team: Stage) -> None:
    session = await team.session_in(THREAD)
    body = team.click("U0ANNA", "answer", of(session, step="1", option="yes"), thread=THREAD)
    assert [await team.sends(body), await team.sends(body)] == [True, False]
    assert await team.events(session) == ["StepAnswered"]


async def test_a_menu_that_opens_a_form_fills_the_window_that_waits(team: Stage) -> None:
    session = await team.session_in(THREAD)
    await team.sends(team.click("U0ANNA", "pause", of(session), thread=THREAD, menu=True))
    (form,) = await team.owed()
    assert (form.verb, form.args["form"]) == ("ShowForm", "pause")
    route = await team.route(form)
    assert route.view.startswith("fp-")
    assert (route.origin, route.order) == (f"{HELP}/{THREAD}/{THREAD}", f"slack:{team.team}:{HELP}:{THREAD}")


async def test_a_click_in_the_escalation_channel_reaches_the_session_it_names(team: Stage) -> None:
    session = await team.session_in(THREAD)
    await team.sends(team.click("U0BEN", "status", of(session), channel=ESC))
    (shown,) = await team.owed()
    assert (shown.what, shown.args["session"]) == ("status", str(session))


async def test_a_click_in_the_home_draws_the_home_again(team: Stage) -> None:
    session = await team.session_in(THREAD)
    await team.sends(team.click_in_view("U0ANNA", "resume", of(session)))
    *_, home = await team.owed()
    assert home.what == "home"
    assert (await team.route(home)).in_home


async def test_a_session_started_from_the_home_lives_in_his_direct_messages(team: Stage) -> None:
    await team.sends(team.click_in_view("U0ANNA", "start", {"ticket": "4711"}))
    (thread,) = await team.places()
    assert thread.channel == "U0ANNA"
    assert team.slack.of(WantsChannel) == []


async def test_the_buttons_of_a_private_answer_vanish_once_one_is_used(team: Stage) -> None:
    session = await team.session_in(THREAD)
    body = team.click("U0ANNA", "status", of(session), ts="1700000000.8", ephemeral=True, label="Status")
    await team.sends(body)
    assert team.slack.of(WantsSpent) == [
        WantsSpent(team.team, HELP, "1700000000.8", body["response_url"], "", "Status")
    ]


async def test_a_message_to_one_person_loses_its_buttons_and_a_card_keeps_them(team: Stage) -> None:
    session = await team.session_in(THREAD)
    await direct_message(team, "told:1", "1700000000.8")
    await direct_message(team, "card", "1700000000.9")
    for ts in ("1700000000.8", "1700000000.9"):
        await team.sends(team.click("U0ANNA", "status", of(session), channel=ANNA_DM, ts=ts, label="Status"))
    (spent,) = team.slack.of(WantsSpent)
    assert (spent.channel, spent.ts, spent.label, spent.response_url) == (
        ANNA_DM,
        "1700000000.8",
        "Status",
        "",
    )
    assert '"title": "x"' in spent.card


async def test_a_button_in_a_window_does_not_spend_the_message_the_window_was_opened_from(
    team: Stage,
) -> None:
    session = await team.session_in(THREAD)
    await direct_message(team, "told:1", "1700000000.8")
    opened = {"type": "modal", "private_metadata": _from(f"{ANNA_DM}/1700000000.8"), "callback_id": "fp"}
    await team.sends(team.click_in_view("U0ANNA", "status", of(session), **opened))
    assert team.slack.of(WantsSpent) == []
    assert [each.what for each in await team.owed()] == ["status"]


async def test_a_button_that_opens_a_form_stays_because_the_form_may_be_closed_again(team: Stage) -> None:
    session = await team.session_in(THREAD)
    await team.sends(team.click("U0ANNA", "pause", of(session), ephemeral=True))
    assert team.slack.of(WantsSpent) == []


async def test_a_session_of_another_account_cannot_be_reached_by_its_id(
    place: Office, receives: Receiving, team: Stage
) -> None:
    other = await stage(await move_in(place.store), receives)
    await other.know()
    theirs = await other.session_in(THREAD)
    for verb in ("answer", "status", "open", "resolve"):
        await team.sends(team.click("U0ANNA", verb, of(theirs, step="1", option="yes")))
    await team.sends(team.submission("U0ANNA", "note", of(theirs), {"text": "mine now"}))
    await team.sends(team.submission("U0ANNA", "add_to", {"draft": str(uuid4())}, {"session": str(theirs)}))
    assert await team.shown() == ["notice:gone"] * 5 + ["notice:form_expired"]
    assert await other.events(theirs) == []


@pytest.mark.parametrize("verb", ["start_anyway", "follow_up"])
async def test_words_that_were_kept_start_one_session_however_often_the_button_is_pressed(
    team: Stage, verb: str
) -> None:
    await team.sends(team.command("U0BEN", "#4711", HELP))
    (first,) = await team.sessions()
    await team.sends(team.command("U0ANNA", "#4711 the tray again", HELP))
    draft = str(next(each for each in await team.owed() if each.what == "duplicate_ticket").args["draft"])
    await team.forget_owed()
    for _ in range(3):
        await team.sends(team.click("U0ANNA", verb, of(first.id, draft=draft), channel=QUIET))
    started = [each for each in await team.sessions() if each.owner_id == team.office.anna.id]
    assert [each.intake.text for each in started] == ["#4711 the tray again"]
    assert await team.shown() == ["notice:invite_me", "status", "status"]


async def test_a_button_that_only_offers_does_not_say_where_a_session_went(team: Stage) -> None:
    await team.sends(team.command("U0BEN", "#4711", HELP))
    await team.forget_owed()
    await team.sends(team.click("U0ANNA", "start", {"ticket": "4711"}, channel=QUIET))
    assert await team.shown() == ["duplicate_ticket"]


async def test_a_click_on_what_no_button_of_ours_carries_is_dropped(team: Stage) -> None:
    body = team.click("U0ANNA", "status")
    body["actions"][0]["action_id"] = "somebody_elses"
    assert not await team.sends(body)
    assert await team.owed() == []


# ── Submissions ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_submission_knows_where_its_window_was_opened(team: Stage) -> None:
    session = await team.session_in(THREAD)
    args = of(session, **{"from": f"{HELP}/{THREAD}"})
    await team.sends(team.submission("U0ANNA", "pause", args, {"reason": "", "remind_at": "never ever"}))
    (shown,) = await team.owed()
    route = await team.route(shown)
    assert (route.channel, route.thread, route.view) == (HELP, THREAD, "")
    await team.sends(team.submission("U0ANNA", "pause", args, {"reason": "customer is out"}))
    assert await team.events(session) == ["Paused"]


@pytest.mark.parametrize(
    ("come_from", "home", "told"),
    [
        (f"{HELP}/", HELP, []),
        (f"{QUIET}/", "U0ANNA", ["notice:invite_me"]),
        (f"{SHARED}/", "U0ANNA", ["notice:shared_channel"]),
        ("", "U0ANNA", []),
    ],
)
async def test_the_start_form_starts_a_session_where_it_was_opened(
    team: Stage, come_from: str, home: str, told: list[str]
) -> None:
    files = [
        team.file("a.log"),
        team.file("screen.png", SHOT),
        team.file("b.log", FileRefused("unreadable")),
    ]
    fields = {"text": "printer down", "tried": "restart", "ticket": "#4711"}
    await team.sends(
        team.submission("U0ANNA", "start", {"from": come_from} if come_from else {}, fields, files)
    )
    session = await team.only()
    assert (session.intake.text, session.intake.tried, session.ticket_id) == (
        "printer down",
        ("restart",),
        4711,
    )
    assert session.intake.image_urls == ("screen.png",)
    assert "spooler stopped" in session.intake.log_digest
    (thread,) = await team.places()
    assert thread.channel == home
    shown = await team.shown()
    assert [each for each in shown if each.startswith("notice:")] == told
    assert len([each for each in shown if each.startswith("file:")]) == 1


async def test_a_window_of_somebody_else_is_dropped(team: Stage) -> None:
    body = team.submission("U0ANNA", "start", {}, {"text": "printer down"})
    body["view"]["callback_id"] = "theirs"
    assert not await team.sends(body)
    body["view"] |= {"callback_id": "fp", "private_metadata": "not ours"}
    await team.sends(body)
    assert await team.sessions() == []


async def test_closing_a_window_changes_nothing(team: Stage) -> None:
    body = team.submission("U0ANNA", "start", {}, {"text": "printer down"}) | {"type": "view_closed"}
    await team.sends(body)
    assert await team.sessions() == []
    assert await team.owed() == []


# ── Troubleshoot this ───────────────────────────────────────────────────────────────────────────────────────


async def test_troubleshoot_this_starts_a_session_from_somebody_elses_message_once(team: Stage) -> None:
    ts = stamp()
    for user in ("U0ANNA", "U0ANNA", "U0BEN"):
        body = team.shortcut(
            user, "troubleshoot_this", "disk &gt; 95%, says <@U0BEN>", ts=ts, files=[team.file("a.log")]
        )
        await team.sends(body)
    session = await team.only()
    assert (session.owner_id, session.intake.text) == (team.office.anna.id, "disk > 95%, says @Ben")
    assert "spooler stopped" in session.intake.log_digest
    assert (await team.places())[0].channel == HELP
    assert await team.shown() == ["notice:slack_started", "status", "status"]
    for each in await team.owed():
        if each.verb == "Show":
            assert (await team.route(each)).view.startswith("fp-")


async def test_troubleshoot_this_where_we_are_not_says_so_in_its_window(team: Stage) -> None:
    await team.sends(team.shortcut("U0ANNA", "troubleshoot_this", "disk full", channel=QUIET))
    assert (await team.places())[0].channel == "U0ANNA"
    assert await team.shown() == ["notice:invite_me"]


async def test_troubleshoot_this_on_a_ticket_with_a_session_offers_it_and_does_not_say_that_one_began(
    team: Stage,
) -> None:
    await team.sends(team.shortcut("U0BEN", "troubleshoot_this", "ticket #4711 again"))
    await team.forget_owed()
    await team.sends(team.shortcut("U0ANNA", "troubleshoot_this", "ticket #4711 is back"))
    assert await team.shown() == ["duplicate_ticket"]


async def test_troubleshoot_this_takes_words_that_would_be_a_command_of_his_own_for_what_they_are(
    team: Stage,
) -> None:
    await team.sends(team.shortcut("U0ANNA", "troubleshoot_this", "queue"))
    assert (await team.only()).intake.text == "queue"
    assert await team.shown() == ["notice:slack_started"]


async def test_troubleshoot_this_reads_an_alert_whose_words_all_stand_in_attachments(team: Stage) -> None:
    body = team.shortcut("U0ANNA", "troubleshoot_this", "", author="U0MONITOR")
    body["message"] |= {
        "subtype": "bot_message",
        "attachments": [
            {"fallback": "x", "title": "Disk full", "text": "on &lt;fs01&gt;", "fields": [{"title": "Free", "value": "0 %"}]},
            {"fallback": "Seen by RMM"},
        ],
    }  # fmt: skip
    await team.sends(body)
    assert (await team.only()).intake.text == "Disk full\non <fs01>\nFree: 0 %\nSeen by RMM"


async def test_troubleshoot_this_on_a_message_without_words_is_answered_with_help(team: Stage) -> None:
    await team.sends(team.shortcut("U0ANNA", "troubleshoot_this", ""))
    assert await team.shown() == ["help"]
    assert await team.sessions() == []


# ── Add to session ──────────────────────────────────────────────────────────────────────────────────────────


async def test_without_an_open_session_there_is_nothing_to_add_to(team: Stage) -> None:
    await team.sends(team.shortcut("U0ANNA", "add_to_session", "the log", files=[team.file("a.log")]))
    assert await team.shown() == ["notice:slack_none_to_add_to"]
    assert team.slack.of(WantsFile) == []


async def test_a_message_is_added_to_the_only_open_session(team: Stage) -> None:
    session = await team.session_in(THREAD)
    await team.sends(
        team.shortcut("U0ANNA", "add_to_session", "it says &lt;none&gt;", files=[team.file("a.log")])
    )
    assert await team.events(session) == ["EvidenceAdded"]
    (note,) = await team.office.rows("select * from ai_session_notes where session_id = :s", s=session)
    assert (note.text, note.by_id) == ("it says <none>", team.office.anna.id)
    assert "spooler stopped" in note.log_digest
    assert "notice:evidence_kept" in await team.shown()


async def test_in_a_thread_of_ours_the_message_goes_to_that_session_whoever_owns_it(team: Stage) -> None:
    session = await team.session_in(THREAD)
    await team.session_in("1700000000.2", owner="U0BEN")
    await team.sends(team.shortcut("U0BEN", "add_to_session", "seen before", thread=THREAD))
    assert await team.events(session) == ["EvidenceAdded"]


async def test_with_several_open_sessions_he_chooses_and_the_message_waits_with_its_files(
    team: Stage,
) -> None:
    first, second = await team.session_in(THREAD), await team.session_in("1700000000.2")
    await team.sends(team.shortcut("U0ANNA", "add_to_session", "the log", files=[team.file("a.log")]))
    (form,) = await team.owed()
    assert form.what == "form:add_to"
    assert (await team.route(form)).view.startswith("fp-")
    assert team.slack.of(WantsFile) == []
    draft = str(form.args["draft"])
    await team.sends(team.submission("U0ANNA", "add_to", {"draft": draft}, {"session": str(second)}))
    assert (await team.events(first), await team.events(second)) == ([], ["EvidenceAdded"])
    assert len(team.slack.of(WantsFile)) == 1


async def test_a_form_of_somebody_else_or_one_that_expired_adds_nothing(team: Stage) -> None:
    await team.session_in(THREAD)
    second = await team.session_in("1700000000.2")
    await team.sends(team.shortcut("U0ANNA", "add_to_session", "the log"))
    (form,) = await team.owed()
    await team.forget_owed()
    for user, draft in (("U0BEN", str(form.args["draft"])), ("U0ANNA", str(uuid4()))):
        await team.sends(team.submission(user, "add_to", {"draft": draft}, {"session": str(second)}))
    assert await team.shown() == ["notice:form_expired"] * 2
    assert await team.events(second) == []


async def test_nobody_is_told_that_a_message_was_kept_with_a_session_that_has_ended(team: Stage) -> None:
    session = await team.session_in(THREAD)
    await team.office.rows("update ai_sessions set status = :s", s=Status.RESOLVED.value)
    await team.sends(team.shortcut("U0ANNA", "add_to_session", "one more thing", thread=THREAD))
    assert await team.shown() == ["refused.ended"]
    assert await team.office.rows("select 1 from ai_session_notes where session_id = :s", s=session) == []


def _from(origin: str) -> str:
    return f'{{"verb": "note", "args": {{"from": "{origin}"}}, "order": ""}}'
