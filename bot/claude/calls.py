"""Calls under way: each flies in a task of its own, so that what was paid for is kept when nobody waits for it any more."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from uuid import UUID

from engine.model import Failure, Hearing, Model, ModelCall, ModelFailed, ModelReply, Usage
from engine.pricing import cost
from storage.store import Store

log = logging.getLogger("flowpilot.claude")

Ended = ModelReply | ModelFailed
Ear = Callable[[str], Awaitable[None]]
"""Is told the raw text of an answer as it grows."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Seconds. `waits` before each further attempt, more or less by the share `jitter`. What the vendor asks for is
    waited for up to `busiest`; all waits of one turn come to `longest` at most. A reply that was handed over and
    not saved after `handed` is kept by itself; at the end calls under way have `patience`.
    """

    waits: tuple[float, ...] = (2.0, 5.0, 15.0, 30.0, 60.0)
    jitter: float = 0.2
    busiest: float = 120.0
    longest: float = 240.0
    handed: float = 150.0
    patience: float = 5.0
    saving: tuple[float, ...] = (0.5, 2.0, 8.0)

    def paced(self, first: float) -> Schedule:
        """With `first` seconds before the first further attempt and the others in proportion; none is left out."""
        times = first / self.waits[0]
        waits = tuple(times * wait for wait in self.waits)
        return replace(self, waits=waits, longest=self.longest * max(1.0, times))

    def wait(self, failed: ModelFailed, before: int, waited: float) -> float | None:
        """How long to wait after a failure, with so many failed attempts in all; None where it is not worth it."""
        if before > len(self.waits):
            return None
        if failed.failure is Failure.BUSY and failed.retry_after is not None:
            wait = failed.retry_after
            worth = wait <= self.busiest
        else:
            chance = secrets.randbelow(2_001) / 1_000 - 1
            wait, worth = self.waits[before - 1] * (1 + self.jitter * chance), True
        return wait if worth and waited + wait <= self.longest else None


@dataclass(eq=False, slots=True)
class Flight:
    """One call of this process. `began`: what it owes since the vendor began to answer. `kept`: its end stands in the
    database, or will with the transaction at hand.
    """

    id: UUID
    account: UUID
    model: str
    said: list[str] = field(default_factory=list)
    began: Usage | None = None
    ear: Ear | None = None
    wanted: bool = True
    kept: bool = False
    task: asyncio.Task[Ended] | None = None

    @property
    def reply(self) -> ModelReply | None:
        """What came back, once it is there."""
        if self.task is None or not self.task.done() or self.task.cancelled() or self.task.exception():
            return None
        ended = self.task.result()
        return ended if isinstance(ended, ModelReply) else None


class Calls:
    """Every call of this process that is in flight, or whose end is not saved yet."""

    def __init__(self, store: Store, model: Model, schedule: Schedule | None = None) -> None:
        self.schedule = schedule or Schedule()
        self._store = store
        self._model = model
        self._flights: dict[UUID, Flight] = {}
        self._beside: set[asyncio.Task[None]] = set()

    def flight(self, call_id: UUID) -> Flight | None:
        """The call, if this process made it and its end is not forgotten."""
        return self._flights.get(call_id)

    def take_off(self, account: UUID, call_id: UUID, call: ModelCall) -> Flight:
        """Send it. The row of the call is committed before."""
        flight = Flight(call_id, account, call.model)
        self._flights[call_id] = flight
        flight.task = asyncio.create_task(self._fly(flight, call))
        flight.task.add_done_callback(lambda task: self._landed(flight, task))
        return flight

    async def hear(self, flight: Flight, ear: Ear) -> Ended:
        """Its end; `ear` is told everything from the beginning. Who is cancelled here leaves it to fly on."""
        if flight.task is None:
            raise RuntimeError("the call was not sent")
        flight.wanted = True
        if flight.said:
            await ear("".join(flight.said))
        flight.ear = ear
        return await asyncio.shield(flight.task)

    def leave(self, flight: Flight) -> None:
        """Nobody waits for it any more: its reply is kept when it comes."""
        flight.wanted, flight.ear = False, None
        if flight.reply is not None and not flight.kept:
            self._spawn(self._keep(flight, flight.reply))

    async def keep(self, flight: Flight) -> None:
        """Save its reply at once, though nothing is made of it."""
        if flight.reply is not None and not flight.kept:
            await self._keep(flight, flight.reply)

    def saved(self, flight: Flight) -> None:
        """Its end is written in the transaction at hand. Should that be lost, it is still known here for a while."""
        flight.kept = True

    def handed(self, flight: Flight) -> None:
        """Its reply goes to somebody who saves it; if he does not, it is kept here."""
        asyncio.get_running_loop().call_later(self.schedule.handed, self._still_ours, flight)

    async def close(self) -> None:
        """Give what is under way its last chance; what is cut off then is booked as it began."""
        flights = tuple(self._flights.values())
        flying = [f.task for f in flights if f.task is not None and not f.task.done()]
        if flying:
            await asyncio.wait(flying, timeout=self.schedule.patience)
            for task in flying:
                task.cancel()
            await asyncio.wait(flying, timeout=self.schedule.patience)
        for flight in flights:
            self.leave(flight)
            if flight.began is not None and flight.task is not None and flight.task.cancelled():
                self._spawn(self._cut_off(flight, flight.began))
        if self._beside:
            await asyncio.wait(tuple(self._beside), timeout=self.schedule.patience)
        for beside in tuple(self._beside):
            beside.cancel()

    # ── In the air ────────────────────────────────────────────────────────────────────────────────────────────

    async def _fly(self, flight: Flight, call: ModelCall) -> Ended:
        async def began(message_id: str, usage: Usage) -> None:
            flight.began = usage
            self._spawn(self._started(flight, message_id, usage))

        async def heard(text: str) -> None:
            flight.said.append(text)
            if flight.ear is not None:
                await flight.ear(text)

        try:
            reply = await self._model.ask(call, Hearing(began, heard))
        except ModelFailed as failed:
            await self._save_failed(flight, failed)
            return failed
        if not flight.wanted:
            await self._keep(flight, reply)
        return reply

    def _landed(self, flight: Flight, task: asyncio.Task[Ended]) -> None:
        flight.said.clear()
        if task.cancelled() or (not flight.wanted and task.exception() is None):
            self._flights.pop(flight.id, None)
            return
        if (bug := task.exception()) is not None:
            # Who waits for it hears of it too; where nobody does, this line is all.
            log.error("a call ended by %s", type(bug).__name__)
            self._flights.pop(flight.id, None)
            return
        asyncio.get_running_loop().call_later(self.schedule.handed * 2, self._flights.pop, flight.id, None)

    def _still_ours(self, flight: Flight) -> None:
        if not flight.kept:
            self.leave(flight)

    # ── What is saved beside the turn ─────────────────────────────────────────────────────────────────────────

    async def _started(self, flight: Flight, message_id: str, usage: Usage) -> None:
        """What is owed from now on, should this process die. Its failure only matters then."""
        if flight.task is not None and flight.task.done():
            return  # it has ended meanwhile, and says more
        try:
            async with self._store.transaction(flight.account) as unit:
                await unit.conversations.started(flight.id, usage, message_id, cost(flight.model, usage))
        except Exception as failure:  # noqa: BLE001 - the turn goes on; the end of the call brings the same tokens
            log.warning("the beginning of a call was not noted: %s", type(failure).__name__)

    async def _save_failed(self, flight: Flight, failed: ModelFailed) -> None:
        usage = failed.usage if failed.started else None

        async def save() -> None:
            async with self._store.transaction(flight.account) as unit:
                await unit.conversations.failed(
                    flight.id,
                    failed.failure,
                    failed.status,
                    usage,
                    cost(flight.model, failed.usage),
                    request_id=failed.request_id,
                )
            flight.kept = True

        await self._stubbornly("failure", save)

    async def _cut_off(self, flight: Flight, began: Usage) -> None:
        """This process ends before the call does: nobody will know how it ended. What had not begun may come to nothing,
        so whoever takes the turn up, or the clock, counts that.
        """

        async def save() -> None:
            async with self._store.transaction(flight.account) as unit:
                price = cost(flight.model, began)
                await unit.conversations.failed(flight.id, None, 0, began, price, unknown=True)

        await self._stubbornly("call that was cut off", save)

    async def _keep(self, flight: Flight, reply: ModelReply) -> None:
        """The reply stands beside its call until it is used, or for ever."""

        async def save() -> None:
            async with self._store.transaction(flight.account) as unit:
                await unit.conversations.answered(flight.id, reply, cost(flight.model, reply.usage))
            flight.kept = True

        await self._stubbornly("reply", save)

    async def _stubbornly(self, what: str, save: Callable[[], Awaitable[None]]) -> None:
        """The database may be away for a moment; what cannot be saved at all is counted as unknown by the next turn."""
        for wait in (*self.schedule.saving, None):
            try:
                return await save()
            except Exception as failure:  # noqa: BLE001 - the turn must not end by it
                log.warning("a %s was not saved: %s", what, type(failure).__name__)
                if wait is None:
                    return None
            await asyncio.sleep(wait)
        return None

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)
