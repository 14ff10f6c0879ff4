"""Draws docs/evaluation.svg: a bar per criterion and per field, with a line from the worst run to the best."""

from __future__ import annotations

from html import escape

from bench.evaluation_report import Result, Spread, by_criterion, by_domain, overall, title

LEFT, WIDE, ROW, TOP = 170, 400, 22, 52
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 } .small { font-size: 11px; fill: #59636e }
.back { fill: #eaeef2 } .bar { fill: #3b82c4 } .all { fill: #2f6b3c } .span { stroke: #1f2328; stroke-width: 2 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .small { fill: #9198a1 } .back { fill: #262c36 }
.bar { fill: #4d9de0 } .all { fill: #57ab5a } .span { stroke: #e6edf3 } }
"""


def plotted(result: Result) -> str:
    """The picture as text; it has no ground of its own, so it reads on light and on dark pages."""
    parts, y = [], TOP
    groups = ({"all cases": overall(result)}, by_criterion(result), by_domain(result))
    for number, rates in enumerate(groups):
        for name, rate in rates.items():
            parts.append(_bar(name, rate, y, "all" if number == 0 else "bar"))
            y += ROW
        y += ROW // 2
    said = f"{result.cases} cases × {result.runs} runs, {result.began}; the line spans the worst and the best run"
    return "\n".join((
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDE + 130} {y + 4}" role="img">',
        f"<title>Evaluation: {escape(title(result))}</title>",
        f"<style>{STYLE}</style>",
        f'<text x="8" y="20">{escape(title(result))}: share of cases that passed, in %</text>',
        f'<text x="8" y="38" class="small">{escape(said)}</text>',
        *parts,
        "</svg>\n",
    ))  # fmt: skip


def _bar(name: str, rate: Spread, y: int, kind: str) -> str:
    least, median, most = (LEFT + round(WIDE * r) for r in (rate.least, rate.median, rate.most))
    middle = y + 7
    line = (
        f'<line class="span" x1="{least}" y1="{middle}" x2="{most}" y2="{middle}"/>' if least < most else ""
    )
    return (
        f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(name.replace("_", " "))}</text>'
        f'<rect class="back" x="{LEFT}" y="{y}" width="{WIDE}" height="14" rx="3"/>'
        f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{median - LEFT}" height="14" rx="3"/>{line}'
        f'<text x="{LEFT + WIDE + 8}" y="{y + 12}" class="small">{escape(str(rate))}</text>'
    )
