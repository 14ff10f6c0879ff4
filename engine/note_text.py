"""The sentences and lines that notes are made of: readable on one line, capped, and no result lost."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from engine.history import History
from engine.psa import Ticket
from engine.session import Manner, Step, StepKind
from engine.tried import read_result

MOST_LINES = 40
"""So many steps get a line of their own; of a longer list the middle is folded."""
ENDS = 15
"""Lines kept whole at each end of a folded list."""
MOST_NAMED = 200
"""Up to so many steps the folded middle names each step; beyond, steps are grouped by their result."""

GOOD = frozenset({"fixed", "yes"})
BAD = frozenset({"no", "no_change"})
_UNSEEN = {"Cc", "Cf", "Cs", "Co"}
_FEW = 30


def one_line(text: str, limit: int = 300) -> str:
    """The text on one line of at most `limit` characters, without control and direction marks."""
    plain = " ".join(text.strip()[: limit * 8].split())
    if not plain.isprintable():
        plain = without_unseen(plain).strip()
    return plain if len(plain) <= limit else plain[: limit - 1].rstrip() + "…"


def without_unseen(text: str, kept: str = "") -> str:
    """The text without control and direction marks, half characters and private ones, but with those in `kept`."""
    # Every card is drawn through here. Few characters are different ones, and of those few are unseen.
    unseen = {c for c in set(text) if unicodedata.category(c) in _UNSEEN}.difference(kept)
    if len(unseen) > _FEW:
        return "".join(c for c in text if c not in unseen)
    for each in unseen:
        text = text.replace(each, "")
    return text


def storable(text: str) -> str:
    """The text as written, without what a database or a PSA refuses: NULs, control marks, half characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return without_unseen(lines, "\n").strip()


def sentence(text: str, limit: int = 300) -> str:
    """One line that ends like a sentence; empty stays empty."""
    line = one_line(text, limit)
    return line if not line or line[-1] in ".!?…" else f"{line}."


def labelled(label: str, parts: Iterable[str]) -> str:
    """`Label: sentence. sentence.`, or nothing when there is nothing to say."""
    said = [part for part in parts if part]
    return f"{label}: {' '.join(said)}" if said else ""


def cited(text: str, steps: Sequence[int], limit: int = 220) -> str:
    """A sentence and the Steps it rests on; 0 is the intake and the ticket."""
    named = [n for n in steps if n > 0]
    word = "step" if len(named) == 1 else "steps"
    rests = ([f"{word} {ranges(sorted(set(named)))}"] if named else []) + (["intake"] if 0 in steps else [])
    return sentence(f"{one_line(text, limit).rstrip('.;:, ')} ({', '.join(rests)})", limit + 400)


def capped(items: Sequence[str], most: int) -> tuple[str, ...]:
    """The first items and how many more there are."""
    if len(items) <= most:
        return tuple(items)
    return (*items[: most - 1], f"And {len(items) - most + 1} more.")


def result_of(step: Step, limit: int = 200) -> str:
    """What came of a Step, in words: what it was done before for, why it could not be done, or its result."""
    if step.outcome is None:
        return ""
    said = one_line(step.result, limit)
    match step.outcome.manner:
        case Manner.ALREADY_TRIED:
            return f"done before, {said or 'result not told'}"
        case Manner.CANNOT_DO:
            return f"could not be done{', ' + said if said else ''}"
        case _ if step.kind is StepKind.BRIEFING:
            return "briefing read and confirmed"
        case _:
            return said or "done, result not told"


def came_out(step: Step) -> str | None:
    """One of fixed, no_change, yes, no: as the chosen option declares it, else as its id or its words say it."""
    chosen = step.outcome.option if step.outcome is not None else None
    if means := declared(step):
        return means if means in GOOD | BAD else None
    return chosen if chosen in GOOD | BAD else read_result(step.result)


def declared(step: Step) -> str:
    """The outcome that its flow gave the option which was chosen; nothing outside a flow."""
    chosen = step.outcome.option if step.outcome is not None else None
    return next((o.outcome for o in step.options if o.id == chosen), "") if chosen else ""


def subject_of(step: Step, limit: int = 160) -> str:
    if step.kind is StepKind.BRIEFING:
        return "Handover"
    return one_line(step.text, limit).rstrip(".:;,")


def step_lines(history: History, limit: int = 200) -> tuple[str, ...]:
    """Every counting Step with its result, in order; the middle of a long list is folded into short entries.

    `limit`: characters of one result.
    """
    done = history.done
    several = len({step.outcome.by for step in done if step.outcome}) > 1
    if len(done) <= MOST_LINES:
        return tuple(_line(history, step, several, limit) for step in done)
    head, middle, tail = done[:ENDS], done[ENDS:-ENDS], done[-ENDS:]
    folded = _named(middle) if len(done) <= MOST_NAMED else _grouped(middle)
    span = f"Steps {middle[0].number} to {middle[-1].number} in short"
    return (
        *(_line(history, step, several, limit) for step in head),
        f"{span}: {folded}.",
        *(_line(history, step, several, limit) for step in tail),
    )


def _line(history: History, step: Step, several: bool, limit: int) -> str:
    by = step.outcome.by if step.outcome else None
    who = f" ({one_line(history.name(by), 60)})" if several else ""
    return sentence(f"Step {step.number}{who}, {subject_of(step)}: {result_of(step, limit)}", limit + 280)


def _named(steps: Sequence[Step]) -> str:
    return "; ".join(f"{s.number} {subject_of(s, 30)}: {result_of(s, 40).rstrip('.;')}" for s in steps)


def _grouped(steps: Sequence[Step]) -> str:
    by_result: dict[str, list[int]] = {}
    for step in steps:
        by_result.setdefault(result_of(step, 40).rstrip(".;"), []).append(step.number)
    return "; ".join(f"{result}: {ranges(numbers)}" for result, numbers in by_result.items())


def ranges(numbers: Sequence[int]) -> str:
    """`1, 3 to 5, 9` for ascending numbers."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in runs)


def problem_of(history: History, ticket: Ticket | None) -> str:
    """The problem in the requestor's words: the ticket's summary, else what the technician was told."""
    written = history.session.intake.text
    for said in (ticket.summary if ticket else "", written, history.session.problem_summary):
        line = one_line(said, 300)
        if sum(c.isalpha() for c in line) >= 4:
            return line
    return ""


def environment_of(ticket: Ticket | None) -> tuple[str, ...]:
    """Company, site and devices as the ticket names them, as sentences."""
    if ticket is None:
        return ()
    where = ", ".join(
        one_line(part, 80) for part in (ticket.company.name if ticket.company else "", ticket.site) if part
    )
    devices = [
        ", ".join(one_line(part, 80) for part in (c.name, c.type, c.operating_system) if part)
        for c in ticket.configurations
    ]
    return tuple(sentence(part) for part in (where, *capped(devices, 8)) if part)
