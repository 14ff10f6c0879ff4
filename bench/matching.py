"""Measures finding a flow at 1,000, 10,000 and 100,000 flows, beside a bare bm25s query over the same texts."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from types import MappingProxyType

import bm25s  # type: ignore[import-untyped]

from engine.flows import Flow, FlowState
from engine.matching import build_index, match
from engine.terms import terms

SIZES = (1_000, 10_000, 100_000)
QUERIES = 200
SYMPTOMS = 4

_THINGS = """printer scanner laptop mailbox calendar browser firewall switch router server database backup monitor
keyboard headset phone tablet camera projector licence certificate folder share drive disk account
profile group policy tunnel gateway proxy resolver cluster host snapshot volume queue driver update
patch agent sensor badge terminal invoice report dashboard workflow connector plugin template macro
formula signature archive rule filter quota token session""".split()  # noqa: SIM905
_TROUBLES = """fails freezes stops disappears refuses loops hangs crashes expires disconnects flickers beeps stutters
duplicates overwrites truncates rejects delays blocks corrupts resets restarts overheats leaks stalls""".split()  # noqa: SIM905
_PLACES = """office warehouse branch kitchen lobby reception basement laboratory studio workshop clinic school shop
factory depot garage library theatre harbour airport""".split()  # noqa: SIM905
_SYLLABLES = """ba ce di fo gu ka le mi no pu ra se ti vo wu xa ye zi""".split()  # noqa: SIM905


def run(sizes: Sequence[int] = SIZES, queries: int = QUERIES) -> list[dict[str, object]]:
    """One row per size: flows, texts, build seconds, p50/p99 in ms of `match` and of a bare bm25s `retrieve` (k=3)."""
    return [_row(size, queries) for size in sizes]


def _row(size: int, queries: int) -> dict[str, object]:
    rng = random.Random(size)
    flows = [_flow(rng, number) for number in range(size)]
    asked = [_sentence(rng, rng.choice(flows)) for _ in range(queries)]

    started = time.perf_counter()
    index = build_index(flows, ())
    built = time.perf_counter() - started

    bare, bare_texts = _bare(flows)
    ours = _timed(lambda text: match(index, text), asked)
    theirs = _timed(lambda text: bare.retrieve([terms(text)], k=3, show_progress=False), asked)
    return {
        "flows": size,
        "texts": bare_texts,
        "build_s": round(built, 2),
        "match_p50_ms": _percentile(ours, 50),
        "match_p99_ms": _percentile(ours, 99),
        "bm25s_p50_ms": _percentile(theirs, 50),
        "bm25s_p99_ms": _percentile(theirs, 99),
    }


def _bare(flows: Sequence[Flow]) -> tuple[bm25s.BM25, int]:
    """The competitor: the same texts in a plain bm25s index, queried as its manual shows, without score or grouping."""
    texts = [
        text for flow in flows for text in (*flow.symptoms, flow.title, flow.summary, " ".join(flow.keywords))
    ]
    bare = bm25s.BM25(backend="numpy", auto_compile=False)
    bare.index([terms(text) for text in texts], show_progress=False)
    return bare, len(texts)


def _flow(rng: random.Random, number: int) -> Flow:
    own = "".join(rng.choice(_SYLLABLES) for _ in range(3))
    thing, trouble, place = rng.choice(_THINGS), rng.choice(_TROUBLES), rng.choice(_PLACES)
    symptoms = tuple(
        f"the {own} {thing} in the {place} {rng.choice(_TROUBLES)} when the {rng.choice(_THINGS)} {rng.choice(_TROUBLES)}"
        for _ in range(SYMPTOMS)
    )
    return Flow(
        id=f"flow-{number}",
        title=f"{own} {thing} {trouble}",
        domain="bench",
        summary=f"The {own} {thing} {trouble} after the {rng.choice(_THINGS)} {rng.choice(_TROUBLES)}",
        symptoms=symptoms,
        keywords=(own, thing, place),
        state=FlowState.VALIDATED,
        start="start",
        nodes=MappingProxyType({}),
        source="bench",
    )


def _sentence(rng: random.Random, flow: Flow) -> str:
    words = rng.choice(flow.symptoms).split()
    kept = [word for word in words if rng.random() > 0.25]
    return " ".join(["since monday", *kept, rng.choice(_PLACES), "please have a look"])


def _timed(ask: Callable[[str], object], asked: Sequence[str]) -> list[float]:
    for text in asked[:5]:
        ask(text)
    spent: list[float] = []
    for text in asked:
        started = time.perf_counter()
        ask(text)
        spent.append((time.perf_counter() - started) * 1000)
    return spent


def _percentile(spent: Sequence[float], percent: int) -> float:
    return round(statistics.quantiles(spent, n=100)[percent - 1], 2)


def main() -> None:
    for row in run():
        print("  ".join(f"{name}={value}" for name, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
