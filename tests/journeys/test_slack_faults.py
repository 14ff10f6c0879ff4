"""Faults of Slack, of the network and of ourselves, met by real processes: everybody is told, nothing is lost, nothing comes twice."""

from __future__ import annotations

import base64
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.slack.files import LIMIT
from engine.session import Note
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

DM = "D0BEN"


@pytest.fixture
async def at_work(empty_database: Database, redis_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    async with office(empty_database, redis_url, tmp_path) as one:
        await one.see(f"dm/{BEN}")  # from now on the conversation is there to be looked at
        yield one


# ── Places that are closed ──────────────────────────────────────────────────────────────────────────────────


async def test_a_session_whose_channel_is_closed_goes_on_in_its_owners_direct_messages(
    at_work: Office,
) -> None:
    kicked, first = await _asked(at_work, "Outlook keeps asking for a password")
    await at_work.act(ANNA, "kick", channel=HELP)
    await at_work.click(BEN, first, "Only this user")
    await _went_on(at_work, "FlowPilot is not in the channel", "Outlook keeps asking")
    assert len(await at_work.replies(kicked)) == 1, "nothing is said where we are not"

    await at_work.act(ANNA, "invite", channel=HELP)
    _, first = await _asked(at_work, "The printer in the hall prints nothing")
    _channel(at_work, HELP).archived = True
    await at_work.click(BEN, first, _answer(first))
    await _went_on(at_work, "was archived", "The printer in the hall")
    _channel(at_work, HELP).archived = False


async def _went_on(at_work: Office, why: str, problem: str) -> None:
    await at_work.card(why, channel=DM)
    root = await _root(at_work, problem, DM)
    step = await at_work.reply(root, "Step 2", channel=DM)
    await at_work.click(BEN, step, _answer(step), channel=DM)
    await at_work.reply(root, "Step 3", channel=DM)
    await _stands_once(at_work, DM)


# ── Slack is away, hurries nobody, or loses its own answers ─────────────────────────────────────────────────


async def test_while_slack_is_away_everything_waits_and_then_stands_once_and_in_order(at_work: Office) -> None:
    for kind in ("500", "reset"):
        _fault(at_work, kind, "users.info")
    _fault(at_work, "429", "chat.postMessage", retry_after=1)
    _fault(at_work, "lost_reply", "chat.postMessage")
    _fault(at_work, "429", "conversations.history", retry_after=1)
    await at_work.say(BEN, "@FlowPilot Outlook keeps asking for a password")
    root = await _root(at_work, "Outlook keeps asking")
    first = await at_work.reply(root, "Step 1")
    for kind in ("500", "stall", "html"):
        _fault(at_work, kind, "chat.*", seconds=0.3)
    await at_work.click(BEN, first, "Only this user")
    for number in range(3):
        await at_work.say(BEN, f"note: number {number}", thread=root["ts"])
    second = await at_work.reply(root, "Step 2")
    _fault(at_work, "429", "chat.update", retry_after=1)
    _fault(at_work, "lost_reply", "chat.postMessage")
    await at_work.click(BEN, second, _answer(second))
    await at_work.reply(root, "Step 3")
    steps = [key for key in map(_key, await at_work.replies(root)) if key.startswith("step:")]
    assert steps == ["step:1", "step:2", "step:3"]
    assert [_key(m) for m in await at_work.messages() if m.get("bot_id")] == ["card"]
    notes = await _notes(at_work, BEN, 3)
    assert [note.text for note in notes] == [f"number {n}" for n in range(3)]
    await _stands_once(at_work)


# ── Slack refuses what it is shown ──────────────────────────────────────────────────────────────────────────


async def test_what_slack_finds_too_large_or_too_late_is_shown_smaller_said_privately_or_done_again(
    at_work: Office,
) -> None:
    _fault(at_work, "msg_blocks_too_long", "chat.postMessage", skip=1)
    root, first = await _asked(at_work, "Outlook keeps asking for a password")
    assert "Slack shows no more than this" in shown(first)
    _fault(at_work, "invalid_blocks", "chat.update")
    await at_work.click(BEN, first, "Only this user")
    second = await at_work.reply(root, "Step 2")
    _fault(at_work, "msg_too_long", "chat.postMessage", times=2)
    await at_work.click(BEN, second, _answer(second))
    await at_work.until(lambda: _text_only(at_work, root), "a step as text alone")

    await _too_late(at_work, root)
    _fault(at_work, "ratelimited", "views.open")
    await at_work.click(BEN, await _root(at_work, "Outlook"), "Escalate")
    await _told_privately(at_work, BEN, "Slack did not open the window in time", 2)
    _fault(at_work, "429", "views.update", retry_after=1)
    await at_work.click(BEN, await _root(at_work, "Outlook"), "Escalate")
    await at_work.submit(BEN, reason="I have no access to that server.")
    card = await at_work.card("no access", channel=ESCALATIONS)
    _fault(at_work, "invalid_arguments", "views.update")
    await at_work.click(CARLA, card, "Pick up", channel=ESCALATIONS)
    await at_work.window(CARLA, lambda view: "Slack did not take" in shown(view))
    await at_work.act(CARLA, "close")
    await at_work.click(CARLA, card, "Pick up", channel=ESCALATIONS)
    await at_work.submit(CARLA, manner="continue")
    await at_work.reply(root, "I have it")
    await _stands_once(at_work)


async def _too_late(at_work: Office, root: Json) -> None:
    """The web process stands still for longer than a trigger lives."""
    web = at_work.programs["web"].process
    assert web is not None
    web.send_signal(signal.SIGSTOP)
    pressed = await at_work.click(BEN, await _root(at_work, "Outlook"), "Pause")
    web.send_signal(signal.SIGCONT)
    assert pressed["error"] == "operation_timeout"
    await _told_privately(at_work, BEN, "Slack did not open the window in time", 1)
    assert await at_work.windows(BEN) == []


async def _text_only(at_work: Office, root: Json) -> Json | None:
    found = [m for m in await at_work.replies(root) if _key(m) == "step:3" and not m.get("blocks")]
    return found[0] if found and "Slack shows no more" in found[0]["text"] else None


# ── Files ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_file_that_cannot_be_had_costs_neither_the_words_nor_the_other_files(at_work: Office) -> None:
    root, _ = await _asked(at_work, "The printer in the hall prints nothing")
    line = b"2026-03-02 09:00:01 ERROR spooler stopped\n"
    whole = (line * (LIMIT // len(line) + 1))[:LIMIT]
    _fault(at_work, "500", "files")
    files = [_file("whole.log", whole), _file("larger.log", whole + b"."), _file("small.log", b"disk full")]
    await at_work.slack.act(BEN, "say", channel=HELP, thread_ts=root["ts"], text="Three files", files=files)
    (kept,) = await _notes(at_work, BEN, 1)
    assert kept.text == "Three files"
    assert "==> whole.log" in kept.log_digest
    assert "==> small.log" in kept.log_digest
    assert "larger.log" not in kept.log_digest
    await _told_privately(at_work, BEN, "larger than 20 MB")

    _grant(at_work).scopes.discard("files:read")  # Slack answers 200 and its login page from now on
    await at_work.slack.act(
        BEN, "say", channel=HELP, thread_ts=root["ts"], text="And one more", files=[_file("more.log", b"full")]
    )
    await _told_privately(at_work, BEN, "does not let FlowPilot read files")
    await at_work.reply(root, "And one more")


def _grant(at_work: Office) -> Any:
    return at_work.slack.world.grants["xoxb-practice"]


def _file(name: str, content: bytes) -> Json:
    return {"name": name, "mimetype": "text/plain", "content_b64": base64.b64encode(content).decode()}


# ── Who may ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_guests_and_strangers_get_nothing_at_all(at_work: Office) -> None:
    root, first = await _asked(at_work, "Outlook keeps asking for a password")
    _channel(at_work, HELP).members.append(STRANGER)
    before = await _everything(at_work)
    for user in (GUEST, STRANGER):
        await at_work.say(user, "@FlowPilot the printer prints nothing")
        await at_work.say(user, "Only this user", thread=root["ts"])
        await at_work.say(user, "resolve", thread=root["ts"])
        await at_work.click(user, first, "Only this user")
        await at_work.click(user, root, "Pause")
        await at_work.act(user, "shortcut", callback_id="troubleshoot_this", channel=HELP, ts=root["ts"])
    await at_work.command(GUEST, "the printer prints nothing")
    await at_work.say(GUEST, "help", channel="dm")
    await at_work.act(GUEST, "open_home")
    await _understood(at_work)
    for user in (GUEST, STRANGER):
        print(user, await at_work.windows(user))
        assert await at_work.see(f"ephemeral/{user}") == []
        assert await at_work.see(f"home/{user}") == {}
    assert await _everything(at_work) == before
    assert [m for m in await at_work.messages("D0GUEST") if m.get("bot_id")] == []
    rows = await at_work.store.rows("select 1")


async def _everything(at_work: Office) -> list[Json]:
    """What FlowPilot shows in the channel."""
    found = await at_work.messages()
    return [m for root in found for m in (root, *root["replies"]) if m.get("bot_id")]


async def _understood(at_work: Office) -> None:
    """Every word that came in was read to its end, and what followed from it is shown."""

    async def done() -> bool:
        return not await _count(at_work, "inbox where state = 'new'") and not await _count(
            at_work, "outbox where state = 'owed' and due_at <= now()"
        )

    await at_work.until(done, "the end of everything")


# ── Tools ───────────────────────────────────────────────────────────────────────────────────────────────────


def _fault(at_work: Office, kind: str, method: str, **more: Any) -> None:
    at_work.slack.faults.add(kind=kind, method=method, **more)


async def _told_privately(at_work: Office, user: str, holding: str, count: int = 1) -> None:
    async def told() -> bool:
        seen: list[Json] = await at_work.see(f"ephemeral/{user}")
        return len([m for m in seen if holding in shown(m)]) == count

    await at_work.until(told, f"a private {holding!r} for {user}")


async def _notes(at_work: Office, user: str, count: int) -> tuple[Note, ...]:
    """What was kept in the latest Session of this person."""

    async def kept() -> tuple[Note, ...] | None:
        who = await at_work.user(user)
        async with at_work.store.transaction(at_work.account) as unit:
            history = await unit.sessions.history((await unit.sessions.of(who))[0])
            return history.notes if history and len(history.notes) >= count else None

    found: tuple[Note, ...] = await at_work.until(kept, f"{count} notes")
    return found

def _channel(at_work: Office, name: str) -> Any:
    return at_work.slack.world.channels[name]


def _answer(step: Json) -> str:
    """The first answer that can be pressed."""
    return labels(step)[0]


async def _root(at_work: Office, problem: str, channel: str = HELP) -> Json:
    """The card of the Session about this, not the words it was asked with."""

    async def drawn() -> Json | None:
        found = [m for m in await at_work.messages(channel) if m.get("bot_id") and problem[:25] in shown(m)]
        return next((m for m in reversed(found) if m.get("metadata")), None)

    found: Json = await at_work.until(drawn, f"the card of {problem!r}")
    return found


async def _asked(at_work: Office, problem: str, user: str = BEN) -> tuple[Json, Json]:
    """A new Session's root and its first step."""
    await at_work.command(user, problem)
    root = await _root(at_work, problem)
    return root, await at_work.reply(root, "Step 1")


async def _stands_once(at_work: Office, channel: str = HELP) -> None:
    """No card was posted twice."""
    drawn = [m for root in await at_work.messages(channel) for m in (root, *root.get("replies", []))]
    marks = [m["metadata"]["event_payload"]["key"] for m in drawn if m.get("metadata")]
    assert len(marks) == len(set(marks)), marks


def _key(message: Json) -> str:
    """What this message shows, by the mark it carries; "" for what people write."""
    marked: str = (message.get("metadata") or {}).get("event_payload", {}).get("key", "")
    return marked.partition(":")[2]
