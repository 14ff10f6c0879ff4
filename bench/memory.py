"""Measures what a delivery that waits for a slow guide costs in memory, in one worker process."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import text

from bench.ground import Ground, ground, word
from bot import wiring
from bot.bells import LocalBell
from bot.jobs import Worker
from bot.settings import Settings, read
from engine.desk import Desk
from engine.effects import Lane
from engine.events import GuideReply
from engine.history import History
from engine.performing import Work
from engine.ports import Answered, Live
from engine.posting import Posting
from engine.psa import Ticket

WAITING = (1, 64, 512)
PATIENCE = 60.0


@dataclass(slots=True)
class SlowGuide:
    """Stands for a model that has not answered yet: it holds what a real call holds, the whole history."""

    waiting: int = 0
    answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def reply(self, history: History, ticket: Ticket | None, live: Live) -> Answered:
        self.waiting += 1
        await self.answer.wait()
        return Answered(GuideReply(step=None, hypotheses=(), confidence=0.0))


def resident() -> int:
    """Bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def run() -> list[dict[str, object]]:
    """One row per number of waiting deliveries: bytes per delivery, in a fresh process each."""
    return asyncio.run(_rows())


async def _rows() -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    async with ground() as under:
        for count in WAITING:
            sessions = await _sessions(under, count)
            rows.append(await _in_a_worker(under, sessions))
    return rows


async def _sessions(under: Ground, count: int) -> list[UUID]:
    """New Sessions that wait for their guide; the words are handled here so that the worker only delivers.

    One more than counted: the worker warms up with it.
    """
    parts = await under.build()
    async with parts.store.transaction(under.account) as unit:
        before = (await unit.connection.execute(text("select coalesce(max(id), 0) from outbox"))).scalar_one()
    for _ in range(count + 1):
        order = str(uuid4())
        await parts.desk.receive(word("say", order, text=f"Something odd happens {order}"))
        await parts.desk.handle(f"console:{order}")
    async with parts.store.transaction(under.account) as unit:
        query = text("select subject_id from outbox where verb = 'AskGuide' and id > :before")
        found = list((await unit.connection.execute(query, {"before": before})).scalars())
    await parts.close()
    return [UUID(str(each)) for each in found]


async def _in_a_worker(under: Ground, sessions: list[UUID]) -> dict[str, object]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.memory", str(under.account), env=under.environment(),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate(json.dumps([str(each) for each in sessions]).encode())
    told: dict[str, object] = json.loads(out)
    return told


async def _wait_in_one_process(account: UUID, sessions: list[UUID]) -> dict[str, object]:
    """As a worker does it: the first delivery warms everything up and is not counted."""
    settings = read()
    bell = LocalBell()
    parts = await wiring.build(settings, bell)
    guide = SlowGuide()
    worker = Worker(parts.store, _desk(parts, settings, guide), bell, {Lane.TALK: 16, Lane.WORK: 1024})
    worker.start_lane(account, sessions[0], Lane.WORK)
    await _until(guide, 1)
    gc.collect()
    before = resident()
    for session in sessions[1:]:
        worker.start_lane(account, session, Lane.WORK)
    await _until(guide, len(sessions))
    gc.collect()
    grown = resident() - before
    guide.answer.set()
    more = len(sessions) - 1
    return {
        "what": f"{more} more waiting guide calls in one worker",
        "resident_mb": round(before / 1e6, 1),
        "grown_mb": round(grown / 1e6, 2),
        "kb_per_delivery": round(grown / more / 1e3, 1),
    }


async def _until(guide: SlowGuide, count: int) -> None:
    ends = time.monotonic() + PATIENCE
    while guide.waiting < count:
        if time.monotonic() > ends:
            raise TimeoutError(f"{guide.waiting} of {count} deliveries wait")
        await asyncio.sleep(0.02)


def _desk(parts: wiring.Parts, settings: Settings, guide: SlowGuide) -> Desk:
    """The wired desk with the slow guide in the offline guide's place."""
    ours = parts.desk
    work = Work(
        parts.store,
        guide,
        parts.doors,
        Posting(parts.store, parts.doors, wiring.monotonic, wiring.post_limits(settings)),
        None,
    )
    performers = {**ours._performers, Lane.WORK: work}
    return Desk(
        parts.store, parts.receiving, ours._front, performers, ours._bell, ours._renewal, ours._trouble,
        ours._holder, ours._limits,
    )  # fmt: skip


def main() -> None:
    told = asyncio.run(
        _wait_in_one_process(UUID(sys.argv[1]), [UUID(each) for each in json.loads(sys.stdin.read())])
    )
    print(json.dumps(told), flush=True)
    # The waiting deliveries are not brought to an end: only their memory was asked for.
    os._exit(0)


if __name__ == "__main__":
    main()
