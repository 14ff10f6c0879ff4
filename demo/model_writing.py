"""Packages, briefings, notes and ticket summaries in the words of the record, each sentence with the steps it rests on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from demo.model_prompt import Prompt
from demo.model_reading import Answered, answered_steps, result_of
from demo.model_refusals import Json

REPORT = re.compile(r'<(untrusted-[\w-]+) source="report">\n(.*?)\n</\1>', re.DOTALL)
TICKET = re.compile(r'<(untrusted-[\w-]+) source="ticket">\n(.*?)\n</\1>', re.DOTALL)
KNOWN = re.compile(r"^(Confirmed|Ruled out) \(step (\d+)\): (.+)$", re.MULTILINE)
CAUSE = re.compile(r"^Possible cause: (.+?) \((step .+)\)$", re.MULTILINE)
WAITING = re.compile(r"^Step (\d+) \([a-z_]+\): “(.*)”\nNot answered yet\.", re.MULTILINE)
SAID = re.compile(
    r"^(?:(\d{4}-\d{2}-\d{2} \d{2}:\d{2}) )?([^\n:]{2,60}):\n(.+?)(?=\n\n|\Z)", re.MULTILINE | re.DOTALL
)
MOST = 6
CUSTOMER = "The problem is solved. It was checked that everything works as before."


def write(prompt: Prompt) -> Json:
    """The answer for the purpose that the schema's names tell; {} for another schema, which then gets plain values."""
    writer = WRITERS.get(prompt.purpose)
    return writer(prompt.text) if writer is not None else _other(prompt.schema)


def _sentence(text: str, *cites: int) -> Json:
    line = " ".join(text.split())
    line = line if len(line) <= 390 else line[:389].rstrip() + "…"
    return {"text": line if line.endswith((".", "!", "?", "…")) else f"{line}.", "cites": list(cites)}


def _package(text: str) -> Json:
    steps = answered_steps(text)
    return {
        "situation": _situation(text),
        "background": (_confirmed(text) + _negative(steps))[:MOST],
        "assessment": _causes(text),
        "recommendation": _left(text, steps),
    }


def _briefing(text: str) -> Json:
    steps = answered_steps(text)
    last = [_sentence(_result(steps[-1]), steps[-1].number)] if steps else []
    return {"sentences": [*_situation(text)[:1], *_confirmed(text)[-2:], *last]}


def _note(text: str) -> Json:
    steps = [step for step in answered_steps(text) if not step.impossible]
    checks = [step for step in steps if step.kind == "verification"]
    did = [step for step in steps if step.kind in {"action", "script"}]
    solved = [step for step in did if result_of(step.words) == "fixed"] or did[-1:]
    return {
        "fix": [_sentence(_result(step), step.number) for step in solved[-1:]],
        "verification": [_sentence(_result(step), step.number) for step in checks[-1:]],
        "customer": CUSTOMER if solved else "",
    }


def _blocks(text: str, source: str) -> list[str]:
    found = re.finditer(rf'<(untrusted-[\w-]+) source="{source}">\n(.*?)\n</\1>', text, re.DOTALL)
    return [hit[2] for hit in found]


def _ticket(text: str) -> Json:
    summary = " ".join(_blocks(text, "ticket summary")).strip()
    description = " ".join(_blocks(text, "ticket description"))
    rows = [
        {"when": row[1] or "", "who": row[2], "text": " ".join(_sentences(row[3])[:2])}
        for note in _blocks(text, "ticket note")
        if (row := SAID.match(note))
    ]
    problem = (
        " ".join([_sentence(summary)["text"], *_sentences(description)[:2]]) if summary else description[:300]
    )
    return {"problem": problem, "said": rows[:15][::-1]}


def _situation(text: str) -> list[Json]:
    report, ticket = REPORT.search(text), TICKET.search(text)
    told = _sentences(report[2])[:2] if report else []
    if ticket and not told:
        told = [re.sub(r"^(?:Ticket \d+|Summary): ", "", ticket[2].splitlines()[0])]
    return [_sentence(one, 0) for one in told]


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"(?<=[.!?])\s+|\n", text) if part.strip()]


def _confirmed(text: str) -> list[Json]:
    return [
        _sentence(f"Ruled out: {said}" if kind == "Ruled out" else said, int(number))
        for kind, number, said in KNOWN.findall(text)
    ]


def _negative(steps: list[Answered]) -> list[Json]:
    without = (step for step in steps if result_of(step.words) == "no_change")
    return [_sentence(_result(step), step.number) for step in without]


def _result(step: Answered) -> str:
    """A step with what came of it, in its own words."""
    text = step.text.rstrip(".?!: ")
    return f"{text}: {step.words or 'done'}"


def _causes(text: str) -> list[Json]:
    found = []
    for cause, evidence in CAUSE.findall(text):
        steps = sorted({int(number) for number in re.findall(r"\bstep (\d+):", evidence)})
        because = re.sub(r"step \d+: ", "", evidence)
        found.append(_sentence(f"{cause}: {because}", *steps))
    return found[:MOST]


def _left(text: str, steps: list[Answered]) -> list[Json]:
    left = [
        _sentence(f"Could not be done: {_result(step)}", step.number) for step in steps if step.impossible
    ]
    return [*left, *(_sentence(f"Left to do: {said}", int(number)) for number, said in WAITING.findall(text))]


def _other(schema: Json) -> Json:
    """A word for every text and a yes for every question of a schema nobody told us about."""
    plain = {"string": "Ready.", "boolean": True}
    named = (schema.get("properties") or {}).items()
    return {
        name: plain[part["type"]] for name, part in named if part.get("type") in plain and "enum" not in part
    }


WRITERS: Mapping[str, Callable[[str], Json]] = {
    "package": _package,
    "briefing": _briefing,
    "note": _note,
    "ticket": _ticket,
}
