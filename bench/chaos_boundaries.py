"""Ends or stops a worker at every boundary of a push, one after another, and counts what arrives in ConnectWise."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from bench.chaos_check import hits, posts_of
from bench.chaos_desk import ThrowawayDesk, throwaway_desk
from bench.chaos_people import CONTACTS
from bench.chaos_processes import CLONE, Process
from engine.effects import Post, RetryPosts
from engine.ports import PostState
from engine.session import Intake, IntakeType, Session, Status
from storage.store import Unit

LEASE, DEADLINE, SETTLE = 1.5, 1.0, 4.0
LATE, UNHURRIED = 2.6, 0.6
"""Seconds by which the practice ConnectWise carries a write out later than it came: after the caller's deadline and
after the dead worker's lease, and before the settle time is over."""
STOPPED = 2 * LEASE + SETTLE + 1.0
"""A stopped worker wakes up when another one has already posted what it was about to post."""
MANNERS = ("stopped", "killed on leaving", "killed on coming back")
"""Those that stand still come first: the others die meanwhile."""
KINDS = ("note", "time")
SETTINGS = {
    "FLOWPILOT_LEASE_SECONDS": str(LEASE),
    "FLOWPILOT_PSA_DEADLINE_SECONDS": str(DEADLINE),
    "FLOWPILOT_PSA_SETTLE_SECONDS": str(SETTLE),
}
MOST = 400
REST_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Case:
    """One Session with one owed part; the worker that takes it ends or stops at boundary `at`, 0 for never."""

    session: UUID
    kind: str
    manner: str
    at: int


async def main(every: int = 1, again: int = 3) -> list[str]:
    """Every `every`-th boundary of a push, in each manner; the write itself `again` times. Gives what is wrong; prints one line per manner."""
    async with throwaway_desk(webs=0, workers=0, clocks=1, settings=SETTINGS) as desk:
        ticket = await _ticket(desk)
        await _slow_writes(desk, UNHURRIED)
        async with _forked_from_one(desk) as children:
            counted = await _count(desk, children, ticket)
            cases: list[Case] = []
            for turn, manner in enumerate(MANNERS):
                for kind in KINDS:
                    for at in _chosen(*counted[kind], turn, every, again):
                        cases.append(Case(await _owe(desk, ticket, kind), kind, manner, at))  # noqa: PERF401 - awaits
            await _slow_writes(desk, LATE)
            await _let_them_die(desk, children, cases)
        await desk.practice("DELETE", "faults")
        await _rest(desk)
        await _retry(desk)
        return await _verdict(desk, cases, counted)


async def _slow_writes(desk: ThrowawayDesk, seconds: float) -> None:
    late = {"kind": "delay", "method": "POST", "path": r"/(notes|time/entries)", "delay_before": seconds}
    await desk.practice("PUT", "faults", [late])


def _chosen(counted: int, in_flight: int, turn: int, every: int, again: int) -> list[int]:
    """Every n-th boundary, each manner beginning at another one; those around the write itself always."""
    around = [at for at in range(in_flight - 1, in_flight + 2) for _ in range(again)]
    return sorted([at for at in range(1, counted + 1) if (at + turn) % every == 0] + around)


async def _ticket(desk: ThrowawayDesk) -> dict[str, Any]:
    asked = {"summary": "Printer prints nothing", "contact": CONTACTS[0]}
    made: dict[str, Any] = await desk.practice("POST", "tickets", asked)
    return made


async def _owe(desk: ThrowawayDesk, ticket: dict[str, Any], kind: str) -> UUID:
    """A resolved Session that owes one part and nothing else."""
    session_id = uuid4()
    async with desk.store.transaction(desk.account) as unit:
        connection = (await unit.accounts.connections())[0].id
        owner = desk.users["anna"]
        session = Session(
            session_id,
            desk.account,
            owner,
            Intake(IntakeType.PSA_TICKET, "Printer", ticket_id=ticket["id"]),
            Status.RESOLVED,
            unit.now,
            unit.now,
            ticket_id=ticket["id"],
            connection_id=connection,
        )
        await unit.sessions.save(None, session)
        await unit.posts.owe(
            session_id, f"resolution:{kind}", kind, "resolution", owner, connection, ticket["id"],
            _content(kind, ticket, owner, session_id, unit), None,
        )  # fmt: skip
        post = (await unit.posts.of_session(session_id))[0]
        # Not due until its own worker was told to take it: nobody else may be first.
        await unit.outbox.owe(session_id, (Post(post_id=post.id, due=unit.now + timedelta(hours=1)),))
    return session_id


def _content(
    kind: str, ticket: dict[str, Any], owner: UUID, session_id: UUID, unit: Unit
) -> dict[str, object]:
    about: dict[str, object] = {"ticket_id": ticket["id"], "record_type": "ServiceTicket", "member_id": 101}
    if kind == "note":
        return {**about, "text": f"Done in {session_id}", "visibility": "internal", "technician": ""}
    begun = unit.now - timedelta(minutes=5)
    return {
        **about,
        "engineer": str(owner),
        "start": begun.isoformat(),
        "end": unit.now.isoformat(),
        "notes": f"Worked on {session_id}",
        "internal_notes": f"Detail of {session_id}",
    }


async def _count(
    desk: ThrowawayDesk, children: asyncio.subprocess.Process, ticket: dict[str, Any]
) -> dict[str, tuple[int, int]]:
    """How many boundaries an undisturbed push of each kind has, and which of them is the write under way."""
    cases = [Case(await _owe(desk, ticket, kind), kind, MANNERS[0], 0) for kind in KINDS]
    told = await _tell(desk, children, cases)
    counted = {case.kind: told[str(case.session)] for case in cases}
    for kind, one in counted.items():
        if not one["slow"]:
            raise RuntimeError(f"the push of a {kind} did not wait for ConnectWise")
    return {kind: (min(MOST, one["crossed"]), one["slow"][-1]) for kind, one in counted.items()}


@asynccontextmanager
async def _forked_from_one(desk: ThrowawayDesk) -> AsyncIterator[asyncio.subprocess.Process]:
    """The process whose children die: it has imported everything, so that each of them is there at once."""
    with (desk.folder / "boundaries.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.chaos_boundary_child", cwd=CLONE, env=dict(desk.processes.environment),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def _tell(
    desk: ThrowawayDesk, children: asyncio.subprocess.Process, cases: list[Case]
) -> dict[str, Any]:
    """Runs them; gives session → what it told, for those that lived on."""
    assert children.stdin is not None
    assert children.stdout is not None
    listed = [{"session": str(c.session), "manner": c.manner, "at": c.at} for c in cases]
    given = {"account": str(desk.account), "stopped": STOPPED, "cases": listed}
    children.stdin.write(json.dumps(given).encode() + b"\n")
    told = await children.stdout.readline()
    if not told:
        raise RuntimeError(f"the boundary workers ended with {await children.wait()}")
    found: dict[str, Any] = json.loads(told)
    return found


async def _let_them_die(desk: ThrowawayDesk, children: asyncio.subprocess.Process, cases: list[Case]) -> None:
    """While they die and stop, one whole worker picks up what they leave, as soon as their leases allow."""
    desk.processes.start(Process("worker-1", "worker", ["worker"], {}))
    await _tell(desk, children, cases)
    await _make_due(desk)


async def _rest(desk: ThrowawayDesk) -> None:
    """Until every part has ended, one way or the other."""
    ends = time.monotonic() + REST_SECONDS
    while time.monotonic() < ends:
        states = {post.state for post in await posts_of(desk)}
        if states <= {PostState.POSTED, PostState.FAILED, PostState.UNKNOWN}:
            return
        await asyncio.sleep(0.3)


async def _retry(desk: ThrowawayDesk) -> None:
    """What so many deaths at once used up the tries of is visibly failed or unknown: somebody presses Retry."""
    stuck = [post for post in await posts_of(desk) if post.state is not PostState.POSTED]
    async with desk.store.transaction(desk.account) as unit:
        for post in stuck:
            await unit.outbox.owe(post.session_id, (RetryPosts(),))
    ends = time.monotonic() + REST_SECONDS
    while time.monotonic() < ends:
        if all(post.state is PostState.POSTED for post in await posts_of(desk)):
            break
        await asyncio.sleep(0.3)
    why = Counter(post.problem for post in stuck)
    print(f"{len(stuck)} parts were visibly failed or unknown and posted with Retry: {dict(why)}", flush=True)


async def _make_due(desk: ThrowawayDesk) -> None:
    """Those that died before they took the part: it is due now for anybody."""
    async with desk.store.transaction(desk.account) as unit:
        statement = "update outbox set due_at = now() where state = 'owed' and verb = 'Post'"
        await unit.connection.execute(text(statement))


async def _verdict(desk: ThrowawayDesk, cases: list[Case], counted: dict[str, tuple[int, int]]) -> list[str]:
    there = await desk.practice("GET", "state")
    by_session = {post.session_id: post for post in await posts_of(desk)}
    wrong, missing, twice = [], Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for case in cases:
        post = by_session[case.session]
        count = hits(post, there)
        if count != 1 or post.state is not PostState.POSTED:
            wrong.append(f"{case.kind} {case.manner} at {case.at}: {count} in ConnectWise, {post.state}")
        missing[case.kind, case.manner] += count == 0
        twice[case.kind, case.manner] += count > 1
    for kind in KINDS:
        for manner in MANNERS:
            tried = sum(1 for c in cases if (c.kind, c.manner) == (kind, manner))
            print(
                f"push of a {kind}, {manner}: {tried} times at {counted[kind][0]} boundaries, "
                f"{missing[kind, manner]} missing, {twice[kind, manner]} duplicates",
                flush=True,
            )
    return wrong
