"""Which words in Slack are ours, and which Session the thread they stand in belongs to."""

from __future__ import annotations

from uuid import UUID

from bot.slack.said import Word
from bot.slack.text import mentions, speaks_to
from engine.session import Session
from storage.places import Place
from storage.store import Unit
from storage.workspaces import Workspace


async def thread_of(unit: Unit, word: Word) -> Place | None:
    if not word.channel or not word.thread:
        return None
    found = await unit.places.find("slack", word.team, word.channel, word.thread)
    return found if found is not None and found.session_id is not None else None


async def concerns_us(unit: Unit, word: Word, space: Workspace) -> bool:
    """Words in a thread of ours, to us, or in direct messages; people who talk to each other are left alone."""
    if word.direct or mentions(word.text, space.bot_user_id):
        return True
    return not speaks_to(word.text) and await thread_of(unit, word) is not None


async def escalation_at(unit: Unit, word: Word) -> Session | None:
    """The Session whose request for help stands at the root of this thread of the escalation channel."""
    if not word.thread:
        return None
    found = await unit.places.by_ref("slack", word.team, f"{word.channel}:{word.thread}")
    if found is None or not found[1].key.startswith("escalation:"):
        return None
    return await unit.sessions.get(UUID(found[1].key.partition(":")[2]), lock=True)
