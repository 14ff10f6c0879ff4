"""The desk: what comes in is remembered, understood in order, and what is owed is delivered in order."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from engine.effects import Lane, Owed, by_way_of
from engine.events import Event
from engine.giving_up import given_up
from engine.lifecycle import advance
from engine.ports import (
    Act,
    Bell,
    Done,
    Fetch,
    Front,
    Later,
    Lease,
    LeaseLost,
    Memory,
    OwedRow,
    Performed,
    Performer,
    PutOff,
    Raw,
    Received,
    Remembers,
    Unreadable,
)

Ring = tuple[UUID, UUID, Lane, timedelta]
MOST_FETCHED = 16
"""Things from outside that one row may need: a person, a channel, ten files."""
LONGEST_PUT_OFF = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often. `lease` must outlast a PSA write's deadline."""

    lease: timedelta = timedelta(seconds=60)
    tries: int = 8
    backoff: tuple[float, ...] = (1, 2, 5, 15, 30, 60, 120)
    inbox_tries: int = 5
    put_off_for: timedelta = timedelta(minutes=30)


class Renewal(Protocol):
    """Keeps a lease alive while the block runs."""

    def keeping(self, lease: Lease) -> Any: ...


class Trouble(Protocol):
    """Writes a failure to the log and gives the id that the person sees."""

    def note(self, what: str, failure: BaseException) -> str: ...


class Desk:
    """The three entrances used by every platform. `holder` names this process in leases."""

    def __init__(
        self,
        memory: Memory,
        receiving: Remembers,
        front: Front,
        performers: dict[Lane, Performer],
        bell: Bell,
        renewal: Renewal,
        trouble: Trouble,
        holder: str,
        limits: Limits | None = None,
    ) -> None:
        self._memory = memory
        self._receiving = receiving
        self._front = front
        self._performers = performers
        self._bell = bell
        self._renewal = renewal
        self._trouble = trouble
        self._holder = holder
        self._limits = limits or Limits()

    async def receive(self, raw: Raw) -> bool:
        """Remember a verified payload; it is committed when this returns. False for a repeat."""
        new = await self._receiving.remember(raw.platform, raw.unique_key, raw.order_key, raw.payload)
        self._bell.ring_inbox(raw.order_key)
        return new

    async def handle(self, order_key: str) -> int:
        """Understand everything new under this key, oldest first; how many rows were closed."""
        closed = 0
        while await self._handle_next(order_key):
            closed += 1
        return closed

    async def _handle_next(self, order_key: str) -> bool:
        received: Received | None = None
        rings: list[Ring] = []
        fetched: dict[Hashable, Any] = {}
        try:
            while True:
                try:
                    async with self._memory.transaction() as unit:
                        claimed = await unit.inbox.claim(order_key)
                        if claimed is None:
                            return False
                        if received is not None and claimed.id != received.id:
                            fetched = {}  # somebody else finished that row meanwhile
                        received = replace(claimed, fetched=fetched)
                        rings = await self._apply(unit, await self._front.understand(received, unit))
                        await unit.inbox.done(received.id, unit.account)
                    break
                except Fetch as missing:
                    if received is None or missing.wanted in fetched or len(fetched) >= MOST_FETCHED:
                        raise
                    fetched[missing.wanted] = await self._front.fetch(received, missing.wanted)
        except PutOff as away:
            return await self._put_off(received, away)
        except Unreadable as failure:  # nobody can say whom to tell
            return await self._inbox_failed(failure.received, failure, tell=False)
        except Exception as failure:  # a row that cannot be understood must not stop the ones behind it
            if received is None:
                raise
            return await self._inbox_failed(received, failure)
        self._ring(rings)
        return True

    async def _apply(self, unit: Any, acts: Sequence[Act]) -> list[Ring]:
        for act in acts:
            effects: Sequence[Owed] = act.effects
            if act.event is not None:
                effects = (*await self.apply(unit, act.subject, act.event), *effects)
            if act.answers is not None:
                effects = by_way_of(effects, *act.answers)
            await unit.outbox.owe(act.subject, effects)
            if act.save is not None:
                await act.save(unit)
        return _rings(unit) if acts else []

    async def apply(self, unit: Any, session_id: UUID, event: Event) -> tuple[Owed, ...]:
        """Advance one Session under its lock, save it and its audit row; gives what is owed now."""
        before = await unit.sessions.get(session_id, lock=True)
        after, effects = advance(before, event, unit.now)
        if after is None:
            return effects
        by, step = getattr(event, "by", None), getattr(event, "step", None)
        detail = {
            "from": before.status.value if before else None,
            "to": after.status.value,
            "changed": after is not before,
            "step": step if isinstance(step, int) else None,
        }
        entry = (unit.now, by.id if by else None, type(event).__name__, detail)
        if after is before:
            await unit.sessions.log(session_id, *entry)
        else:
            await unit.sessions.save(before, after, entry)
        return effects

    async def _put_off(self, received: Received | None, away: PutOff) -> bool:
        """Wait in its place for what is away, for half an hour; then it has failed like any other."""
        if received is None:
            raise away
        async with self._memory.transaction() as unit:
            waited = unit.now - received.received_at
            if waited < self._limits.put_off_for:
                await unit.inbox.put_off(received.id, min(away.seconds, LONGEST_PUT_OFF))
                return False
        return await self._inbox_failed(received, away)

    async def _inbox_failed(self, received: Received, failure: Exception, *, tell: bool = True) -> bool:
        """Count the attempt; the last one parks the row, says sorry, and lets the next one come."""
        error_id = self._trouble.note(f"inbox {received.id} on {received.platform}", failure)
        if received.attempts + 1 < self._limits.inbox_tries:
            async with self._memory.transaction() as unit:
                await unit.inbox.failed(received.id, error_id, park=False)
            return False
        try:
            rings = await self._set_aside(received, error_id, tell=tell)
        except Exception as unsaid:  # noqa: BLE001 - what cannot be apologised for must not stand in the way for ever
            self._trouble.note(f"apology for inbox {received.id}", unsaid)
            rings = await self._set_aside(received, error_id, tell=False)
        self._ring(rings)
        return True

    async def _set_aside(self, received: Received, error_id: str, *, tell: bool) -> list[Ring]:
        async with self._memory.transaction() as unit:
            parked = await unit.inbox.failed(received.id, error_id, park=True)
            if not (parked and tell):
                return []
            return await self._apply(unit, await self._front.apologise(received, unit, error_id))

    def _ring(self, rings: Sequence[Ring]) -> None:
        for account, subject, lane, after in rings:
            self._bell.ring(account, subject, lane, after)

    async def deliver(self, account: UUID, subject: UUID, lane: Lane) -> int:
        """Perform what this lane owes, in order, while its lease is ours; how many effects were closed."""
        closed = 0
        while (taken := await self._take(account, subject, lane)) is not None:
            lease, following = taken
            if following.row is not None:
                async with self._renewal.keeping(lease):
                    try:
                        while (row := following.read()) is not None:
                            ended, following = await self._deliver_one(lease, row)
                            closed += ended
                    except LeaseLost:
                        return closed
                    except (
                        BaseException
                    ):  # stopped, or the database is away: the next one need not wait for the lease
                        await self._release(lease)
                        raise
            if not self._at_once(lease, following):
                break
        return closed

    async def _take(self, account: UUID, subject: UUID, lane: Lane) -> tuple[Lease, Any] | None:
        """The lease and what is to be done first; None while somebody else has it."""
        async with self._memory.transaction(account) as unit:
            lease: Lease | None = await unit.outbox.take(subject, lane, self._holder, self._limits.lease)
            if lease is None:
                return None
            return lease, await self._go_on(unit, lease)

    async def _go_on(self, unit: Any, lease: Lease) -> Any:
        """Begin the next effect, or release the lane. Last in its transaction: the row it locks may be wanted by
        somebody who holds what another statement would wait for.
        """
        return await unit.outbox.go_on(lease)

    def _at_once(self, lease: Lease, following: Any) -> bool:
        """Whether something came in meanwhile that can be done now; what is due later is rung for."""
        if following.wait is not None and following.wait > timedelta():
            self._bell.ring(lease.account, lease.subject, lease.lane, following.wait)
            return False
        return following.wait is not None

    async def _release(self, lease: Lease) -> bool:
        async with self._memory.transaction(lease.account) as unit:
            released: bool = await unit.outbox.release(lease)
            return released

    async def _deliver_one(self, lease: Lease, row: OwedRow) -> tuple[bool, Any]:
        """Whether the effect was closed, and what follows."""
        try:
            performed = await self._performers[lease.lane].perform(row, lease, self._still_ours(lease))
            return True, await self._close(lease, row, performed)
        except LeaseLost:
            raise
        except Exception as failure:  # noqa: BLE001 - whatever went wrong, outside or in saving it, the effect stays owed or is parked
            return await self._effect_failed(lease, row, failure)

    def _still_ours(self, lease: Lease) -> Any:
        async def check() -> None:
            async with self._memory.transaction(lease.account) as unit:
                if not await unit.outbox.fence(lease):
                    raise LeaseLost

        return check

    async def _close(self, lease: Lease, row: OwedRow, performed: Performed) -> Any:
        """The outcome, `done` and the beginning of what follows in one transaction, fenced."""
        async with self._memory.transaction(lease.account) as unit:
            match performed:
                case Later(due=due, hold=hold):
                    if not await unit.outbox.fence(lease):
                        raise LeaseLost
                    await unit.outbox.again(row.id, due, failed=False, hold=hold)
                case Done(events=events):
                    await self._end(unit, lease, row)
                    # The Session's lock comes first, as in `handle`: in another order the two could wait for each other.
                    await self._follow_up(unit, lease.subject, events)
            if performed.save is not None:
                await performed.save(unit)
            rings = _rings(unit, lease)
            following = await self._go_on(unit, lease)
        self._ring(rings)
        return following

    async def _end(
        self, unit: Any, lease: Lease, row: OwedRow, state: str = "done", problem: str = ""
    ) -> bool:
        """False for an effect that was closed before. Raises LeaseLost."""
        fenced, ended = await unit.outbox.close(lease, row.id, state, problem)
        if not fenced:
            raise LeaseLost
        return bool(ended)

    async def _follow_up(self, unit: Any, subject: UUID, events: Sequence[Event]) -> None:
        for event in events:
            # A new Session that comes out of this one brings its own id.
            target: UUID = getattr(event, "session_id", subject)
            await unit.outbox.owe(target, await self.apply(unit, target, event))

    async def _effect_failed(self, lease: Lease, row: OwedRow, failure: Exception) -> tuple[bool, Any]:
        name = type(row.effect).__name__
        error_id = self._trouble.note(f"effect {row.id} {name}, attempt {row.attempts}", failure)
        if row.attempts >= self._limits.tries:
            return True, await self._park(lease, row, error_id)
        wait = (
            getattr(failure, "retry_after", None)
            or self._limits.backoff[min(row.attempts, len(self._limits.backoff)) - 1]
        )
        async with self._memory.transaction(lease.account) as unit:
            if not await unit.outbox.fence(lease):
                raise LeaseLost
            await unit.outbox.again(row.id, unit.now + timedelta(seconds=wait), error_id)
            return False, await self._go_on(unit, lease)

    async def _park(self, lease: Lease, row: OwedRow, error_id: str) -> Any:
        async with self._memory.transaction(lease.account) as unit:
            if await self._end(unit, lease, row, "parked", error_id):
                events, told = await given_up(unit, lease.subject, row.effect, error_id)
                await self._follow_up(unit, lease.subject, events)
                for subject, effect in told:
                    await unit.outbox.owe(subject, (effect,))
            rings = _rings(unit, lease)
            following = await self._go_on(unit, lease)
        self._ring(rings)
        return following


def _rings(unit: Any, held: Lease | None = None) -> list[Ring]:
    """Which lanes to wake once this transaction is committed, and how long from now; not the one that is held."""
    return [
        (unit.account, subject, lane, max(timedelta(), due - unit.now))
        for subject, lanes in unit.outbox.wakes.items()
        for lane, due in lanes
        if held is None or (subject, lane) != (held.subject, held.lane)
    ]
