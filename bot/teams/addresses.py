"""How a conversation, a thread, a person and a message in Teams are named, here and on the wire."""

from __future__ import annotations

PLATFORM = "teams"
DIRECT = "user:"
"""The channel of a Place that is the personal chat with somebody begins so; his id follows."""
_ROOT = ";messageid="
_BAR = "|"


def thread_id(base: str, root: str) -> str:
    """The id of a conversation on the wire: a channel's thread names its root, everything else is the base alone."""
    return f"{base}{_ROOT}{root}" if root else base


def split(conversation: str) -> tuple[str, str]:
    """Base and root of a conversation's id; root "" where it names none."""
    base, _, root = conversation.partition(_ROOT)
    return base, root


def direct(person: str) -> str:
    """The channel of the personal chat with this person (his id in the directory)."""
    return f"{DIRECT}{person}"


def person_of(channel: str) -> str:
    """Whose personal chat it is, "" for every other conversation."""
    return channel.removeprefix(DIRECT) if channel.startswith(DIRECT) else ""


def ref(base: str, activity: str) -> str:
    """How a message that was posted is remembered: its conversation's base id and its own."""
    return f"{base}{_BAR}{activity}"


def from_ref(given: str) -> tuple[str, str]:
    """Base id of the conversation and id of the message."""
    base, _, activity = given.rpartition(_BAR)
    return base, activity
