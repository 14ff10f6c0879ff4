"""Runs an evaluation: the servers, the guide that is configured, the cases run after run, as far as the purse goes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from bench.evaluation import AT_ONCE
from bench.evaluation_cases import Case, CaseWrong, read_cases
from bench.evaluation_desk import LimitReached, Played, Stage, play, stopped
from bench.evaluation_report import Outcome, Result
from bench.evaluation_score import judge, seen_of
from bench.ground import Ground, Quiet, ground
from bot import wiring
from bot.cli_claude import MEANWHILE, claude
from bot.settings import Settings, SettingWrong, meanings, read
from bot.settings_check import problems
from demo.model import practice_model
from demo.psa import practice_psa
from engine.model import Purpose, Usage
from storage.library import built_in_flows

FLOWS = {flow.id: flow for flow in built_in_flows()}


class NotPlayed(Exception):
    """Nothing was played; the message says why and what to do."""


@dataclass(slots=True)
class Purse:
    """What was spent, in microdollars; empty at `limit` (0 for any)."""

    limit: int = 0
    spent: int = 0

    def take(self, microdollars: int) -> None:
        """Raises LimitReached."""
        self.spent += microdollars
        if self.empty:
            raise LimitReached

    @property
    def empty(self) -> bool:
        return 0 < self.limit <= self.spent


@dataclass(slots=True)
class Running:
    """Run after run, `at_once` cases at a time; each end is told in a line."""

    stage: Stage
    purse: Purse
    at_once: int
    outcomes: list[Outcome] = field(default_factory=list)

    async def all(self, cases: Sequence[Case], seeds: Sequence[int]) -> None:
        waiting = iter([(case, seed) for seed in seeds for case in cases])

        async def one_after_another() -> None:
            for case, seed in waiting:
                if self.purse.empty:
                    return
                outcome = await self._one(case, seed)
                if outcome is not None:
                    self.outcomes.append(outcome)
                    print(_line(outcome), file=sys.stderr, flush=True)

        async with (
            asyncio.TaskGroup() as group
        ):  # ends when all have, so that nothing is taken from under one
            for _ in range(self.at_once):
                group.create_task(one_after_another())

    async def _one(self, case: Case, seed: int) -> Outcome | None:
        try:
            return outcome_of(await play(self.stage, case, seed))
        except LimitReached:
            return None
        except Exception as broken:  # noqa: BLE001 - a case that breaks the desk is a result, and others follow
            stopped()
            why = str(broken) or type(broken).__name__
            return Outcome(case.name, case.expect.domain[0], case.tags, seed, {"end": f"broke: {why}"[:300]})


def outcome_of(game: Played) -> Outcome:
    case, usage = game.case, sum((call.usage for call in game.calls), Usage())
    steps = [step for step in game.history.steps if not step.beside]
    return Outcome(
        case.name,
        case.expect.domain[0],
        case.tags,
        game.seed,
        dict(judge(case, seen_of(game, FLOWS)).wrong),
        asked=game.asked,
        led=game.led,
        seconds=game.seconds,
        cost=sum(call.cost for call in game.calls),
        usage=usage,
        calls=len(game.calls),
        models=tuple(sorted({call.model for call in game.calls})),
        steps=len(steps),
        steps_of_model=len([step for step in steps if step.guide != "offline"]),
        asides=tuple(step.aside for step in steps if step.aside),
        guessed=len(game.guessed),
    )


def _line(outcome: Outcome) -> str:
    wrong = "; ".join(f"{name}: {why}" for name, why in outcome.wrong.items())
    return f"run {outcome.run}  {'ok    ' if outcome.passed else 'failed'}  {outcome.case}  {wrong}".rstrip()


@asynccontextmanager
async def guided(given: Settings, *, scripted: bool) -> AsyncIterator[tuple[str, Settings]]:
    """The kind of guide, and the settings that lead to it. Raises NotPlayed where its key is of no use."""
    if scripted:
        async with practice_model() as model:
            yield "scripted", replace(Settings(), anthropic_api_key=model.key, anthropic_base_url=model.url)
        return
    for what, verdict, sentence in await claude(given, problems(given)):
        if verdict == "wrong":
            raise NotPlayed(f"{what}: {sentence.removesuffix(MEANWHILE).strip()} Nothing was played.")
    yield "claude" if given.anthropic_api_key else "offline", given


@asynccontextmanager
async def grounded() -> AsyncIterator[Ground]:
    """Servers that are stopped even where Ctrl-C comes while they start: it waits until they have."""
    async with AsyncExitStack() as stack:
        starting = asyncio.create_task(stack.enter_async_context(ground()))
        try:
            under = await asyncio.shield(starting)
        except asyncio.CancelledError:
            await starting
            raise
        yield under


async def played(
    settings: Settings, cases: Sequence[Case], runs: int, purse: Purse, at_once: int = AT_ONCE
) -> tuple[Outcome, ...]:
    """Every case once a run, on a desk with these servers and this model, as far as the purse goes."""
    async with practice_psa() as psa:
        parts = await wiring.build(replace(settings, psa_allow_hosts=urlsplit(psa.url).netloc), Quiet())
        running = Running(Stage(parts, psa, purse.take), purse, at_once)
        try:
            await running.all(cases, range(1, runs + 1))
        finally:
            await parts.close()
    return tuple(sorted(running.outcomes, key=lambda o: (o.run, o.domain, o.case)))


async def evaluated(
    cases: Sequence[Case], runs: int, given: Settings, *, scripted: bool, limit: float, at_once: int
) -> Result:
    """The seeds are 1, 2, 3 …; `limit` in dollars. Raises NotPlayed."""
    purse = Purse(round(limit * 1_000_000))
    async with guided(given, scripted=scripted) as (kind, chosen), grounded() as under:
        settings = replace(under.settings, **{name: getattr(chosen, name) for name in _OF_MODEL})
        began = datetime.now(UTC)
        outcomes = await played(settings, cases, runs, purse, at_once)
    official = chosen.anthropic_base_url == meanings()["ANTHROPIC_BASE_URL"][0]
    purposes = [purpose for purpose in Purpose if purpose is not Purpose.CHECK] if kind != "offline" else []
    return Result(
        kind=kind,
        address="" if official or kind != "claude" else chosen.anthropic_base_url,
        models=tuple(f"{purpose.value} {chosen.models.of(purpose)}" for purpose in purposes),
        began=began.strftime("%Y-%m-%d %H:%M UTC"),
        seconds=(datetime.now(UTC) - began).total_seconds(),
        at_once=at_once,
        cases=len(cases),
        runs=runs,
        cut=purse.empty,
        outcomes=outcomes,
    )


_OF_MODEL = (
    "anthropic_api_key",
    "anthropic_base_url",
    "model_turn",
    "model_package",
    "model_briefing",
    "model_note",
    "model_ticket",
    "model_seconds",
)


NOT_PLAYED = (NotPlayed, CaseWrong, SettingWrong)
"""What `run` raises, each with a sentence that says why and what to do."""


def run(names: Sequence[str], runs: int, *, scripted: bool, limit: float, at_once: int) -> Result:
    """The cases with these names, all without, with the guide that the environment names."""
    cases = read_cases(names)
    return asyncio.run(evaluated(cases, runs, read(), scripted=scripted, limit=limit, at_once=at_once))
