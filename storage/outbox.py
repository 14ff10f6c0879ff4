"""The outbox: effects owed, in order, per subject and lane."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.effects import Lane, Owed, from_row, to_row
from engine.ports import Hold, Lease, OwedRow
from storage.tables import lanes, outbox

UNSENT = "unsent"
"""The problem of a row whose last attempt certainly sent nothing."""

OWE = text("""
with given as (
    select * from unnest(cast(:lanes as text[]), cast(:verbs as text[]), cast(:args as text[]),
                         cast(:dues as timestamptz[]), cast(:coalesces as boolean[]))
        with ordinality as g(lane, verb, args, due_at, coalesces, n)
), renewed as (
    update outbox o set args = cast(g.args as jsonb), due_at = g.due_at from given g
    where g.coalesces and o.verb = g.verb and o.subject_id = :subject and o.account_id = :account
        and o.state = 'owed' and o.attempts = 0
    returning o.id, o.lane, o.verb, o.due_at
), added as (
    insert into outbox (account_id, subject_id, lane, verb, args, due_at)
    select :account, :subject, g.lane, g.verb, cast(g.args as jsonb), g.due_at from given g
    where not (g.coalesces and exists (select 1 from renewed r where r.verb = g.verb)) order by g.n
    returning id, lane, due_at
), standing as (
    select id, lane, due_at, attempts > 0 as held from outbox
    where subject_id = :subject and account_id = :account and state = 'owed'
        and id not in (select id from renewed)
    union all select id, lane, due_at, false from renewed
    union all select id, lane, due_at, false from added
)
select s.lane, min(s.due_at) as due from standing s
where s.id <= coalesce((select min(h.id) from standing h where h.held and h.lane = s.lane), s.id)
group by s.lane
""")
COUNTED = """
with head as (
    select id, problem, due_at <= :now as due from outbox
    where subject_id = :subject and lane = :lane and account_id = :account and state = 'owed'
        and (due_at <= :now or attempts > 0)
    order by id limit 1
), counted as (
    -- It may have been given another time since it was looked up.
    update outbox o set attempts = o.attempts + 1, problem = '' from head
    where head.due and o.id = head.id and o.state = 'owed' and o.due_at <= :now
    returning o.id, o.verb, o.args, o.due_at, o.attempts, o.created_at, head.problem as said
)
"""
NEXT = text(f"{COUNTED} select * from counted")  # noqa: S608 - nothing of it comes from outside
GO_ON = text(f"""
{COUNTED}, released as (
    update lanes set leased_until = null, holder = null
    where subject_id = :subject and lane = :lane and account_id = :account and version = :version
        and not exists (select 1 from counted)
    returning version
)
select counted.*, case when counted.id is null then (
    select min(f.due_at) from outbox f
    where f.subject_id = :subject and f.lane = :lane and f.account_id = :account and f.state = 'owed'
        and f.id <= coalesce((
            select min(h.id) from outbox h
            where h.subject_id = :subject and h.lane = :lane and h.account_id = :account
                and h.state = 'owed' and h.attempts > 0), f.id)) end as following,
    clock_timestamp() - now() as begun
from (values (1)) one(n) left join counted on true
""")  # noqa: S608 - nothing of it comes from outside
CLOSE = text("""
with fenced as (
    update lanes set holder = :holder
    where subject_id = :subject and lane = :lane and account_id = :account and version = :version
        and leased_until > clock_timestamp()
    returning version
), ended as (
    update outbox set state = :state, problem = :problem, done_at = now()
    where id = :row and account_id = :account and state = 'owed' and exists (select 1 from fenced)
    returning id
)
select exists (select 1 from fenced) as fenced, exists (select 1 from ended) as ended
""")


@dataclass(frozen=True, slots=True)
class Next:
    """What a lane's holder does next: the row he has begun, or, where none is due, nothing, for the lane is free
    again then. `wait`: how long until that can go on.
    """

    row: Any = None
    wait: timedelta | None = None

    def read(self) -> OwedRow | None:
        """The row as an effect, to be read once the transaction is over: what this version does not know must not
        undo what was closed with it. Raises KeyError for a verb this version does not know.
        """
        return _owed(self.row) if self.row is not None else None


class Outbox:
    """`now` is the transaction's time: it decides what is due. Leases go by the database's own."""

    def __init__(self, connection: AsyncConnection, account: UUID, now: datetime) -> None:
        self._db = connection
        self._account = account
        self._now = now
        self.wakes: dict[UUID, list[tuple[Lane, datetime]]] = {}
        """To whom something was owed in this transaction: as `waiting` says it from then on."""

    async def owe(self, subject: UUID, effects: Sequence[Owed]) -> None:
        """Append effects in order. One that coalesces and waits already is only given its new time and arguments."""
        given: dict[object, tuple[str, str, str, datetime, bool]] = {}
        for place, effect in enumerate(effects):
            verb, args = to_row(effect)
            row = (effect.lane.value, verb, json.dumps(args), effect.due or self._now, effect.coalesce)
            given[verb if effect.coalesce else place] = row
        if not given:
            return
        names = ("lanes", "verbs", "args", "dues", "coalesces")
        values = dict(zip(names, map(list, zip(*given.values(), strict=True)), strict=True))
        rows = await self._db.execute(OWE, {**values, "subject": subject, "account": self._account})
        self.wakes[subject] = [(Lane(row.lane), row.due) for row in rows]

    async def take(self, subject: UUID, lane: Lane, holder: str, length: timedelta) -> Lease | None:
        """Take the lane's lease if it is free or expired, by the database's time."""
        statement = insert(lanes).values(
            subject_id=subject,
            lane=lane.value,
            account_id=self._account,
            version=1,
            holder=holder,
            leased_until=func.now() + length,
        )
        taken = statement.on_conflict_do_update(
            index_elements=["account_id", "subject_id", "lane"],
            set_={
                "version": lanes.c.version + 1,
                "holder": holder,
                "leased_until": func.now() + length,
            },
            where=or_(lanes.c.leased_until.is_(None), lanes.c.leased_until < func.now()),
        ).returning(lanes.c.version)
        row = (await self._db.execute(taken)).first()
        return Lease(self._account, subject, lane, row.version, holder) if row else None

    async def renew(self, lease: Lease, length: timedelta) -> bool:
        """Prolong a lease that is still ours and not expired."""
        return await self._touch(lease, {"leased_until": func.now() + length})

    async def release(self, lease: Lease) -> bool:
        return await self._touch(lease, {"leased_until": None, "holder": None})

    async def fence(self, lease: Lease) -> bool:
        """Hold the lane's row if the lease is still ours; the transaction must end if it is not."""
        return await self._touch(lease, {"holder": lease.holder})

    async def _touch(self, lease: Lease, values: dict[str, Any]) -> bool:
        # clock_timestamp: now() is the beginning of the transaction, which may have waited for a lock.
        statement = (
            update(lanes)
            .where(lanes.c.subject_id == lease.subject, lanes.c.lane == lease.lane.value)
            .where(lanes.c.account_id == self._account, lanes.c.version == lease.version)
            .where(lanes.c.leased_until > func.clock_timestamp())
            .values(values)
            .returning(lanes.c.version)
        )
        return (await self._db.execute(statement)).first() is not None

    async def next_owed(self, lease: Lease) -> OwedRow | None:
        """The first effect that is due, its attempt counted. One that failed and waits holds the ones behind it."""
        row = (await self._db.execute(NEXT, self._lane(lease))).first()
        return _owed(row) if row is not None else None

    async def go_on(self, lease: Lease) -> Next:
        """As `next_owed`; where nothing is due, the lane is released in the same moment.

        Whoever takes the lane waits for this transaction, so that what is owed after the look is not overlooked.
        """
        row = (await self._db.execute(GO_ON, self._lane(lease))).one()
        if row.id is not None:
            return Next(row)
        # From this very moment: what came in since the transaction began is not to wait for its next ring.
        return Next(wait=row.following - self._now - row.begun if row.following is not None else None)

    def _lane(self, lease: Lease) -> dict[str, Any]:
        return {
            "subject": lease.subject,
            "lane": lease.lane.value,
            "account": self._account,
            "version": lease.version,
            "now": self._now,
        }

    async def close(
        self, lease: Lease, row_id: int, state: str = "done", problem: str = ""
    ) -> tuple[bool, bool]:
        """`fence` and then `end`, in one statement: what each of them says."""
        given = {**self._lane(lease), "holder": lease.holder, "row": row_id}
        row = (await self._db.execute(CLOSE, {**given, "state": state, "problem": problem})).one()
        return row.fenced, row.ended

    async def end(self, row_id: int, state: str = "done", problem: str = "") -> bool:
        """Close a row as `done`, `parked` or `void`; False when it was closed before."""
        statement = (
            update(outbox)
            .where(outbox.c.id == row_id, outbox.c.account_id == self._account)
            .where(outbox.c.state == "owed")
            .values(state=state, problem=problem, done_at=func.now())
            .returning(outbox.c.id)
        )
        return (await self._db.execute(statement)).first() is not None

    async def again(
        self, row_id: int, due: datetime, problem: str = "", *, failed: bool = True, hold: Hold = ""
    ) -> None:
        """Owe it again at `due`. One that did not fail but waits starts its attempts anew and holds nobody up;
        with `hold` it keeps what stands behind it waiting.
        """
        values: dict[str, Any] = {"due_at": due, "problem": problem}
        if not failed:
            values |= {"attempts": 1 if hold else 0, "problem": hold}
        await self._db.execute(
            update(outbox)
            .where(outbox.c.id == row_id, outbox.c.account_id == self._account)
            .where(outbox.c.state == "owed")
            .values(values)
        )

    async def waiting(self, subject: UUID) -> list[tuple[Lane, datetime]]:
        """Which lanes have something owed, and when each can go on: what stands behind a failed effect, or one
        under way, waits for that one.
        """
        held = (
            select(func.min(outbox.c.id))
            .where(outbox.c.subject_id == subject, outbox.c.account_id == self._account)
            .where(outbox.c.state == "owed", outbox.c.attempts > 0)
        )
        front = outbox.alias()
        first = held.where(outbox.c.lane == front.c.lane).scalar_subquery()
        query = (
            select(front.c.lane, func.min(front.c.due_at).label("due"))
            .where(front.c.subject_id == subject, front.c.account_id == self._account)
            .where(front.c.state == "owed", front.c.id <= func.coalesce(first, front.c.id))
            .group_by(front.c.lane)
        )
        return [(Lane(row.lane), row.due) for row in await self._db.execute(query)]


def _owed(row: Any) -> OwedRow:
    effect = from_row(row.verb, row.args, row.due_at)
    return OwedRow(row.id, effect, row.attempts, row.created_at, row.said == UNSENT)
