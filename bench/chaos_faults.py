"""What breaks while people work: processes, Redis, PostgreSQL and the practice ConnectWise, by seed."""

from __future__ import annotations

import asyncio
import random
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bench.chaos_desk import LEASE, ThrowawayDesk
from bench.chaos_processes import Process

FLUSH_EVERY = 4.0
STOP_FOR = LEASE * 2
WRITES = "POST,PATCH"
OUR_WRITES = r"/apis/3\.0/(service|time|project)/"
SENDING = """
select l.holder from psa_post_log p
join lanes l on l.subject_id = p.session_id and l.lane = 'work'
where p.state = 'sending' and p.sending_since > clock_timestamp() - interval '1.5 seconds'
  and l.leased_until > clock_timestamp()
"""


def psa_faults(seed: int) -> list[dict[str, Any]]:
    """The rules of the practice ConnectWise: about every third write meets one of them."""
    writes: dict[str, Any] = {"method": WRITES, "path": OUR_WRITES}
    rules: list[dict[str, Any]] = [
        {"kind": "delay", "probability": 0.12, "delay_before": 1.2, **writes},
        # Carried out after the caller's deadline, and still within what the settle time allows for.
        {"kind": "delay", "probability": 0.06, "delay_before": 2.0, **writes},
        {"kind": "delay", "probability": 0.05, "delay_after": 2.0, **writes},
        {"kind": "lost_reply", "probability": 0.08, **writes},
        {"kind": "dropped", "probability": 0.04, **writes},
        {"kind": "server_error", "probability": 0.03, "stored": False, **writes},
        {"kind": "server_error", "probability": 0.03, "stored": True, **writes},
        {"kind": "html", "probability": 0.02, "status": 502, "stored": True, **writes},
        {"kind": "broken_json", "probability": 0.02, **writes},
        {"kind": "too_many_requests", "probability": 0.01, "retry_after": 2, **writes},
        {"kind": "server_error", "probability": 0.03, "method": "GET", "path": OUR_WRITES},
        {"kind": "down", "probability": 0.02, "method": "GET", "path": OUR_WRITES},
        {"kind": "delay", "probability": 0.03, "delay_before": 0.8, "method": "GET", "path": OUR_WRITES},
    ]
    return [{**rule, "seed": seed * 1000 + number} for number, rule in enumerate(rules)]


@dataclass(slots=True)
class Broken:
    """What was really done."""

    kills: int = 0
    kills_while_sending: int = 0
    flushes: int = 0
    crashes: int = 0
    stops: int = 0


@dataclass(slots=True)
class Faults:
    """`kills` are spread over about `seconds`; `over` is set once all of them happened."""

    desk: ThrowawayDesk
    rng: random.Random
    kills: int
    crashes: int
    seconds: float
    done: Broken = field(default_factory=Broken)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _busy: set[int] = field(default_factory=set)

    async def run(self) -> None:
        """Until cancelled; what was stopped goes on at the end."""
        try:
            async with asyncio.TaskGroup() as group:
                for work in (self._kill(), self._flush(), self._crash(), self._stop()):
                    group.create_task(work)
        finally:
            for process in self.desk.processes.of("worker"):
                self.desk.processes.send(process, signal.SIGCONT)

    async def _kill(self) -> None:
        """Workers more often than webs, clocks seldom; every third worker while it writes to the PSA."""
        pause = self.seconds / max(1, self.kills)
        while self.done.kills < self.kills:
            await asyncio.sleep(self.rng.uniform(0.4, 1.6) * pause)
            kind = self.rng.choices(("worker", "web", "clock"), (65, 30, 5))[0]
            target = None
            if kind == "worker" and self.rng.random() < 0.5:
                target = await self._sending(1.5)
                self.done.kills_while_sending += target is not None
            target = target or await self._living(kind)
            if target is not None and self.desk.processes.send(target, signal.SIGKILL):
                self.done.kills += 1
        self.over.set()
        await asyncio.Event().wait()

    async def _living(self, kind: str) -> Process | None:
        ends = asyncio.get_running_loop().time() + 2
        while asyncio.get_running_loop().time() < ends:
            up = [p for p in self.desk.processes.of(kind) if p.pid and p.pid not in self._busy]
            if up:
                return self.rng.choice(up)
            await asyncio.sleep(0.05)
        return None

    async def _sending(self, seconds: float) -> Process | None:
        """A worker that has a write to the PSA in hand just now."""
        ends = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < ends:
            with suppress(SQLAlchemyError, OSError):
                async with self.desk.store.transaction(self.desk.account) as unit:
                    holders = (await unit.connection.execute(text(SENDING))).scalars().all()
                for holder in holders:
                    process = self.desk.processes.by_pid(int(str(holder).rpartition(":")[2]))
                    if process is not None and process.pid not in self._busy:
                        return process
            await asyncio.sleep(0.02)
        return None

    async def _stop(self) -> None:
        """A worker stands still for twice its lease in the middle of a push, then goes on as if nothing were."""
        while True:
            await asyncio.sleep(self.rng.uniform(4, 9))
            target = await self._sending(3)
            if target is None:
                continue
            pid = target.pid
            self._busy.add(pid)
            if self.desk.processes.send(target, signal.SIGSTOP):
                self.done.stops += 1
                await asyncio.sleep(STOP_FOR)
                self.desk.processes.send(target, signal.SIGCONT)
            self._busy.discard(pid)

    async def _flush(self) -> None:
        redis = Redis.from_url(self.desk.servers[0].redis_url, socket_timeout=1)
        try:
            while True:
                await asyncio.sleep(FLUSH_EVERY)
                with suppress(RedisError, OSError):
                    await redis.flushall()
                    self.done.flushes += 1
        finally:
            await redis.aclose()

    async def _crash(self) -> None:
        for number in range(self.crashes):
            await asyncio.sleep(self.seconds * (number + self.rng.uniform(0.4, 0.7)) / self.crashes)
            self.done.crashes += await self.desk.crash_postgres()
        await asyncio.Event().wait()
