"""What stands in the database of a throwaway desk, read again and again while people wait for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from storage.store import Store

LOOK = """
select s.id, s.psa_ticket_id as ticket, s.status, s.user_id as owner, p.id as place,
       st.number, st.content
from ai_sessions s
left join lateral (
    select number, content from ai_session_steps x where x.session_id = s.id order by number desc limit 1
) st on true
left join places p on p.session_id = s.id and p.kind = 'thread'
order by s.created_at
"""


OWED = """
select o.verb, o.attempts, extract(epoch from o.due_at - now())::int as due,
       coalesce('held by ' || l.holder || ' for ' || extract(epoch from l.leased_until - now())::int || ' s', '') as held
from outbox o left join lanes l on l.subject_id = o.subject_id and l.lane = o.lane
where o.subject_id = :id and o.state = 'owed' and o.verb not like 'Remind%' order by o.id
"""


PATIENCE = 150.0
"""Seconds. Workers die faster here than their leases expire, on a machine that does much else."""


class GaveUp(Exception):
    """What a person waited for did not come in time; the message names it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One Session; `step` is the newest Step's content, `number` 0 before the first."""

    id: UUID
    ticket: int
    status: str
    owner: UUID
    place: UUID | None
    number: int
    step: dict[str, Any]

    @property
    def answerable(self) -> bool:
        return self.number > 0 and self.step.get("outcome") is None and self.place is not None


@dataclass(slots=True)
class Observer:
    """Looks every `every` seconds; a database that is away is looked at again."""

    store: Store
    account: UUID
    every: float = 0.15
    sessions: dict[int, Seen] = field(default_factory=dict)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self) -> None:
        while True:
            with suppress(SQLAlchemyError, OSError):
                await self._look()
            await asyncio.sleep(self.every)

    async def until(
        self, ticket: int, wanted: Callable[[Seen], bool], what: str, seconds: float = PATIENCE
    ) -> Seen:
        """The Session on this ticket once it is as wanted. Raises GaveUp."""

        def found() -> bool:
            seen = self.sessions.get(ticket)
            return seen is not None and wanted(seen)

        try:
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(found)
        except TimeoutError:
            raise GaveUp(f"ticket {ticket}: {what} did not come; {await self._owed(ticket)}") from None
        return self.sessions[ticket]

    async def _owed(self, ticket: int) -> str:
        """What the Session waits for, for the one who looks into it."""
        seen = self.sessions.get(ticket)
        if seen is None:
            return "there is no session"
        try:
            async with self.store.transaction(self.account) as unit:
                rows = (await unit.connection.execute(text(OWED), {"id": seen.id})).all()
        except (SQLAlchemyError, OSError) as away:
            return f"the database is away ({type(away).__name__})"
        owed = ", ".join(f"{r.verb} due in {r.due} s after {r.attempts} attempts {r.held}" for r in rows)
        return f"{seen.status} at step {seen.number}, owed: {owed or 'nothing'}"

    async def _look(self) -> None:
        async with self.store.transaction(self.account) as unit:
            rows = (await unit.connection.execute(text(LOOK))).all()
        for row in rows:
            content = json.loads(row.content) if isinstance(row.content, str) else row.content
            self.sessions[row.ticket] = Seen(
                row.id, row.ticket, row.status, row.owner, row.place, row.number or 0, content or {}
            )
        async with self._news:
            self._news.notify_all()
