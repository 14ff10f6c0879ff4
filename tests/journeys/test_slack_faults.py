"""Faults of Slack, met by real processes: everybody is told, nothing is lost, nothing comes twice, the order holds."""

from __future__ import annotations

import base64
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.slack.files import LIMIT
from tests.conftest import Database
from tests.journeys.slack_office import (
    ANNA,
    BEN,
    CARLA,
    ESCALATIONS,
    HELP,
    Json,
    Office,
    labels,
    office,
    shown,
)
from tests.journeys.slack_trouble import (
    DM,
    all_met,
    asked,
    bot_token,
    card_of,
    first_answer,
    mark_of,
    notes_of,
    prepare,
    room,
    stands_once,
    told_privately,
    understood,
)

OFFLINE = "Printer offline or jobs stuck in the queue"


@pytest.fixture
async def at_work(empty_database: Database, redis_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    async with office(empty_database, redis_url, tmp_path) as one:
        await one.see(f"dm/{BEN}")  # from now on the conversation is there to be looked at
        yield one


# ── Places that are closed ─────────────────────────────────────────────────────────────────────────────────


async def test_a_session_whose_channel_is_closed_goes_on_in_its_owners_direct_messages(
    at_work: Office, empty_database: Database
) -> None:
    kicked, first = await asked(at_work, "Outlook keeps asking for a password")
    await at_work.act(ANNA, "kick", channel=HELP)
    prepare(
        at_work, "lost_reply", "chat.postMessage", channel=BEN
    )  # the new root stands, and nobody heard so
    await at_work.click(BEN, first, "Only this user")
    await _went_on(at_work, "FlowPilot is not in the channel", "Outlook keeps asking")
    assert len(await at_work.replies(kicked)) == 1, "nothing is said where we are not"

    await at_work.act(ANNA, "invite", channel=HELP)
    old, _ = await asked(at_work, "The printer in the hall prints nothing")
    await understood(at_work, empty_database)  # a card still owed would move by itself, and not yet be paused
    room(at_work, HELP).archived = True
    await at_work.click(
        BEN, old, "Pause"
    )  # nothing but the card has to change, and the open step moves along
    await at_work.submit(BEN, waiting_for="me", reason="Lunch")
    root = await card_of(at_work, "The printer in the hall", DM)
    await at_work.reply(root, "Step 1", channel=DM)
    await at_work.click(BEN, root, "Resume", channel=DM)
    await at_work.click(BEN, await at_work.reply(root, OFFLINE, channel=DM), OFFLINE, channel=DM)
    await _went_on(at_work, "was archived", "The printer in the hall")

    room(at_work, ESCALATIONS).archived = True
    await at_work.click(BEN, root, "Escalate", channel=DM)
    await at_work.submit(BEN, reason="I have no access to the print server.")
    await at_work.card("The escalation channel is archived", channel=DM)
    request = await at_work.reply(root, "no access to the print server", channel=DM)
    assert {"Pick up", "Advise"} <= set(labels(request))


async def _went_on(at_work: Office, why: str, problem: str) -> None:
    """He is told why, and works on in his direct messages; the card there."""
    await at_work.card(why, channel=DM)
    root = await card_of(at_work, problem, DM)
    step = await at_work.reply(root, "Step 2", channel=DM)
    await at_work.click(BEN, step, first_answer(step), channel=DM)
    await at_work.reply(root, "Step 3", channel=DM)
    await stands_once(at_work, DM)


# ── Slack is away, hurries nobody, or loses its own answers ────────────────────────────────────────────────


async def test_while_slack_is_away_everything_waits_and_then_stands_once_and_in_order(
    at_work: Office,
) -> None:
    prepare(at_work, "500", "users.info")
    prepare(at_work, "reset", "conversations.info", times=2)
    prepare(at_work, "429", "chat.postMessage", retry_after=1)
    prepare(at_work, "lost_reply", "chat.postMessage")
    prepare(at_work, "429", "conversations.history", retry_after=1)
    await at_work.command(BEN, "Outlook keeps asking for a password")
    root = await card_of(at_work, "Outlook keeps asking")
    first = await at_work.reply(root, "Step 1")
    for kind in ("stall", "html"):
        prepare(at_work, kind, "chat.*", seconds=0.3)
    await at_work.click(BEN, first, "Only this user")
    for number in range(3):
        await at_work.say(BEN, f"note: number {number}", thread=root["ts"])
    second = await at_work.reply(root, "Step 2")
    prepare(at_work, "429", "chat.update", retry_after=1)
    prepare(at_work, "lost_reply", "chat.postMessage")
    await at_work.click(BEN, second, first_answer(second))
    await at_work.reply(root, "Step 3")
    steps = [key for key in map(mark_of, await at_work.replies(root)) if key.startswith("step:")]
    assert steps == ["step:1", "step:2", "step:3"]
    assert [mark_of(m) for m in await at_work.messages() if m.get("bot_id")] == ["card"]
    notes = await notes_of(at_work, BEN, 3)
    assert [note.text for note in notes] == [f"number {n}" for n in range(3)]
    await stands_once(at_work)
    all_met(at_work)


# ── Slack refuses what it is shown ─────────────────────────────────────────────────────────────────────────


async def test_what_slack_finds_too_large_or_too_late_is_shown_smaller_said_privately_or_done_again(
    at_work: Office,
) -> None:
    prepare(at_work, "msg_blocks_too_long", "chat.postMessage", skip=1)
    root, first = await asked(at_work, "Outlook keeps asking for a password")
    assert "Slack shows no more than this" in shown(first)
    prepare(at_work, "invalid_blocks", "chat.update")
    await at_work.click(BEN, first, "Only this user")
    second = await at_work.reply(root, "Step 2")
    prepare(at_work, "msg_too_long", "chat.postMessage", times=2)
    await at_work.click(BEN, second, first_answer(second))
    await at_work.until(lambda: _text_only(at_work, root), "a step as text alone")

    await _too_late(at_work, root)
    prepare(at_work, "ratelimited", "views.open")
    await at_work.click(BEN, await card_of(at_work, "Outlook"), "Escalate")
    await told_privately(at_work, BEN, "Slack did not open the window in time", 2)
    prepare(at_work, "429", "views.update", retry_after=1)
    await at_work.click(BEN, await card_of(at_work, "Outlook"), "Escalate")
    await at_work.submit(BEN, reason="I have no access to that server.")
    card = await at_work.card("no access", channel=ESCALATIONS)
    at_work.slack.world.settings.window_seconds = (
        0.0  # or the refusal would meet a window that is not there yet
    )
    prepare(at_work, "invalid_arguments", "views.update")
    await at_work.click(CARLA, card, "Pick up", channel=ESCALATIONS)
    await at_work.window(CARLA, lambda view: "Slack did not take" in shown(view))
    await at_work.act(CARLA, "close")
    await at_work.click(CARLA, card, "Pick up", channel=ESCALATIONS)
    await at_work.submit(CARLA, manner="continue")
    await at_work.reply(root, "I have it")
    await stands_once(at_work)
    all_met(at_work)


async def _too_late(at_work: Office, root: Json) -> None:
    """The web process stands still for longer than a trigger lives."""
    web = at_work.programs["web"].process
    assert web is not None
    web.send_signal(signal.SIGSTOP)
    pressed = await at_work.click(BEN, await card_of(at_work, "Outlook"), "Pause")
    web.send_signal(signal.SIGCONT)
    assert pressed["error"] == "operation_timeout"
    await told_privately(at_work, BEN, "Slack did not open the window in time", 1)
    assert await at_work.windows(BEN) == []


async def _text_only(at_work: Office, root: Json) -> Json | None:
    found = [m for m in await at_work.replies(root) if mark_of(m) == "step:3" and not m.get("blocks")]
    return found[0] if found and "Slack shows no more" in found[0]["text"] else None


# ── Files ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_file_that_cannot_be_had_costs_neither_the_words_nor_the_other_files(at_work: Office) -> None:
    root, _ = await asked(at_work, "The printer in the hall prints nothing")
    line = b"2026-03-02 09:00:01 ERROR spooler stopped\n"
    whole = (line * (LIMIT // len(line) + 1))[:LIMIT]
    prepare(at_work, "500", "files")
    files = [_file("whole.log", whole), _file("larger.log", whole + b"."), _file("small.log", b"disk full")]
    await at_work.slack.act(BEN, "say", channel=HELP, thread_ts=root["ts"], text="Three files", files=files)
    await at_work.say(BEN, "note: said after the files", thread=root["ts"])
    kept, after = await notes_of(at_work, BEN, 2)
    assert after.text == "said after the files"
    assert kept.text == "Three files"
    assert "==> whole.log" in kept.log_digest
    assert "==> small.log" in kept.log_digest
    assert "larger.log" not in kept.log_digest
    await told_privately(at_work, BEN, "larger than 20 MB")

    bot_token(at_work).scopes.discard("files:read")  # Slack answers 200 and its login page from now on
    await at_work.slack.act(
        BEN,
        "say",
        channel=HELP,
        thread_ts=root["ts"],
        text="And one more",
        files=[_file("more.log", b"full")],
    )
    await told_privately(at_work, BEN, "does not let FlowPilot read files")
    await at_work.reply(root, "And one more")


def _file(name: str, content: bytes) -> Json:
    return {"name": name, "mimetype": "text/plain", "content_b64": base64.b64encode(content).decode()}
