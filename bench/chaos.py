"""Kills things while people work and counts what is lost: `./dev chaos`, or `python -m bench.chaos`."""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bench import chaos_boundaries
from bench.chaos_check import Verdict, check, posts_of, vanished
from bench.chaos_desk import ThrowawayDesk, throwaway_desk
from bench.chaos_faults import Broken, Faults, psa_faults
from bench.chaos_people import People, Told
from bench.chaos_seen import Observer
from engine.ports import PostState

QUIET_SECONDS = 90.0
OWED = """
select (select count(*) from outbox where state = 'owed' and due_at < now() + interval '2 minutes'
          and verb not like 'Remind%')
     + (select count(*) from inbox where state = 'new')
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. `seconds`: over which its kills are spread; `people`: tickets in hand at once."""

    seed: int
    kills: int
    crashes: int
    seconds: float
    people: int
    logs: Path | None = None


@dataclass(slots=True)
class Run:
    """What one seed did and what came of it."""

    plan: Plan
    broken: Broken
    told: Told
    verdict: Verdict
    posts: int = 0
    retried: int = 0
    psa_faults: int = 0
    seconds: float = 0.0
    never_quiet: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        return [*self.verdict.wrong, *self.told.problems, *self.never_quiet]


async def run(plan: Plan) -> Run:
    """One seed from an empty desk to its verdict."""
    began = time.monotonic()
    rng = random.Random(plan.seed)
    async with (
        throwaway_desk() as desk,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as client,
    ):
        told = Told()
        observer = Observer(desk.store, desk.account)
        watching = asyncio.create_task(observer.run())
        people = People(desk, observer, told, rng, client)
        faults = Faults(desk, random.Random(plan.seed + 1), plan.kills, plan.crashes, plan.seconds)
        hit = await _work(desk, people, faults, plan)
        done = Run(plan, faults.done, told, Verdict(), psa_faults=hit)
        await _quiet(desk, done)
        posts = await posts_of(desk)
        lost = vanished(posts, await desk.practice("GET", "state"))
        done.retried = await _retry(desk, people, observer, done)
        done.verdict = await check(desk, told)
        done.verdict.missing += lost
        done.posts = len(await posts_of(desk))
        watching.cancel()
        if plan.logs is not None:
            shutil.copytree(desk.folder, plan.logs / f"seed-{plan.seed}", ignore=_all_but_logs)
    done.seconds = time.monotonic() - began
    return done


def _all_but_logs(_: str, names: list[str]) -> list[str]:
    return [name for name in names if not name.endswith(".log")]


async def _work(desk: ThrowawayDesk, people: People, faults: Faults, plan: Plan) -> int:
    """People work while things break; how many faults ConnectWise had."""
    await desk.practice("PUT", "faults", psa_faults(plan.seed))
    breaking = asyncio.create_task(faults.run())
    working = asyncio.create_task(people.work_until(faults.over, plan.people))
    try:
        await asyncio.wait({breaking, working}, return_when=asyncio.FIRST_COMPLETED)
        if breaking.done():
            await breaking
        await working
    finally:
        breaking.cancel()
        working.cancel()
        await asyncio.gather(breaking, working, return_exceptions=True)
    hit: int = sum(rule["hits"] for rule in await desk.practice("GET", "faults"))
    await desk.practice("DELETE", "faults")
    return hit


async def _quiet(desk: ThrowawayDesk, done: Run) -> None:
    """Until nothing is owed that is due soon."""
    ends = time.monotonic() + QUIET_SECONDS
    calm: int = 0
    while time.monotonic() < ends:
        with suppress(SQLAlchemyError, OSError):
            async with desk.store.transaction(desk.account) as unit:
                calm = calm + 1 if (await unit.connection.execute(text(OWED))).scalar_one() == 0 else 0
        if calm >= 3:
            return
        await asyncio.sleep(0.3)
    done.never_quiet.append(f"seed {done.plan.seed}: still not quiet after {QUIET_SECONDS:g} s")


async def _retry(desk: ThrowawayDesk, people: People, observer: Observer, done: Run) -> int:
    """Press Retry wherever something failed, is unknown or waits; how many parts that were."""
    stuck = [post for post in await posts_of(desk) if post.state is not PostState.POSTED]
    names = {user: name for name, user in desk.users.items()}
    for ticket in sorted({post.ticket_id for post in stuck if post.ticket_id is not None}):
        seen = observer.sessions[ticket]
        await people.retry(names[seen.owner], seen)
    # The words must be worked on before anything can be called quiet.
    await asyncio.sleep(1)
    await _quiet(desk, done)
    return len(stuck)


# ── What is printed ─────────────────────────────────────────────────────────────────────────────────────────

HEADS = (
    "seed", "kills", "sending", "stops", "flushes", "pg crashes", "psa faults", "tickets", "words", "repeats",
    "posts", "retried", "seconds", "MISSING", "DUPLICATES", "OUT OF ORDER", "words lost", "cards wrong", "other",
)  # fmt: skip


def row(name: str, runs: Sequence[Run]) -> list[str]:
    figures = [
        sum(r.broken.kills for r in runs),
        sum(r.broken.kills_while_sending for r in runs),
        sum(r.broken.stops for r in runs),
        sum(r.broken.flushes for r in runs),
        sum(r.broken.crashes for r in runs),
        sum(r.psa_faults for r in runs),
        sum(len(r.told.tickets) for r in runs),
        sum(len(r.told.words) for r in runs),
        sum(r.told.repeats for r in runs),
        sum(r.posts for r in runs),
        sum(r.retried for r in runs),
        round(sum(r.seconds for r in runs)),
        sum(len(r.verdict.missing) for r in runs),
        sum(len(r.verdict.duplicates) for r in runs),
        sum(len(r.verdict.out_of_order) for r in runs),
        sum(len(r.verdict.words_lost) for r in runs),
        sum(len(r.verdict.cards_wrong) for r in runs),
        sum(len(r.verdict.given_up) + len(r.told.problems) + len(r.never_quiet) for r in runs),
    ]
    return [name, *map(str, figures)]


def table(runs: Sequence[Run]) -> str:
    rows = [list(HEADS), *(row(str(r.plan.seed), [r]) for r in runs), row("total", runs)]
    widths = [max(len(r[i]) for r in rows) for i in range(len(HEADS))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(r, widths, strict=True)) for r in rows
    )


# ── The command ─────────────────────────────────────────────────────────────────────────────────────────────


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev chaos", description="Kills things while work is under way.")
    parser.add_argument("--seeds", type=int, default=5, help="how many runs, each from an empty desk")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--kills", type=int, default=200, help="kill -9 over all runs")
    parser.add_argument("--crashes", type=int, default=5, help="kill -9 of PostgreSQL over all runs")
    parser.add_argument("--sessions", type=int, default=14, help="tickets in hand at once")
    parser.add_argument(
        "--seconds", type=float, default=65.0, help="over which the kills of one run are spread"
    )
    parser.add_argument("--short", action="store_true", help="one seed, 15 kills, one crash")
    parser.add_argument(
        "--every",
        type=int,
        default=3,
        help="each n-th boundary in each manner; 3 tries each boundary once, 1 thrice",
    )
    parser.add_argument("--logs", type=Path, help="copy the processes' logs into this folder")
    parser.add_argument("--only", choices=("runs", "boundaries"), help="one half alone")
    return parser.parse_args(argv)


def plans(given: argparse.Namespace) -> list[Plan]:
    """The kills and crashes shared out evenly over the seeds."""
    if given.short:
        return [Plan(given.first, 15, 1, 12.0, 6, given.logs)]
    seeds = range(given.first, given.first + given.seeds)

    count: int = given.seeds

    def share(total: int, at: int) -> int:
        return total * (at + 1) // count - total * at // count

    return [
        Plan(
            seed, share(given.kills, at), share(given.crashes, at), given.seconds, given.sessions, given.logs
        )
        for at, seed in enumerate(seeds)
    ]


async def main(argv: Sequence[str]) -> int:
    """0 when nothing was lost, done twice or put out of order."""
    given = arguments(argv)
    wrong: list[str] = []
    if given.only != "boundaries":
        runs: list[Run] = []
        for plan in plans(given):
            runs.append(await run(plan))
            print(table(runs[-1:]), "\n", flush=True)
        print(table(runs), "\n", flush=True)
        wrong += [f"seed {r.plan.seed}: {sentence}" for r in runs for sentence in r.wrong]
    if given.only != "runs":
        wrong += await chaos_boundaries.main(every=12 if given.short else given.every)
    for sentence in wrong:
        print(sentence)
    print(
        "Nothing was lost, done twice or put out of order."
        if not wrong
        else f"{len(wrong)} things are wrong."
    )
    return 1 if wrong else 0


async def until_told_to_stop(argv: Sequence[str]) -> int:
    """SIGTERM ends everything that was started, as Ctrl-C does."""
    working = asyncio.ensure_future(main(argv))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, working.cancel)
    return await working


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(until_told_to_stop(sys.argv[1:])))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)
