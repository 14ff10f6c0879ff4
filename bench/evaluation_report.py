"""What came of an evaluation, counted: rates with their spread over the runs, cost, tokens, latency, and what failed."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.__main__ import table
from bench.evaluation_score import CRITERIA
from engine.model import Usage

Row = dict[str, Any]
NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case in one run. `wrong`: criterion → why. `led`: moves the technician found himself. `cost`: microdollars."""

    case: str
    domain: str
    tags: tuple[str, ...]
    run: int
    wrong: Mapping[str, str]
    asked: int = 0
    led: int = 0
    seconds: tuple[float, ...] = ()
    cost: int = 0
    usage: Usage = NO_USAGE
    calls: int = 0
    models: tuple[str, ...] = ()
    steps: int = 0
    steps_of_model: int = 0
    asides: tuple[str, ...] = ()
    guessed: int = 0

    @property
    def passed(self) -> bool:
        return not self.wrong


@dataclass(frozen=True, slots=True)
class Result:
    """`kind`: offline, scripted or claude; `address`: where it is no address of Anthropic; `cut`: the cost limit ended it."""

    kind: str
    address: str
    models: tuple[str, ...]
    began: str
    seconds: float
    at_once: int
    cases: int
    runs: int
    cut: bool
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """A rate of 0–1 in the worst, the middle and the best run; `of` outcomes in each."""

    least: float
    median: float
    most: float
    of: int

    def __str__(self) -> str:
        least, median, most = (f"{100 * rate:.0f}" for rate in (self.least, self.median, self.most))
        return f"{median} %" if least == most else f"{median} % ({least}–{most})"


def spread(outcomes: Iterable[Outcome], met: Callable[[Outcome], bool]) -> Spread:
    """Raises ValueError where there is no outcome."""
    by_run: dict[int, list[bool]] = {}
    for outcome in outcomes:
        by_run.setdefault(outcome.run, []).append(met(outcome))
    if not by_run:
        raise ValueError("there is no outcome")
    rates = [sum(found) / len(found) for found in by_run.values()]
    return Spread(min(rates), statistics.median(rates), max(rates), max(map(len, by_run.values())))


def overall(result: Result) -> Spread:
    return spread(result.outcomes, lambda o: o.passed)


def by_criterion(result: Result) -> dict[str, Spread]:
    return {name: spread(result.outcomes, lambda o, name=name: name not in o.wrong) for name in CRITERIA}  # type: ignore[misc]


def by_domain(result: Result) -> dict[str, Spread]:
    domains = sorted({o.domain for o in result.outcomes})
    return {d: spread([o for o in result.outcomes if o.domain == d], lambda o: o.passed) for d in domains}


def by_tag(result: Result) -> dict[str, Spread]:
    tags = sorted({tag for o in result.outcomes for tag in o.tags})
    return {t: spread([o for o in result.outcomes if t in o.tags], lambda o: o.passed) for t in tags}


def failing(result: Result) -> list[tuple[str, int, str]]:
    """Case, in how many runs it failed, and each reason once; the most often failing first."""
    found: dict[str, list[Outcome]] = {}
    for outcome in result.outcomes:
        if outcome.wrong:
            found.setdefault(outcome.case, []).append(outcome)
    rows = []
    for case, failed in found.items():
        reasons = dict.fromkeys(f"{name}: {why}" for o in failed for name, why in o.wrong.items())
        rows.append((case, len(failed), "; ".join(reasons)))
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def percentile(values: Sequence[float], percent: int) -> float:
    """0 of nothing; the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


def figures(result: Result) -> Row:
    """What it took: cost in dollars, tokens, seconds of a turn, and who made the steps."""
    done = result.outcomes
    used = sum((o.usage for o in done), Usage())
    turns = [seconds for o in done for seconds in o.seconds]
    steps, of_model = sum(o.steps for o in done), sum(o.steps_of_model for o in done)
    solo = [o for o in done if o.led]
    return {
        "cases_played": len(done),
        "seconds_in_all": round(result.seconds),
        "turn_p50_s": round(percentile(turns, 50), 3),
        "turn_p95_s": round(percentile(turns, 95), 3),
        "turns": len(turns),
        "steps": steps,
        "steps_of_the_model": of_model,
        "left_to_the_offline_guide": _counted(aside for o in done for aside in o.asides),
        "led_by_the_technician": len(solo),
        "calls": sum(o.calls for o in done),
        "cost_usd": round(sum(o.cost for o in done) / 1_000_000, 4),
        "cost_usd_per_case": round(sum(o.cost for o in done) / 1_000_000 / max(1, len(done)), 5),
        "tokens_input": used.input,
        "tokens_cache_read": used.cache_read,
        "tokens_cache_write": used.cache_write,
        "tokens_output": used.output,
    }


def _counted(names: Iterable[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(Counter(names).items())) or "never"


def title(result: Result) -> str:
    """What was run, so that nobody takes it for something else."""
    match result.kind:
        case "offline":
            return "Offline guide"
        case "scripted":
            return "Scripted model: tries the plumbing and says nothing about Claude's quality"
        case _ if result.address:
            return f"A model at {result.address}, which is not Anthropic itself"
        case _:
            return "Claude"


def told(result: Result) -> str:
    """For a terminal."""
    rates = [
        ("all", overall(result)),
        *by_criterion(result).items(),
        *by_domain(result).items(),
        *by_tag(result).items(),
    ]
    parts = [
        f"{title(result)} · {result.began} · {result.cases} cases × {result.runs} runs",
        table(
            [{"passed": name, "median (worst–best run)": str(rate), "cases": rate.of} for name, rate in rates]
        ),
        table([{"what": name, "value": value} for name, value in figures(result).items()]),
    ]
    if rows := failing(result):
        parts.append(table([{"failed": case, "runs": runs, "why": why[:160]} for case, runs, why in rows]))
    if result.cut:
        parts.append("The cost limit ended it: the last runs are not whole.")
    return "\n\n".join(parts)
