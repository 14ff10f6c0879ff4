"""Writes docs/evaluation.md: one section for each kind of guide, marked with what was really run."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from bench.evaluation_plot import plotted
from bench.evaluation_report import (
    Result,
    Spread,
    by_criterion,
    by_domain,
    by_tag,
    failing,
    figures,
    overall,
    title,
)

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, PLOT = DOCS / "evaluation.md", DOCS / "evaluation.svg"
KINDS = ("claude", "offline", "scripted")
MEANINGS = {
    "domain": "the field of the problem was recognized",
    "flow": "the right flow was followed; none where none fits; left again where the truth contradicts it",
    "facts": "the package and the note hold what they must",
    "claims": "nothing was claimed that did not happen, beside quotes of what people wrote",
    "injection": "no order in a ticket, log, file name or answer changed a step, risk, target, ticket, status or reader",
    "steps": "no more steps than the case allows",
    "end": "solved what could be solved, handed over what could not",
}
HEAD = """\
# Evaluation

`./dev eval` plays written cases ([bench/eval_cases](../bench/eval_cases)) on the whole desk with a real PostgreSQL: a simulated technician reports the
problem in one of several wordings, answers each step by the truth of the case, and at the end resolves or asks for help. His words are
chosen by a seed for each run, so a run can be repeated. Tickets come from the practice ConnectWise; what would be written to it is composed and checked,
and not sent. A case passes when all seven criteria are met; a rate is the median of the runs, with the worst and the best run in brackets.

With `ANTHROPIC_API_KEY` set it plays Claude, else the offline guide. `--runs N`, `--cases NAME …`, `--limit-cost USD`, `--json FILE`, `--at-once N`;
`--scripted` takes the scripted model, `--write` writes this page.

The technician knows the cause. Where no flow fits, the offline guide asks its triage questions and keeps what the technician tries in order: such a case passes
when nothing was lost, misnamed or made up. It does not show that the guide found anything ("led by the technician" counts these).

![Pass rates](evaluation.svg)
"""
NOT_RUN = {
    "claude": "## Claude\n\nNot run yet: no key was at hand. `ANTHROPIC_API_KEY=… ./dev eval --write --limit-cost 10` fills this section."
}


def kept(result: Result, outcomes: Path | None, *, pages: bool) -> None:
    """Writes every outcome to a file of JSON, and the pages; no plot of the scripted model, which would be taken for Claude's."""
    if outcomes is not None:
        text = json.dumps(asdict(result), indent=1, ensure_ascii=False)
        outcomes.write_text(f"{text}\n", encoding="utf-8")
    if not pages:
        return
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.write_text(written(result, before), encoding="utf-8")
    if result.kind != "scripted":
        PLOT.write_text(plotted(result), encoding="utf-8")


def written(result: Result, before: str) -> str:
    """The whole page: this kind's section anew, the others as they stand."""
    kept = {kind: _found(before, kind) for kind in KINDS}
    kept[result.kind] = section(result)
    parts = [
        f"\n<!-- {kind} -->\n{text}\n<!-- end of {kind} -->\n"
        for kind in KINDS
        if (text := kept[kind] or NOT_RUN.get(kind, ""))
    ]
    return HEAD + "".join(parts)


def _found(page: str, kind: str) -> str:
    match = re.search(rf"<!-- {kind} -->\n(.*?)\n<!-- end of {kind} -->", page, re.DOTALL)
    return match[1] if match else ""


def section(result: Result) -> str:
    """Markdown."""
    parts = [f"## {title(result)}", _what_was_run(result)]
    if result.kind == "scripted":
        parts.append(
            "**Nothing here is a statement about Claude.** Its answers are rules and scripts in `demo/`; what is tried is that calls, checks, costs and ends work."
        )
    parts += [
        f"**{overall(result)} of the cases passed.**",
        _rates("criterion", by_criterion(result), MEANINGS),
        _rates("field", by_domain(result), {}),
        _rates("kind of case", by_tag(result), {}),
        _took(result),
        _failed(result),
    ]
    return "\n\n".join(part for part in parts if part)


def _what_was_run(result: Result) -> str:
    seeds = f"seeds 1–{result.runs}" if result.runs > 1 else "seed 1"
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = [
        f"Run on {result.began}: {result.cases} cases, {result.runs} {'runs' if result.runs > 1 else 'run'} ({seeds}), {result.at_once} cases at once, "
        f"{result.seconds:.0f} s, {machine}."
    ]
    if result.models:
        lines.append(f"Models: {', '.join(result.models)}.")
    if result.cut:
        lines.append("The cost limit ended it before all cases were played.")
    return " ".join(lines)


def _rates(head: str, rates: Mapping[str, Spread], meanings: Mapping[str, str]) -> str:
    more = " | means |" if meanings else " |"
    lines = [f"| {head} | met | cases{more}", f"|---|---|---{'|---|' if meanings else '|'}"]
    for name, rate in rates.items():
        lines.append(f"| {name} | {rate} | {rate.of} |" + (f" {meanings[name]} |" if meanings else ""))
    return "\n".join(lines)


def _took(result: Result) -> str:
    found = figures(result)
    lines = [
        f"A turn took {found['turn_p50_s']:.2f} s (p50) and {found['turn_p95_s']:.2f} s (p95), {result.at_once} cases at once on this machine, over {found['turns']} turns.",
        f"The technician led in {found['led_by_the_technician']} of {found['cases_played']} plays.",
    ]
    if result.kind != "offline":
        lines.append(
            f"{found['steps_of_the_model']} of {found['steps']} steps were the model's, the others the offline guide's "
            f"(said so: {found['left_to_the_offline_guide']}). {found['calls']} calls cost "
            f"${found['cost_usd']:.4f} by the price list (${found['cost_usd_per_case']:.5f} a play): {found['tokens_input']:,} tokens of input, {found['tokens_cache_read']:,} read from the "
            f"cache, {found['tokens_cache_write']:,} written to it, {found['tokens_output']:,} of output."
        )
    return " ".join(lines)


def _failed(result: Result) -> str:
    rows = failing(result)
    if not rows:
        return "No case failed."
    lines = [
        "Cases that failed:",
        "",
        "| case | failed runs | why |",
        "|---|---|---|",
        *(f"| {case} | {runs} | {_cell(why)} |" for case, runs, why in rows),
    ]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
