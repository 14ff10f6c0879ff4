"""Sessions and what belongs to them: Steps, Notes, Intervals and the log of who did what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.history import History
from engine.session import OPEN, Interval, Note, Session, Status, Step
from storage import codec
from storage.conversation_statements import PROJECT
from storage.pictures import PictureState, Shot
from storage.session_statements import FOR_CARD, GET, GET_PARTS, LOCK, SAVED, WHOLE
from storage.tables import (
    ai_session_intervals,
    ai_session_notes,
    ai_session_steps,
    ai_sessions,
    session_log,
    users,
)

WRITTEN_ONCE = frozenset({"id", "account_id", "intake_type", "intake_content", "created_at", "version"})
Entry = tuple[datetime, UUID | None, str, dict[str, Any]]
"""Of the audit: when, who, which event, and its detail."""


@dataclass(frozen=True, slots=True)
class ForCard:
    """What a Session's card is drawn from, as of one moment. `steps`: the last few, and the latest that taught or
    ruled out something, oldest first. `names`: of the active people in it. `connection`: the settings of its PSA.
    """

    session: Session
    steps: tuple[Step, ...]
    names: dict[UUID, str]
    has_lead: bool
    account_settings: dict[str, Any]
    connection: dict[str, Any] | None
    owner_mapped: bool
    has_posts: bool
    link: str
    pictures: tuple[Shot, ...] = ()


class SessionMoved(Exception):
    """Somebody else saved this Session since it was read; read it again."""


class Sessions:
    """The Sessions of one Account, within one transaction: what it has locked nobody else changes."""

    def __init__(self, connection: AsyncConnection, account: UUID) -> None:
        self._db = connection
        self._account = account
        self._locked: dict[UUID, Session] = {}
        self._seen: dict[tuple[UUID, int], Step] = {}

    async def get(self, session_id: UUID, *, lock: bool = False) -> Session | None:
        """The Session with its last Steps; `lock` holds it until the transaction ends."""
        if session_id in self._locked:
            return self._locked[session_id]
        row = await self._one(LOCK if lock else GET, session_id)
        if row is None:
            return None
        if lock and row["parts_of"] != row["version"]:
            row |= await self._one(GET_PARTS, session_id) or {}
        found = _session(row)
        if lock:
            self._locked[session_id] = found
        return found

    async def _one(self, query: Any, session_id: UUID) -> dict[str, Any] | None:
        given = {"session": session_id, "account": self._account}
        row = (await self._db.execute(query, given)).mappings().first()
        return dict(row) if row is not None else None

    async def for_card(self, session_id: UUID) -> ForCard | None:
        row = await self._one(FOR_CARD, session_id)
        if row is None:
            return None
        steps = tuple(codec.step_from(content) for content in reversed(row["telling"]))
        self._seen.update({(session_id, step.number): step for step in steps})
        connection = row["connection"] or {}
        return ForCard(
            session=_session(row),
            steps=steps,
            names={UUID(user): name for user, name in (row["names"] or {}).items()},
            has_lead=row["has_lead"],
            account_settings=row["account_settings"],
            connection=connection.get("settings"),
            owner_mapped=connection.get("owner", False),
            has_posts=row["has_posts"],
            link=row["link"] or "",
            pictures=tuple(
                Shot(name, link, saw, PictureState(state)) for name, link, saw, state in row["pictures"]
            ),
        )

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

    async def save(self, before: Session | None, after: Session, entry: Entry | None = None) -> None:
        """Write what changed, and `entry` to the audit. Raises SessionMoved when the Session was saved since
        `before` was read.
        """
        row, written = codec.session_row(after), self._parts(before, after, entry)
        statement: Any
        if before is None:
            statement = insert(ai_sessions).values(row).returning(ai_sessions.c.version)
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
        for name, rows in written.items():
            part = SAVED[name].bindparams(**{name: json.dumps(rows, default=_plain)})
            statement = statement.add_cte(part.columns().cte(name))
        self._forget(after.id)
        if (await self._db.execute(statement)).first() is None:
            raise SessionMoved(f"session {after.id} changed since it was read")
        if after.notes:
            await self._db.execute(insert(ai_session_notes), [codec.note_row(after, n) for n in after.notes])
        if before is not None and before.status is Status.ACTIVE and after.status is not Status.ACTIVE:
            # It rests or has ended: what was said to the model and by it is laid down in its row.
            await self._db.execute(PROJECT, {"session": after.id, "account": self._account})

    def _parts(
        self, before: Session | None, after: Session, entry: Entry | None
    ) -> dict[str, list[dict[str, Any]]]:
        """The rows of other tables that go with it, by the name of their statement."""
        known = before.intervals if before else ()
        parts = {
            "steps": [codec.step_row(after, step) for step in after.touched],
            "intervals": [
                codec.interval_row(after, number, interval)
                for number, interval in enumerate(after.intervals)
                if number >= len(known) or known[number] != interval
            ],
            "entries": [self._entry(after.id, *entry)] if entry is not None else [],
        }
        return {name: rows for name, rows in parts.items() if rows}

    def _entry(
        self, session_id: UUID, at: datetime, by: UUID | None, event: str, detail: dict[str, Any]
    ) -> dict[str, Any]:
        return {
            "session_id": session_id,
            "account_id": self._account,
            "at": at,
            "by_id": by,
            "event": event,
            "detail": detail,
        }

    def _forget(self, session_id: UUID) -> None:
        self._locked.pop(session_id, None)
        self._seen = {key: step for key, step in self._seen.items() if key[0] != session_id}

    async def history(self, session_id: UUID) -> History | None:
        """The whole Session: every Step, every Note, and the names of the people of its Account."""
        row = await self._one(WHOLE, session_id)
        if row is None:
            return None
        names = {UUID(user): name for user, name in (row["names"] or {}).items()}
        steps = tuple(codec.step_from(content) for content in row["steps"])
        notes = await self._notes(session_id) if row["has_notes"] else ()
        return History(_session(row), steps, notes, names)

    async def _notes(self, session_id: UUID) -> tuple[Note, ...]:
        notes = ai_session_notes
        query = (
            select(notes)
            .where(notes.c.session_id == session_id, notes.c.account_id == self._account)
            .order_by(notes.c.id)
        )
        return tuple(codec.note_from(dict(row)) for row in (await self._db.execute(query)).mappings())

    async def step(self, session_id: UUID, number: int) -> Step | None:
        if (known := self._seen.get((session_id, number))) is not None:
            return known
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
        await self._db.execute(insert(session_log).values(self._entry(session_id, at, by, event, detail)))

    async def last_seen(self, session_id: UUID, user: UUID) -> datetime | None:
        """When this person last did something in the Session."""
        query = select(func.max(session_log.c.at)).where(
            session_log.c.session_id == session_id,
            session_log.c.account_id == self._account,
            session_log.c.by_id == bindparam("user", user),
        )
        seen: datetime | None = (await self._db.execute(query)).scalar()
        return seen


def _session(row: Mapping[str, Any]) -> Session:
    last = {number: codec.step_from(content) for number, content in row["last_steps"]}
    spans = tuple(_interval(*span) for span in row["spans"])
    return codec.session_from(row, last, spans)


def _interval(engineer: str, start: str, end: str, confirmed: bool | None) -> Interval:
    return Interval(UUID(engineer), datetime.fromisoformat(start), datetime.fromisoformat(end), confirmed)


def _plain(value: Any) -> str:
    """Ids and times as JSON has them."""
    return value.isoformat() if isinstance(value, datetime) else str(value)
