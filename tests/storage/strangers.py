"""What somebody of another account may try with a Session's conversation, its masks, its pictures, its thumbs and its chats."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from engine.model import ModelReply, Purpose, StopReason, Usage
from engine.redact import Mask, MaskKind
from storage.conversations import Conversations, NewCall, Piece
from storage.feedback import Feedback
from storage.masks import SessionMasks
from storage.pictures import Pictures
from storage.references import References
from storage.store import Unit
from tests.fakes import VAULT

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
REPLY = ModelReply("BETA", StopReason.END_TURN, Usage(1, 2, 3, 4))


@dataclass(frozen=True, slots=True)
class Talked:
    """A call in flight, one whose reply waits, and a picture."""

    call: UUID
    kept: UUID
    picture: UUID


def a_call(session: UUID, turn: int) -> NewCall:
    return NewCall(session, Purpose.TURN, turn, "ALPHA", 9, chapter=1, upto=1)


SHOWN = f'[{{"type": "picture", "id": "{UUID(int=7)}"}}, "ALPHA"]'


async def talked(unit: Unit, session: UUID, by: UUID) -> Talked:
    """ALPHA stands in everything a person would read."""
    pieces = (Piece(0, "system", '["ALPHA"]'), Piece(1, "user", SHOWN))
    kept = await unit.conversations.open_turn(a_call(session, 1), pieces)
    await unit.conversations.answered(kept, replace(REPLY, text="ALPHA"), 5)
    call = await unit.conversations.begin(a_call(session, 2))
    await unit.masks.write(session, (Mask("⟦SECRET_1⟧", MaskKind.SECRET, "ALPHA"),), MINUTE)
    shot = ("ALPHA.png", "image/png", 1, 1, b"ALPHA")
    await unit.references.keep("ALPHA", "19:ALPHA", "channel", {"serviceUrl": "ALPHA"}, "a", "ALPHA", "ALPHA")
    await unit.references.keep("ALPHA", "a:ALPHA", "personal", {"serviceUrl": "ALPHA"}, "ALPHA")
    await unit.feedback.keep(session, 1, by, "like", "ALPHA")
    return Talked(call, kept, await unit.pictures.add(session, by, *shot, link="ALPHA"))


async def spent(at: Conversations, t: Any) -> int:
    return (await at.spent_since(LONG_AGO)).total


async def stood(at: Conversations, t: Any) -> Any:
    found = await at.standing(t.session, 1, LONG_AGO)
    return found.chapter or found.calls or found.times or found.spent.total


TALKING: dict[type, dict[str, Callable[[Any, Any], Awaitable[Any]]]] = {
    Conversations: {
        "chapter": lambda at, t: at.chapter(t.session),
        "standing": stood,
        "append": lambda at, t: at.append(t.session, 1, "user", '["BETA"]', {}),
        "begin": lambda at, t: at.begin(a_call(t.session, 3)),
        "open_turn": lambda at, t: at.open_turn(a_call(t.session, 3), (Piece(2, "user", '["BETA"]'),)),
        "started": lambda at, t: at.started(t.talk.call, Usage(9, 9, 9, 9), "BETA"),
        "answered": lambda at, t: at.answered(t.talk.call, REPLY, 1),
        "failed": lambda at, t: at.failed(t.talk.call, None, usage=Usage(9, 9, 9, 9), unknown=True),
        "used": lambda at, t: at.used(t.talk.kept),
        "close_turn": lambda at, t: at.close_turn(t.talk.call, REPLY, 1, '["BETA"]'),
        "take_up": lambda at, t: at.take_up(t.talk.kept, '["BETA"]'),
        "of_turn": lambda at, t: at.of_turn(t.session, Purpose.TURN, 1),
        "of_session": lambda at, t: at.of_session(t.session),
        "spent_since": spent,
        "paid_since": lambda at, t: at.paid_since(LONG_AGO),
        "last_times": lambda at, t: at.last_times(t.session),
        "pictures_sent": lambda at, t: at.pictures_sent(t.session),
        "project": lambda at, t: at.project(t.session),
    },
    SessionMasks: {
        "read": lambda at, t: at.read(t.session),
        "secrets": lambda at, t: at.secrets(t.session),
        "write": lambda at, t: at.write(t.session, (), MINUTE),
        "hand_down": lambda at, t: at.hand_down(t.session, t.mine),
        "renew": lambda at, t: at.renew(VAULT),
    },
    Pictures: {
        "add": lambda at, t: at.add(t.session, t.anna, "BETA", "image/png", 1, 1, b"BETA"),
        "of_session": lambda at, t: at.of_session(t.session),
        "content": lambda at, t: at.content(t.talk.picture),
        "contents": lambda at, t: at.contents([t.talk.picture]),
        "keep_saw": lambda at, t: at.keep_saw(t.talk.picture, "BETA"),
        "agree": lambda at, t: at.agree(t.session),
        "hold_back": lambda at, t: at.hold_back(t.session),
        "renew": lambda at, t: at.renew(VAULT),
    },
    References: {
        "keep": lambda at, t: at.keep("ALPHA", "19:ALPHA", "channel", {"serviceUrl": "BETA"}, "BETA"),
        "get": lambda at, t: at.get("ALPHA", "19:ALPHA"),
        "personal": lambda at, t: at.personal("ALPHA", "ALPHA"),
        "latest": lambda at, t: at.latest("ALPHA"),
        "channels": lambda at, t: at.channels("ALPHA"),
        "hears": lambda at, t: at.hears("ALPHA", "19:ALPHA"),
        "forget": lambda at, t: at.forget("ALPHA", "ALPHA"),
    },
    Feedback: {
        "keep": lambda at, t: at.keep(t.session, 1, t.anna, "dislike", "BETA"),
        "of_session": lambda at, t: at.of_session(t.session),
        "renew": lambda at, t: at.renew(VAULT),
    },
}  # fmt: skip
