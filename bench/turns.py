"""Measures a turn with a model that takes no time, and 256 turns at once in one worker with one that takes five seconds."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID, uuid4

from bench.ground import Ground, ground, percentiles
from bench.memory import resident
from bot import wiring
from bot.claude.guide import ClaudeGuide
from bot.settings import read
from engine.desk import Desk
from engine.effects import Lane
from engine.events import SessionStarted, StepAnswered
from engine.model import DEAF, Hearing, ModelCall, ModelReply, StopReason, Usage
from engine.performing import Work
from engine.posting import Posting
from engine.session import Intake, IntakeType, Person

WINDOWS = {1: (1, 1), 10: (8, 12), 50: (48, 52)}
SESSIONS = 16
SHORT = 48
AT_ONCE = 256
LATENCY = 5.0
ODD = "Something odd happens on this machine and nobody knows why, zq. It began after lunch, says the user."
ANSWER = "I looked at it as you said and found number {number} in the list, with nothing else around it."
SAYS = "Open the list of running programs and sort it by memory. Which of them stands at the top, and how much does it take?"


class AtOnce:
    """A model that answers without any time going by, with the usage a real one would tell."""

    async def ask(self, call: ModelCall, hearing: Hearing = DEAF) -> ModelReply:
        usage = Usage(cache_read=5_000 + 200 * len(call.messages), cache_write=200, output=300)
        if hearing.started is not None:
            await hearing.started("msg_bench", usage)
        text = json.dumps(_answer(len(call.messages)))
        for at in range(0, len(text), 40):
            if hearing.text is not None:
                await hearing.text(text[at : at + 40])
        return ModelReply(text, StopReason.END_TURN, usage, "msg_bench", "req_bench", call.model)

    async def close(self) -> None: ...


def _answer(number: int) -> dict[str, object]:
    return {
        "say": f"{number}. {SAYS}", "kind": "question", "why": "A program that takes too much shows itself there.",
        "rests_on": "intake", "say_to_user": "",
        "options": [{"label": "Something stands out", "means": "yes"}, {"label": "Nothing does", "means": "no"}],
        "script": {"language": "", "text": "", "risk": "", "rollback": ""}, "facts": [], "ruled_out": [],
        "hypotheses": [{"cause": "A program takes all memory", "state": "open", "evidence": []}], "confidence": 40,
        "problem_summary": "Something odd on one machine", "problem_domain": "endpoint",
        "flow": {"move": "none", "node": "", "reason": ""}, "saw": "", "asks_interface": False,
    }  # fmt: skip


def run() -> list[dict[str, object]]:
    """Times in ms; of the turns at once, the wall time in seconds and memory in MB."""
    return asyncio.run(_rows())


async def _rows() -> list[dict[str, object]]:
    async with ground() as under:
        rows = await _own_time(under)
        rows += [await _many(under, AT_ONCE, LATENCY)]
    return rows


# ── Our own time ────────────────────────────────────────────────────────────────────────────────────────────


async def _own_time(under: Ground) -> list[dict[str, object]]:
    """From the effect that is owed to the step that is saved, beside the same turn of the offline guide."""
    parts = await under.build()
    model = AtOnce()
    guide = ClaudeGuide(parts.guide, parts.store, model)
    spent: dict[str, dict[int, list[float]]] = {"claude": {}, "offline": {}}
    try:
        for name, desk in (("claude", guided(parts, guide)), ("offline", parts.desk)):
            for session in range(SESSIONS + SHORT):
                await _session(under, parts, desk, 52 if session < SESSIONS else 1, spent[name])
    finally:
        await guide.close()
        await parts.close()
    return [_row(turn, spent["claude"][turn], spent["offline"][turn]) for turn in WINDOWS]


def _row(turn: int, ours: list[float], offline: list[float]) -> dict[str, object]:
    p50, p99 = percentiles(ours)
    bare50, bare99 = percentiles(offline)
    return {
        "what": f"turn {turn}, a model without latency", "turns": len(ours), "p50_ms": p50, "p99_ms": p99,
        "bare": "the offline guide", "bare_p50_ms": bare50, "bare_p99_ms": bare99,
    }  # fmt: skip


async def _session(
    under: Ground, parts: wiring.Parts, desk: Desk, turns: int, spent: dict[int, list[float]]
) -> None:
    person, session = Person(under.user, "Ben Ortiz"), uuid4()
    started = SessionStarted(session, under.account, person, Intake(IntakeType.FREE_TEXT, ODD))
    for number in range(1, turns + 1):
        async with parts.store.transaction(under.account) as unit:
            said = StepAnswered(person, number - 1, text=ANSWER.format(number=number))
            owed = await desk.apply(unit, session, started if number == 1 else said)
            await unit.outbox.owe(session, owed)
        began = time.perf_counter()
        await desk.deliver(under.account, session, Lane.WORK)
        took = time.perf_counter() - began
        for turn, (first, last) in WINDOWS.items():
            if first <= number <= last:
                spent.setdefault(turn, []).append(took)


def guided(parts: wiring.Parts, guide: ClaudeGuide) -> Desk:
    """The wired desk with this guide in place of its own."""
    ours = parts.desk
    posting = Posting(parts.store, parts.doors, wiring.monotonic, wiring.post_limits(parts.settings))
    work = Work(parts.store, guide, parts.doors, posting, None)
    performers = {**ours._performers, Lane.WORK: work}
    return Desk(
        parts.store, parts.receiving, ours._front, performers, ours._bell, ours._renewal, ours._trouble,
        ours._holder, ours._limits,
    )  # fmt: skip


# ── Many at once ────────────────────────────────────────────────────────────────────────────────────────────


async def _many(under: Ground, count: int, latency: float) -> dict[str, object]:
    """In a worker's process of its own, with the vendor's SDK and a practice model in another one."""
    sessions = await _begun(under, count + 1)
    async with _practice(under, latency) as url:
        environment = {
            **under.environment(),
            "ANTHROPIC_API_KEY": "practice-bench",
            "ANTHROPIC_BASE_URL": url,
            "FLOWPILOT_WORK_SLOTS": str(count),
            "FLOWPILOT_DAILY_TOKENS": "0",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.turns", str(under.account), env=environment,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate(json.dumps([str(each) for each in sessions]).encode())
    told: dict[str, object] = json.loads(out)
    return {"what": f"{count} turns at once, a model that takes {latency:g} s", **told}


async def _begun(under: Ground, count: int) -> list[UUID]:
    parts = await under.build()
    person, sessions = Person(under.user, "Ben Ortiz"), [uuid4() for _ in range(count)]
    for session in sessions:
        started = SessionStarted(session, under.account, person, Intake(IntakeType.FREE_TEXT, ODD))
        async with parts.store.transaction(under.account) as unit:
            await unit.outbox.owe(session, await parts.desk.apply(unit, session, started))
    await parts.close()
    return sessions


@asynccontextmanager
async def _practice(under: Ground, latency: float) -> AsyncIterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "demo.model", "--port", "0", "--ready-file", str(ready),
            "--latency-seconds", str(latency), stdout=asyncio.subprocess.DEVNULL, env=under.environment(),
        )  # fmt: skip
        try:
            while not ready.exists():  # noqa: ASYNC110 - a file has no event
                await asyncio.sleep(0.05)
            yield ready.read_text(encoding="utf-8").strip()
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _in_this_process(account: UUID, sessions: Sequence[UUID]) -> dict[str, object]:
    """The first turn loads the SDK and is not counted."""
    parts = await wiring.build(read())
    await parts.desk.deliver(account, sessions[0], Lane.WORK)
    before = resident()
    peak = asyncio.create_task(_peak())
    began = time.perf_counter()
    spent: list[float] = []

    async def one(session: UUID) -> None:
        await parts.desk.deliver(account, session, Lane.WORK)
        spent.append(time.perf_counter() - began)

    await asyncio.gather(*(one(session) for session in sessions[1:]))
    wall = time.perf_counter() - began
    peak.cancel()
    highest = max(resident(), _highest[0])
    guided = await _guided(parts, account, sessions)
    await parts.close()
    return {
        "turns": len(spent),
        "guided": guided,
        "wall_s": round(wall, 2),
        "p50_ms": round(statistics.median(spent) * 1000),
        "resident_mb": round(before / 1e6, 1),
        "peak_mb": round(highest / 1e6, 1),
        "kb_per_turn": round((highest - before) / len(spent) / 1e3, 1),
    }


_highest = [0]


async def _peak() -> None:
    while True:
        _highest[0] = max(_highest[0], resident())
        await asyncio.sleep(0.05)


async def _guided(parts: wiring.Parts, account: UUID, sessions: Sequence[UUID]) -> int:
    """How many of them got a step of the model."""
    found = 0
    for session in sessions[1:]:
        async with parts.store.transaction(account) as unit:
            kept = await unit.sessions.get(session)
        found += bool(kept and kept.current and kept.current.guide == "claude")
    return found


def main() -> None:
    account, sessions = UUID(sys.argv[1]), [UUID(each) for each in json.loads(sys.stdin.read())]
    print(json.dumps(asyncio.run(_in_this_process(account, sessions))), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
