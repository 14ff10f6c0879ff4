"""Faults of Slack, of the network and of ourselves, met by real processes: everybody is told, nothing is lost, nothing comes twice."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

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
    assert [text for text in notes if text.startswith("number")] == [f"number {n}" for n in range(3)]
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
    await at_work.private(BEN, "Slack did not open the window in time")
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
    await at_work.private(BEN, "Slack did not open the window in time")
    assert await at_work.windows(BEN) == []


async def _text_only(at_work: Office, root: Json) -> Json | None:
    found = [m for m in await at_work.replies(root) if _key(m) == "step:3" and not m.get("blocks")]
    return found[0] if found and "Slack shows no more" in found[0]["text"] else None


# ── Tools ───────────────────────────────────────────────────────────────────────────────────────────────────


def _fault(at_work: Office, kind: str, method: str, **more: Any) -> None:
    at_work.slack.faults.add(kind=kind, method=method, **more)


async def _notes(at_work: Office, user: str, count: int) -> list[str]:
    """What was kept in the latest Session of this person."""

    async def kept() -> list[str] | None:
        who = await at_work.user(user)
        async with at_work.store.transaction(at_work.account) as unit:
            history = await unit.sessions.history((await unit.sessions.of(who))[0])
            texts = [note.text for note in history.notes] if history else []
            return texts if len(texts) >= count else None

    found: list[str] = await at_work.until(kept, f"{count} notes")
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
