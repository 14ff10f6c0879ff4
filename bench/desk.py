"""Measures the desk on a real PostgreSQL: receive, handle and deliver beside bare statements, and as a Session grows."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import event, text

from bench.ground import Ground, ground, percentiles, word
from bot import wiring
from engine.effects import Lane

RECEIVED = 1500
TURNS = 150
STEPS = 200
BARE_TABLE = (
    "create table bare (id bigint generated always as identity primary key, key text unique, said bytea)"
)
BARE_INSERT = "insert into bare (key, said) values (%s, %s)"
BARE_UPDATE = "update bare set said = %s where id = 1"
PLAIN = "What I see is number {number} of many odd things, zq{number}."


async def measure() -> list[dict[str, object]]:
    async with ground() as under:
        with psycopg.connect(under.owner_url, autocommit=True) as owner:
            owner.execute(BARE_TABLE)
            owner.execute("grant all on bare to public")
        parts = await under.build()
        try:
            rows = [await _receive(under, parts, at_once) for at_once in (1, 16)]
            rows += await _turns(under, parts)
            rows.append(await _growth(under, parts))
        finally:
            await parts.close()
    return rows


def run() -> list[dict[str, object]]:
    """Rows of receive, handle and deliver with p50/p99 in ms, and of the growth of one Session."""
    return asyncio.run(measure())


# ── receive ─────────────────────────────────────────────────────────────────────────────────────────────────


async def _receive(under: Ground, parts: wiring.Parts, at_once: int) -> dict[str, object]:
    """The row in the inbox, committed, beside one insert of the same bytes by psycopg on the same number of
    connections. The two take turns, so that a noisy neighbour disturbs both alike.
    """
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        under.settings.database_url,
        min_size=1,
        max_size=4,
        open=False,
        kwargs={"autocommit": True, "prepare_threshold": None},
    )
    await pool.open(wait=True)
    sealed = under.settings.keys.encode() * 8

    async def ours() -> None:
        await parts.desk.receive(word("say", "nobody", text="hello"))

    async def bare() -> None:
        async with pool.connection() as connection:
            await connection.execute(BARE_INSERT, (str(uuid4()), sealed))

    for _ in range(20):
        await asyncio.gather(*(ours() for _ in range(at_once)), *(bare() for _ in range(at_once)))
    spent: dict[str, list[float]] = {"ours": [], "bare": []}
    seconds = {"ours": 0.0, "bare": 0.0}
    for _ in range(10):
        for name, work in (("ours", ours), ("bare", bare)):
            took, each = await _many(work, RECEIVED // 10, at_once)
            seconds[name] += took
            spent[name] += each
    await pool.close()
    _forget(under)
    p50, p99 = percentiles(spent["ours"])
    bare50, bare99 = percentiles(spent["bare"])
    return {
        "what": f"receive, {at_once} at once",
        "per_second": round(RECEIVED / seconds["ours"]),
        "p50_ms": p50,
        "p99_ms": p99,
        "bare": "one psycopg insert + commit",
        "bare_per_second": round(RECEIVED / seconds["bare"]),
        "bare_p50_ms": bare50,
        "bare_p99_ms": bare99,
        "ratio_p50": round(p50 / bare50, 2),
    }


async def _many(work: Callable[[], Awaitable[None]], count: int, at_once: int) -> tuple[float, list[float]]:
    spent: list[float] = []
    left = iter(range(count))

    async def one_after_another() -> None:
        for _ in left:
            began = time.perf_counter()
            await work()
            spent.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(one_after_another() for _ in range(at_once)))
    return time.perf_counter() - began, spent


def _forget(under: Ground) -> None:
    """The words for nobody are closed, so that they do not stand before the ones that are measured next."""
    with psycopg.connect(under.owner_url, autocommit=True) as owner:
        owner.execute("update inbox set state = 'done' where state = 'new'")


# ── handle and deliver ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Talk:
    """One person in one thread, answering step after step. Times are seconds."""

    under: Ground
    parts: wiring.Parts
    session: UUID | None = None
    place: UUID | None = None
    handled: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)

    async def begin(self) -> None:
        order = str(self.under.user)
        said = "Something odd happens on this machine and nobody knows why, zq"
        await self.parts.desk.receive(word("say", order, text=said))
        await self.parts.desk.handle(f"console:{order}")
        async with self.parts.store.transaction(self.under.account) as unit:
            query = text("select id from ai_sessions order by created_at desc limit 1")
            self.session = (await unit.connection.execute(query)).scalar_one()
        await self._deliver()
        async with self.parts.store.transaction(self.under.account) as unit:
            places = await unit.places.of_session(self._id)
        self.place = places[0].id

    @property
    def _id(self) -> UUID:
        assert self.session is not None
        return self.session

    async def step(self, number: int) -> float:
        """One answer through the whole desk; seconds of handle and deliver."""
        args = {"session": str(self._id), "step": str(number)}
        said = {"text": PLAIN.format(number=number)}
        order = str(self.place)
        await self.parts.desk.receive(
            word("submit", order, verb="cannot_do", place=order, args=args, fields=said)
        )
        began = time.perf_counter()
        await self.parts.desk.handle(f"console:{order}")
        self.handled.append(time.perf_counter() - began)
        await self._deliver()
        return self.handled[-1] + self.worked[-1] + self.shown[-1]

    async def _deliver(self) -> None:
        for lane, times in ((Lane.WORK, self.worked), (Lane.TALK, self.shown)):
            began = time.perf_counter()
            await self.parts.desk.deliver(self.under.account, self._id, lane)
            times.append(time.perf_counter() - began)

    async def count(self) -> int:
        async with self.parts.store.transaction(self.under.account) as unit:
            session = await unit.sessions.get(self._id)
        assert session is not None
        return session.step_count


async def _turns(under: Ground, parts: wiring.Parts) -> list[dict[str, object]]:
    """Answers in Sessions of ten steps, beside transactions with as many statements that do next to nothing."""
    talk = Talk(under, parts)
    statements = _Counting(parts.store)
    per_part: dict[str, list[int]] = {"handle": []}
    for turn in range(TURNS):
        if turn % 10 == 0:
            await talk.begin()
        before = statements.count
        await talk.step(turn % 10 + 1)
        per_part["handle"].append(statements.count - before)
    skip = TURNS // 10
    rows = []
    whole = [h + w + s for h, w, s in zip(talk.handled, talk.worked[skip:], talk.shown[skip:], strict=False)]
    handle_trips = await _trips_of_handle(under, parts, statements)
    bare = await _bare_transactions(under, handle_trips)
    rows.append(_row("handle", talk.handled, f"a transaction of {handle_trips} statements", bare))
    trips = round(statistics.median(per_part["handle"]))
    rows.append(_row("deliver work (the guide's step)", talk.worked[skip:]))
    rows.append(_row("deliver talk (cards)", talk.shown[skip:]))
    bare = await _bare_transactions(under, trips)
    rows.append(_row("one answer: handle + deliver", whole, f"{trips} statements", bare))
    return rows


def _row(
    what: str, spent: list[float], bare: str = "", bare_spent: list[float] | None = None
) -> dict[str, object]:
    p50, p99 = percentiles(spent)
    row: dict[str, object] = {
        "what": what, "per_second": round(len(spent) / sum(spent)), "p50_ms": p50, "p99_ms": p99,
    }  # fmt: skip
    if bare_spent:
        bare50, bare99 = percentiles(bare_spent)
        more = round(len(bare_spent) / sum(bare_spent))
        row |= {"bare": bare, "bare_per_second": more, "bare_p50_ms": bare50, "bare_p99_ms": bare99}
        row["ratio_p50"] = round(p50 / bare50, 2)
    return row


class _Counting:
    """Counts what goes to the database and comes back: statements, commits and rollbacks."""

    def __init__(self, store: Any) -> None:
        self.count = 0
        for name in ("before_cursor_execute", "commit", "rollback"):
            event.listen(store.engine.sync_engine, name, self._one)

    def _one(self, *_: Any, **__: Any) -> None:
        self.count += 1


async def _trips_of_handle(under: Ground, parts: wiring.Parts, statements: _Counting) -> int:
    """Round trips of `handle` for one answer, its look for a next row included."""
    talk = Talk(under, parts)
    await talk.begin()
    order = str(talk.place)
    args = {"session": str(talk.session), "step": "1"}
    await parts.desk.receive(
        word("submit", order, verb="cannot_do", place=order, args=args, fields={"text": "no"})
    )
    before = statements.count
    await parts.desk.handle(f"console:{order}")
    return statements.count - before


async def _bare_transactions(under: Ground, trips: int) -> list[float]:
    """One psycopg transaction each, of `trips` round trips: reads of one row, an update, and the commit."""
    connection = await psycopg.AsyncConnection.connect(under.settings.database_url, prepare_threshold=None)
    spent = []
    async with connection:
        await connection.execute(BARE_INSERT, (str(uuid4()), b""))
        await connection.commit()
        for number in range(TURNS):
            began = time.perf_counter()
            for _ in range(trips - 2):
                await (await connection.execute("select id, key from bare where id = %s", (1,))).fetchone()
            await connection.execute(BARE_UPDATE, (str(number).encode(),))
            await connection.commit()
            spent.append(time.perf_counter() - began)
    return spent


async def _growth(under: Ground, parts: wiring.Parts) -> dict[str, object]:
    """One Session of 200 steps: what an answer costs at its end beside what it cost at its beginning."""
    early: list[float] = []
    late: list[float] = []
    for _ in range(2):
        talk = Talk(under, parts)
        await talk.begin()
        spent = [await talk.step(number) for number in range(1, STEPS + 1)]
        if (steps := await talk.count()) != STEPS + 1:
            raise RuntimeError(f"the session came to {steps} steps instead of {STEPS + 1}")
        early += spent[1:20]
        late += spent[180:]
    first, last = statistics.median(early) * 1000, statistics.median(late) * 1000
    return {
        "what": "one answer at steps 180–200 beside steps 2–20",
        "p50_ms": round(last, 2),
        "bare": "the same answer at steps 2–20",
        "bare_p50_ms": round(first, 2),
        "ratio_p50": round(last / first, 2),
    }


def main() -> None:
    for row in run():
        print("  ".join(f"{name}={value}" for name, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
