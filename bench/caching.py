"""Measures what a Session of twelve turns costs with a technician who takes his time: simulated, without waiting for it."""

from __future__ import annotations

import asyncio
import random
import statistics
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID, uuid4

from bench import caching_desk as desk
from bench import caching_rules as rules
from bench import caching_story as story
from bench.caching_rules import Request
from bench.ground import Ground, ground
from bench.turns import guided
from bot import wiring
from bot.claude.preview import AT, GO_ON
from bot.guiding import OfflineGuide
from demo.model import PracticeModel, practice_model
from demo.model_cache import Usage
from demo.model_room import Settings
from engine.desk import Desk
from engine.effects import Lane
from engine.events import Event, SessionStarted, StepAnswered
from engine.model import Models
from engine.pricing import price_of
from engine.session import Intake, IntakeType, Person, Step
from storage.library import Libraries

SESSIONS = 20
WITH_BREAKS = 10
SEED = 20
MINUTES = (1.0, 25.0)
LONG_MINUTES = (70.0, 180.0)
LONG = (2, 6)
"""So many of the eleven gaps are longer than an hour, in Sessions of their own."""
DESK, WORDS = "ticket, log and flow", "words only"
MOST_ANSWERS = 40
AT_ONCE = timedelta(seconds=20)
COLD = timedelta(hours=3)
"""Between two Sessions, so that none finds the frozen text of the one before in the cache."""
PRICE = price_of(Models().turn)


def run() -> list[dict[str, object]]:
    """Dollars per Session at the price of the model for turns; shares in percent."""
    return asyncio.run(_rows())


async def _rows() -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    async with ground() as under:
        async with desk.connected(under) as parts, office(under, parts, parts.guide) as at:
            quick = [await at_the_desk(at, n, breaks=0) for n in range(SESSIONS)]
            slow = {breaks: [await at_the_desk(at, n, breaks) for n in range(WITH_BREAKS)] for breaks in LONG}
        rows += _of_quick(DESK, quick)
        rows += [row for breaks, some in slow.items() for row in _of_slow(DESK, some, breaks)]
        parts = await under.build()
        # Without flows: which one would be followed is chance here, and the written answers know of none.
        bare = OfflineGuide(parts.store, Libraries((), ()))
        try:
            async with office(under, parts, bare) as at:
                quick = [await in_words(at, n, breaks=0) for n in range(SESSIONS)]
                slow = {
                    breaks: [await in_words(at, n, breaks) for n in range(WITH_BREAKS)] for breaks in LONG
                }
        finally:
            await parts.close()
    rows += _of_quick(WORDS, quick)
    return [*rows, *(row for breaks, some in slow.items() for row in _of_slow(WORDS, some, breaks))]


# ── One Session ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class At:
    """The product as it is wired with a key, but for its flows, beside the practice model in the vendor's place."""

    parts: wiring.Parts
    desk: Desk
    practice: PracticeModel
    account: UUID
    person: Person

    def later(self, by: timedelta) -> None:
        """Time goes by for the product and for the vendor."""
        self.parts.store.offset += by
        self.practice.clock.forward(by.total_seconds())

    async def happens(self, session_id: UUID, event: Event) -> Step:
        async with self.parts.store.transaction(self.account) as unit:
            await unit.outbox.owe(session_id, await self.desk.apply(unit, session_id, event))
        await self.desk.deliver(self.account, session_id, Lane.WORK)
        async with self.parts.store.transaction(self.account) as unit:
            kept = await unit.sessions.get(session_id)
        if kept is None or kept.current is None:
            raise RuntimeError("the session has no step")
        return kept.current


@asynccontextmanager
async def office(under: Ground, parts: wiring.Parts, offline: OfflineGuide) -> AsyncIterator[At]:
    async with practice_model(settings=Settings(smallest_cached=rules.SMALLEST)) as practice:
        keyed = replace(
            under.settings,
            anthropic_api_key=practice.key,
            anthropic_base_url=practice.url,
            daily_tokens=0,
        )
        model = wiring.language_model(keyed)
        if model is None:
            raise RuntimeError("there is no model")
        guide, writer = wiring.asking(keyed, parts.store, offline, model)
        try:
            yield At(parts, guided(parts, guide), practice, under.account, Person(under.user, "Ben Ortiz"))
        finally:
            await guide.close()
            await writer.close()
            await model.close()


async def at_the_desk(at: At, number: int, breaks: int) -> list[Request]:
    """Twelve calls about a ticket with a pasted log, along a flow as far as it leads."""
    rng, gaps = random.Random(f"{SEED} {number}"), _gaps(number, breaks)
    at.later(COLD)
    before, made = len(at.practice.asked), uuid4()
    step = await at.happens(made, SessionStarted(made, at.account, at.person, desk.intake(number)))
    calls = 0
    for _ in range(MOST_ANSWERS):
        asked = [entry for entry in at.practice.asked[before:] if entry.purpose == "turn"]
        if len(asked) >= story.TURNS:
            break
        # An answer that needs no call, as the one to a preview, is given at once.
        at.later(gaps.pop() if len(asked) > calls else AT_ONCE)
        calls = len(asked)
        step = await at.happens(made, desk.answer(rng, at.person, step))
    return _requests(at, before, number)


async def in_words(at: At, number: int, breaks: int) -> list[Request]:
    """Twelve turns without ticket and flow; every other Session begins with a pasted log."""
    rng, gaps = random.Random(f"{SEED} {number}"), _gaps(number, breaks)
    at.later(COLD)
    before, made = len(at.practice.asked), uuid4()
    at.practice.script(*story.answers(rng))
    digest = story.digest(rng) if number % 2 else ""
    kind = IntakeType.LOG_PASTE if digest else IntakeType.FREE_TEXT
    intake = Intake(kind, story.report(rng, number), log_digest=digest)
    step = await at.happens(made, SessionStarted(made, at.account, at.person, intake))
    step = await _agreed(at, made, step)
    while gaps:
        at.later(gaps.pop())
        step = await at.happens(made, StepAnswered(at.person, step.number, text=story.said(rng)))
    return _requests(at, before, number)


def _gaps(number: int, breaks: int) -> list[timedelta]:
    """Between the twelve calls; `breaks` of them are longer than an hour."""
    rng = random.Random(f"{SEED} {number} {breaks}")
    long = set(rng.sample(range(story.TURNS - 1), breaks))
    drawn = [rng.uniform(*(LONG_MINUTES if n in long else MINUTES)) for n in range(story.TURNS - 1)]
    return [timedelta(minutes=minutes) for minutes in reversed(drawn)]


def _requests(at: At, before: int, number: int) -> list[Request]:
    asked = [entry for entry in at.practice.asked[before:] if entry.purpose == "turn"]
    if len(asked) != story.TURNS or not all(entry.answered for entry in asked):
        raise RuntimeError(f"{len(asked)} requests for {story.TURNS} turns of session {number}")
    return [rules.request_at(entry.at, entry.body, entry.usage) for entry in asked]


async def _agreed(at: At, session_id: UUID, step: Step) -> Step:
    """Past the preview of a pasted log."""
    if step.stand.get("at") != AT:
        return step
    return await at.happens(session_id, StepAnswered(at.person, step.number, option=GO_ON))


# ── Rows ────────────────────────────────────────────────────────────────────────────────────────────────────


def _of_quick(what: str, sessions: Sequence[list[Request]]) -> list[dict[str, object]]:
    gaps = f"{what}: {story.TURNS} turns, gaps {MINUTES[0]:g}–{MINUTES[1]:g} min"
    told = {name: [rules.again(requests, rule) for requests in sessions] for name, rule in rules.RULES}
    for requests in sessions:
        if [each.usage for each in requests] != rules.again(requests, rules.as_sent, schema=False):
            raise RuntimeError("the requests priced again are not what the server told")
    told["the frozen text read by another session before"] = [rules.WARM(r, rules.as_sent) for r in sessions]
    plain = _dollars(told["without cache_control"])
    return [_row(f"{gaps}: {name}", usages, plain) for name, usages in told.items()]


def _of_slow(what: str, sessions: Sequence[list[Request]], breaks: int) -> list[dict[str, object]]:
    gaps = f"{what}: {breaks} of the gaps over an hour"
    named = (
        ("as the product does it", rules.as_sent),
        ("cache always on", rules.always),
        ("without cache_control", rules.unmarked),
    )
    told = {name: [rules.again(requests, rule) for requests in sessions] for name, rule in named}
    plain = _dollars(told["without cache_control"])
    return [_row(f"{gaps}: {name}", usages, plain) for name, usages in told.items()]


def _row(what: str, sessions: Sequence[list[Usage]], plain: float) -> dict[str, object]:
    shares = [share for usages in sessions for share in rules.read_shares(usages)]
    output = sum(u.output for usages in sessions for u in usages) * PRICE.output / 1e9 / len(sessions)
    spent = _dollars(sessions)
    return {
        "what": what, "sessions": len(sessions), "usd": round(spent, 4),
        "of_no_cache_pct": round(100 * spent / plain, 1),
        "prompt_alone_pct": round(100 * (spent - output) / (plain - output), 1), "output_usd": round(output, 4),
        "read_min_pct": round(100 * min(shares), 1), "read_median_pct": round(100 * statistics.median(shares), 1),
        "first_prompt": round(statistics.mean(usages[0].prompt for usages in sessions)),
        "last_prompt": round(statistics.mean(usages[-1].prompt for usages in sessions)),
        "output_a_turn": round(statistics.mean(u.output for usages in sessions for u in usages)),
    }  # fmt: skip


def _dollars(sessions: Sequence[list[Usage]]) -> float:
    """The mean of one Session."""
    return statistics.mean(rules.dollars(PRICE, usages) for usages in sessions)
