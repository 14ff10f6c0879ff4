"""What stories of faults in Slack have in common: faults to prepare, and what must hold whatever happens."""

from __future__ import annotations

from typing import Any

import psycopg

from demo.slack_world import Person
from engine.session import Note
from tests.conftest import Database
from tests.journeys.slack_office import (
    BEN,
    HELP,
    TEAM,
    Json,
    Office,
    labels,
    shown,
)

DM = "D0BEN"
GUEST, STRANGER, DORA = "U0GUEST", "U0STRANGE", "U0DORA"


def prepare(at_work: Office, kind: str, method: str, **more: Any) -> None:
    """A fault that Slack's next call of this method meets."""
    at_work.slack.faults.add(kind=kind, method=method, **more)


async def rows(database: Database, query: str) -> list[Any]:
    async with await psycopg.AsyncConnection.connect(database.owner_url) as connection:
        return await (await connection.execute(query)).fetchall()


async def told_privately(at_work: Office, user: str, holding: str, count: int = 1) -> None:
    async def told() -> bool:
        seen: list[Json] = await at_work.see(f"ephemeral/{user}")
        return len([m for m in seen if holding in shown(m)]) == count

    await at_work.until(told, f"a private {holding!r} for {user}")


def all_met(at_work: Office) -> None:
    """Every fault that was prepared was met as often as it was meant to be."""
    faults = at_work.slack.faults.as_json()
    assert [f for f in faults if f["hits"] < f["times"]] == []


async def notes_of(at_work: Office, user: str, count: int) -> tuple[Note, ...]:
    """What was kept in the latest Session of this person."""

    async def kept() -> tuple[Note, ...] | None:
        who = await at_work.user(user)
        async with at_work.store.transaction(at_work.account) as unit:
            history = await unit.sessions.history((await unit.sessions.of(who))[0])
            return history.notes if history and len(history.notes) >= count else None

    found: tuple[Note, ...] = await at_work.until(kept, f"{count} notes")
    return found


def know_dora(at_work: Office) -> None:
    """Somebody who was never here before."""
    at_work.slack.world.people[DORA] = Person(DORA, TEAM, "dora", "Dora Lind", "dora@practice.example")


def room(at_work: Office, name: str) -> Any:
    return at_work.slack.world.channels[name]


def first_answer(step: Json) -> str:
    """The first answer that can be pressed."""
    return labels(step)[0]


async def card_of(at_work: Office, problem: str, channel: str = HELP) -> Json:
    """The card of the Session about this, not the words it was asked with."""

    async def drawn() -> Json | None:
        found = [m for m in await at_work.messages(channel) if m.get("bot_id") and problem[:25] in shown(m)]
        return next((m for m in reversed(found) if m.get("metadata")), None)

    found: Json = await at_work.until(drawn, f"the card of {problem!r}")
    return found


async def asked(at_work: Office, problem: str, user: str = BEN) -> tuple[Json, Json]:
    """A new Session's root and its first step."""
    await at_work.command(user, problem)
    root = await card_of(at_work, problem)
    return root, await at_work.reply(root, "Step 1")


async def stands_once(at_work: Office, channel: str = HELP) -> None:
    """No card was posted twice."""
    drawn = [m for root in await at_work.messages(channel) for m in (root, *root.get("replies", []))]
    marks = [m["metadata"]["event_payload"]["key"] for m in drawn if m.get("metadata")]
    assert len(marks) == len(set(marks)), marks


def mark_of(message: Json) -> str:
    """What this message shows, by the mark it carries; "" for what people write."""
    marked: str = (message.get("metadata") or {}).get("event_payload", {}).get("key", "")
    return marked.partition(":")[2]


def bot_token(at_work: Office) -> Any:
    return at_work.slack.world.grants["xoxb-practice"]


async def understood(at_work: Office, database: Database) -> None:
    """Every word that came in was read to its end, and what followed from it is shown."""

    async def done() -> bool:
        return not await rows(
            database, "select 1 from inbox where state = 'new' union all select 1 from outbox where state = 'owed' "
            "and due_at <= now()",
        )  # fmt: skip

    await at_work.until(done, "the end of everything")


async def marks(at_work: Office) -> list[str]:
    """What FlowPilot shows in the channel."""
    found = await at_work.messages()
    return [mark_of(m) for root in found for m in (root, *root["replies"]) if m.get("bot_id")]
