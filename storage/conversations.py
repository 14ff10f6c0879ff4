"""What was said to the model and by it, append-only, and every call with its attempts, its end and its price."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.model import Failure, ModelReply, Purpose, Usage
from engine.session import Json
from storage.calls import CallRow as CallRow
from storage.calls import CallState as CallState
from storage.calls import CallUnderWay as CallUnderWay
from storage.calls import Chapter as Chapter
from storage.calls import ConversationMoved as ConversationMoved
from storage.calls import NewCall as NewCall
from storage.calls import Piece as Piece
from storage.calls import Standing as Standing
from storage.calls import call_from
from storage.calls import fit as fit
from storage.codec import storable
from storage.conversation_statements import CLOSE, OPEN, PICTURES, PROJECT, STANDING, TAKE_UP
from storage.tables import ai_calls, ai_messages


class Conversations:
    """The conversations of one Account. A message, once appended, never changes. `now`: the transaction's time."""

    def __init__(self, connection: AsyncConnection, account: UUID, now: datetime) -> None:
        self._db = connection
        self._account = account
        self._now = now

    async def chapter(self, session_id: UUID) -> Chapter | None:
        """The newest one; None where nothing was said yet."""
        said, also = ai_messages, ai_messages.alias()
        newest = (
            select(func.max(also.c.chapter))
            .where(also.c.session_id == session_id, also.c.account_id == self._account)
            .scalar_subquery()
        )
        query = (
            select(said)
            .where(said.c.session_id == session_id, said.c.account_id == self._account)
            .where(said.c.chapter == newest)
            .order_by(said.c.number)
        )
        rows = (await self._db.execute(query)).all()
        if not rows:
            return None
        return Chapter(
            rows[0].chapter, tuple(Piece(r.number, r.role, r.content, dict(r.covers)) for r in rows)
        )

    async def standing(self, session_id: UUID, turn: int, since: datetime) -> Standing:
        """All that a turn asks before it begins, in one round trip. `since`: from when on the Account's use counts."""
        given = {"session": session_id, "account": self._account, "turn": turn, "since": since}
        row = (await self._db.execute(STANDING, given)).one()
        pieces = tuple(Piece(*piece) for piece in row.messages)
        return Standing(
            Chapter(row.chapter, pieces) if pieces else None,
            tuple(call_from(call) for call in row.calls),
            tuple(row.times),
            Usage(*(int(n) for n in (row.input, row.cache_read, row.cache_write, row.output))),
        )

    async def append(self, session_id: UUID, chapter: int, role: str, content: str, covers: Json) -> int:
        """The number it got. Raises ConversationMoved where somebody appends at the same time."""
        said, also = ai_messages, ai_messages.alias()
        following = (
            select(func.coalesce(func.max(also.c.number), -1) + 1)
            .where(also.c.session_id == session_id, also.c.account_id == self._account)
            .where(also.c.chapter == chapter)
            .scalar_subquery()
        )
        row = {
            "account_id": self._account,
            "session_id": session_id,
            "chapter": chapter,
            "number": following,
            "role": role,
            "content": fit(content),
            "covers": storable(covers),
            "at": self._now,
        }
        statement = said.insert().values(row).returning(said.c.number)
        number: int = (await self._moving(statement)).scalar_one()
        return number

    async def begin(self, call: NewCall) -> UUID:
        """The call, in flight from now on. Raises CallUnderWay."""
        return await self.open_turn(call)

    async def open_turn(self, call: NewCall, new: Sequence[Piece] = ()) -> UUID:
        """Append `new` to the call's chapter under their own numbers, and begin the call: one round trip.

        Raises ConversationMoved where one of the numbers is taken, CallUnderWay where a call of this turn is in
        flight.
        """
        made = uuid4()
        given = {
            "call": made,
            "account": self._account,
            "now": self._now,
            "session": call.session_id,
            "purpose": call.purpose.value,
            "turn": call.turn,
            "chapter": call.chapter,
            "upto": call.upto,
            "model": call.model,
            "max_tokens": call.max_tokens,
            "cached": call.cached,
            "schema_version": call.schema_version,
            "masked": json.dumps({kind: list(each) for kind, each in call.masked.items()}),
            "numbers": [piece.number for piece in new],
            "roles": [piece.role for piece in new],
            "contents": [fit(piece.content) for piece in new],
            "covers": [_json(piece.covers) for piece in new],
        }
        await self._moving(OPEN, given)
        return made

    async def started(self, call_id: UUID, usage: Usage, message_id: str, cost: int = 0) -> None:
        """The vendor began to answer: this much is owed whatever happens. Without effect once the call has ended."""
        await self._db.execute(
            update(ai_calls)
            .where(ai_calls.c.id == call_id, ai_calls.c.account_id == self._account)
            .where(ai_calls.c.state == CallState.IN_FLIGHT.value)
            .values(
                started_at=self._now,
                message_id=message_id,
                input_tokens=usage.input,
                cache_read_tokens=usage.cache_read,
                cache_write_tokens=usage.cache_write,
                output_tokens=usage.output,
                cost_microdollars=cost,
            )
        )

    async def answered(self, call_id: UUID, reply: ModelReply, cost: int) -> bool:
        """Keep the reply and add its usage to the Session's totals, without a new version of the Session.

        Where the call was unknown, its true usage takes the place of what was booked. False, and nothing changes,
        where it was answered or had failed before.
        """
        return await self._close(call_id, **_answer(reply, cost))

    async def failed(
        self,
        call_id: UUID,
        failure: Failure | None,
        status: int = 0,
        usage: Usage | None = None,
        cost: int = 0,
        *,
        unknown: bool = False,
        request_id: str = "",
    ) -> bool:
        """No answer. `usage`, `cost`: what was paid all the same; without either, what `started` said. `unknown`: it
        may have been answered. False, and nothing changes, where the call has ended before (an unknown one may still
        fail).
        """
        given = {
            "state": CallState.UNKNOWN.value if unknown else CallState.FAILED.value,
            "failure": failure.value if failure else None,
            "status": status,
            "cost": cost if usage is not None or cost else None,
            "request": request_id,
        }
        return await self._close(call_id, **given, **_tokens(usage))

    async def used(self, call_id: UUID) -> None:
        """A Step or a text was made from its reply."""
        mine = (ai_calls.c.id == call_id) & (ai_calls.c.account_id == self._account)
        await self._db.execute(update(ai_calls).where(mine).values(used=True))

    async def close_turn(
        self, call_id: UUID, reply: ModelReply, cost: int, content: str, covers: Json | None = None
    ) -> None:
        """`answered`, then `content` appended as the assistant's message after what was sent, then `used`: one round
        trip. A reply that was kept before is taken up. Raises ConversationMoved where it was used, or the call had
        failed, or the conversation went on without it: to keep the reply then, say `answered` in a new transaction.
        """
        said = {"content": fit(content), "covers": _json(covers or {})}
        if not await self._close(call_id, **_answer(reply, cost), **said, used=True):
            await self.take_up(call_id, content, covers)

    async def take_up(self, call_id: UUID, content: str, covers: Json | None = None) -> None:
        """A reply that was kept becomes the assistant's message. Raises ConversationMoved as `close_turn`."""
        given = {"call": call_id, "account": self._account, "now": self._now}
        said = {"content": fit(content), "covers": _json(covers or {})}
        if (await self._moving(TAKE_UP, given | said)).first() is None:
            raise ConversationMoved(f"call {call_id} has no reply that waits")

    async def of_turn(self, session_id: UUID, purpose: Purpose, turn: int) -> tuple[CallRow, ...]:
        """Oldest first."""
        calls = ai_calls.c
        return await self._calls(session_id, calls.purpose == purpose.value, calls.turn == turn)

    async def of_session(self, session_id: UUID) -> tuple[CallRow, ...]:
        """Oldest first."""
        return await self._calls(session_id)

    async def _calls(self, session_id: UUID, *which: Any) -> tuple[CallRow, ...]:
        query = (
            select(ai_calls)
            .where(ai_calls.c.session_id == session_id, ai_calls.c.account_id == self._account, *which)
            .order_by(ai_calls.c.created_at, ai_calls.c.attempt)
        )
        return tuple(call_from(dict(row)) for row in (await self._db.execute(query)).mappings())

    async def spent_since(self, at: datetime) -> Usage:
        """By the whole Account, calls in flight with what is known of them."""
        calls = ai_calls.c
        kinds = (calls.input_tokens, calls.cache_read_tokens, calls.cache_write_tokens, calls.output_tokens)
        query = select(*(func.coalesce(func.sum(kind), 0) for kind in kinds)).where(
            calls.account_id == self._account, calls.created_at >= at
        )
        return Usage(*(int(tokens) for tokens in (await self._db.execute(query)).one()))

    async def pictures_sent(self, session_id: UUID) -> frozenset[UUID]:
        """Those that stand in a message: a message is kept with the call that sends it."""
        given = {"session": session_id, "account": self._account}
        return frozenset((await self._db.execute(PICTURES, given)).scalars())

    async def paid_since(self, at: datetime) -> int:
        """Microdollars, by the whole Account; of calls in flight what they began to cost."""
        calls = ai_calls.c
        query = select(func.coalesce(func.sum(calls.cost_microdollars), 0)).where(
            calls.account_id == self._account, calls.created_at >= at
        )
        return int((await self._db.execute(query)).scalar_one())

    async def last_times(self, session_id: UUID) -> tuple[datetime, ...]:
        """When the last three answered calls for a turn were sent, newest first."""
        calls = ai_calls.c
        query = (
            select(calls.created_at)
            .where(calls.session_id == session_id, calls.account_id == self._account)
            .where(calls.purpose == Purpose.TURN.value, calls.state == CallState.ANSWERED.value)
            .order_by(calls.created_at.desc())
            .limit(3)
        )
        return tuple((await self._db.execute(query)).scalars())

    async def project(self, session_id: UUID) -> None:
        """Write all of it into the Session's row, whose version stays: the system's text of the newest chapter, and
        every message of every chapter. Without effect where nothing was said.
        """
        await self._db.execute(PROJECT, {"session": session_id, "account": self._account})

    async def _close(self, call_id: UUID, **given: Any) -> bool:
        asked = {**NOTHING, **given, "call": call_id, "account": self._account, "now": self._now}
        return (await self._moving(CLOSE, asked)).first() is not None

    async def _moving(self, statement: Any, given: dict[str, Any] | None = None) -> Any:
        try:
            return await self._db.execute(statement, given)
        except IntegrityError as refused:
            taken = getattr(getattr(refused.orig, "diag", None), "constraint_name", None)
        # Not from the refusal itself: it quotes what was said.
        match taken:
            case "ai_messages_pkey":
                raise ConversationMoved("the conversation went on since it was read")
            case "ai_calls_in_flight":
                raise CallUnderWay("a call for this turn is in flight")
            case _:
                raise LookupError(f"the conversation was refused ({taken})")


NOTHING: dict[str, Any] = {
    "input": None, "cache_read": None, "cache_write": None, "output": None, "cost": 0,
    "stop_reason": None, "failure": None, "status": 0, "message": "", "request": "", "reply": "", "used": False,
    "content": None, "covers": "{}",
}  # fmt: skip


def _json(covers: Json) -> str:
    return json.dumps(storable(covers))


def _tokens(usage: Usage | None) -> dict[str, int | None]:
    if usage is None:
        return {}
    return {
        "input": usage.input,
        "cache_read": usage.cache_read,
        "cache_write": usage.cache_write,
        "output": usage.output,
    }


def _answer(reply: ModelReply, cost: int) -> dict[str, Any]:
    return {
        "state": CallState.ANSWERED.value,
        "stop_reason": reply.stop_reason.value,
        "cost": cost,
        "message": storable(reply.message_id),
        "request": storable(reply.request_id),
        "reply": storable(reply.text),
        **_tokens(reply.usage),
    }
