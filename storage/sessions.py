"""Sessions and what belongs to them: Steps, Notes, Intervals and the log of who did what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.history import History
from engine.session import OPEN, Interval, Session, Step
from storage import codec
from storage.tables import (
    ai_session_intervals,
    ai_session_notes,
    ai_session_steps,
    ai_sessions,
    session_log,
    users,
)

# A pasted log may be megabytes; the digest travels with the Session, the log itself stays where it is.
SESSION_COLUMNS = (
    *(
        c
        for c in ai_sessions.c
        if c.name not in {"intake_content", "conversation_messages", "system_prompt_snapshot"}
    ),
    ai_sessions.c.intake_content.op("-")("log_content").label("intake_content"),
)
WRITTEN_ONCE = frozenset({"id", "account_id", "intake_type", "intake_content", "created_at", "version"})


class SessionMoved(Exception):
    """Somebody else saved this Session since it was read; read it again."""


class Sessions:
    """The Sessions of one Account."""

    def __init__(self, connection: AsyncConnection, account: UUID) -> None:
        self._db = connection
        self._account = account

    async def get(self, session_id: UUID, *, lock: bool = False) -> Session | None:
        """The Session with its last Steps; `lock` holds it until the transaction ends."""
        query = select(*SESSION_COLUMNS).where(
            ai_sessions.c.id == session_id, ai_sessions.c.account_id == self._account
        )
        if lock:
            query = query.with_for_update()
        row = (await self._db.execute(query)).mappings().first()
        if row is None:
            return None
        last = await self._last_steps(session_id)
        return codec.session_from(dict(row), last, await self.intervals(session_id))

    async def _last_steps(self, session_id: UUID) -> dict[int, Step]:
        """The newest Step and the one before it."""
        steps = ai_session_steps
        mine = and_(steps.c.session_id == session_id, steps.c.account_id == self._account)
        newest = select(steps.c.number, steps.c.content).where(mine).order_by(steps.c.number.desc()).limit(2)
        rows = (await self._db.execute(newest)).all()
        return {row.number: codec.step_from(row.content) for row in rows}

    async def intervals(self, session_id: UUID) -> tuple[Interval, ...]:
        query = (
            select(ai_session_intervals)
            .where(
                ai_session_intervals.c.session_id == session_id,
                ai_session_intervals.c.account_id == self._account,
            )
            .order_by(ai_session_intervals.c.number)
        )
        return tuple(codec.interval_from(dict(row)) for row in (await self._db.execute(query)).mappings())

    async def save(self, before: Session | None, after: Session) -> None:
        """Write what changed. Raises SessionMoved when the Session was saved since `before` was read."""
        row = codec.session_row(after)
        if before is None:
            await self._db.execute(insert(ai_sessions).values(row))
        else:
            old = codec.session_row(before)
            changed = {k: v for k, v in row.items() if k not in WRITTEN_ONCE and old[k] != v}
            statement = (
                update(ai_sessions)
                .where(ai_sessions.c.id == after.id, ai_sessions.c.account_id == self._account)
                .where(ai_sessions.c.version == before.version)
                .values({**changed, "version": before.version + 1})
                .returning(ai_sessions.c.version)
            )
            if (await self._db.execute(statement)).first() is None:
                raise SessionMoved(f"session {after.id} changed since it was read")
        await self._save_parts(before, after)

    async def _save_parts(self, before: Session | None, after: Session) -> None:
        if after.touched:
            rows = [codec.step_row(after, step) for step in after.touched]
            changing = ("manner", "answered_by_id", "answered_at", "content")
            await self._upsert(ai_session_steps, rows, ("session_id", "number"), changing)
        if after.notes:
            await self._db.execute(insert(ai_session_notes), [codec.note_row(after, n) for n in after.notes])
        known = before.intervals if before else ()
        rows = [
            codec.interval_row(after, number, interval)
            for number, interval in enumerate(after.intervals)
            if number >= len(known) or known[number] != interval
        ]
        if rows:
            changing = ("user_id", "started_at", "ended_at", "confirmed")
            await self._upsert(ai_session_intervals, rows, ("session_id", "number"), changing)

    async def _upsert(
        self, table: Any, rows: list[dict[str, Any]], key: Sequence[str], changing: Sequence[str]
    ) -> None:
        statement = insert(table).values(rows)
        excluded = {name: statement.excluded[name] for name in changing}
        await self._db.execute(statement.on_conflict_do_update(index_elements=list(key), set_=excluded))

    async def history(self, session_id: UUID) -> History | None:
        """The whole Session: every Step, every Note, and the names of the people in it."""
        session = await self.get(session_id)
        if session is None:
            return None
        steps, notes = ai_session_steps, ai_session_notes
        step_rows = await self._db.execute(
            select(steps.c.content)
            .where(steps.c.session_id == session_id, steps.c.account_id == self._account)
            .order_by(steps.c.number)
        )
        note_rows = await self._db.execute(
            select(notes)
            .where(notes.c.session_id == session_id, notes.c.account_id == self._account)
            .order_by(notes.c.id)
        )
        names = await self._db.execute(
            select(users.c.id, users.c.name).where(users.c.account_id == self._account)
        )
        return History(
            session,
            tuple(codec.step_from(row.content) for row in step_rows),
            tuple(codec.note_from(dict(row)) for row in note_rows.mappings()),
            {row.id: row.name for row in names},
        )

    async def telling(self, session_id: UUID, limit: int = 24) -> tuple[Step, ...]:
        """The Steps a card needs, oldest first: the last few, and the latest that taught or ruled out something."""
        steps = ai_session_steps
        newest = select(func.max(steps.c.number)).where(steps.c.session_id == session_id).scalar_subquery()
        taught = or_(
            steps.c.content["learned"] != text("'[]'::jsonb"),
            steps.c.content["ruled_out"] != text("'[]'::jsonb"),
        )
        query = (
            select(steps.c.content)
            .where(steps.c.session_id == session_id, steps.c.account_id == self._account)
            .where(or_(steps.c.number > newest - 4, taught))
            .order_by(steps.c.number.desc())
            .limit(limit)
        )
        return tuple(codec.step_from(row.content) for row in reversed((await self._db.execute(query)).all()))

    async def step(self, session_id: UUID, number: int) -> Step | None:
        steps = ai_session_steps
        query = select(steps.c.content).where(
            steps.c.session_id == session_id,
            steps.c.number == number,
            steps.c.account_id == self._account,
        )
        row = (await self._db.execute(query)).first()
        return codec.step_from(row.content) if row else None

    async def of(self, user: UUID) -> tuple[UUID, ...]:
        """The person's open Sessions, the one touched last first."""
        query = (
            select(ai_sessions.c.id)
            .where(ai_sessions.c.account_id == self._account, ai_sessions.c.user_id == user)
            .where(ai_sessions.c.status.in_([s.value for s in OPEN]))
            .order_by(ai_sessions.c.updated_at.desc())
            .limit(50)
        )
        return tuple((await self._db.execute(query)).scalars())

    async def queue(self) -> tuple[UUID, ...]:
        """Sessions that ask for another engineer, the longest waiting first."""
        query = (
            select(ai_sessions.c.id)
            .where(ai_sessions.c.account_id == self._account)
            .where(ai_sessions.c.status == "requesting_escalation")
            .order_by(ai_sessions.c.state["escalation"]["requested_at"].astext)
            .limit(100)
        )
        return tuple((await self._db.execute(query)).scalars())

    async def owner_of_child(self, session_id: UUID) -> str:
        """The name of the one who picked this Session up fresh; empty where nobody did."""
        query = (
            select(users.c.name)
            .join(ai_sessions, ai_sessions.c.user_id == users.c.id)
            .where(ai_sessions.c.parent_session_id == session_id, ai_sessions.c.account_id == self._account)
            .order_by(ai_sessions.c.created_at)
            .limit(1)
        )
        return str((await self._db.execute(query)).scalar() or "")

    async def on_ticket(self, ticket_id: int) -> tuple[UUID, ...]:
        """Sessions on a ticket: open ones first, then the newest."""
        is_open = ai_sessions.c.status.in_([s.value for s in OPEN])
        query = (
            select(ai_sessions.c.id)
            .where(ai_sessions.c.account_id == self._account, ai_sessions.c.psa_ticket_id == ticket_id)
            .order_by(is_open.desc(), ai_sessions.c.created_at.desc())
            .limit(10)
        )
        return tuple((await self._db.execute(query)).scalars())

    async def with_work_since(self, user: UUID, since: datetime) -> tuple[UUID, ...]:
        """Sessions in which the person worked since then, for his time."""
        spans = ai_session_intervals
        worked = select(spans.c.session_id).where(
            spans.c.account_id == self._account, spans.c.user_id == user, spans.c.ended_at >= since
        )
        running = ai_sessions.c.state["clock"]["engineer"].astext == str(user)
        query = (
            select(ai_sessions.c.id)
            .where(ai_sessions.c.account_id == self._account)
            .where(or_(ai_sessions.c.id.in_(worked), running))
            .order_by(ai_sessions.c.updated_at.desc())
            .limit(200)
        )
        return tuple((await self._db.execute(query)).scalars())

    async def log(
        self, session_id: UUID, at: datetime, by: UUID | None, event: str, detail: dict[str, Any]
    ) -> None:
        """Append to the audit: who did what when. Never ticket text, never what was said."""
        await self._db.execute(
            insert(session_log).values(
                session_id=session_id,
                account_id=self._account,
                at=at,
                by_id=by,
                event=event,
                detail=detail,
            )
        )

    async def last_seen(self, session_id: UUID, user: UUID) -> datetime | None:
        """When this person last did something in the Session."""
        query = select(func.max(session_log.c.at)).where(
            session_log.c.session_id == session_id,
            session_log.c.account_id == self._account,
            session_log.c.by_id == bindparam("user", user),
        )
        seen: datetime | None = (await self._db.execute(query)).scalar()
        return seen
