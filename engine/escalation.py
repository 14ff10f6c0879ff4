"""The escalation package: what the next engineer receives, each sentence with the Steps it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from engine.evidence import Support
from engine.fresh_eyes import blind
from engine.history import History
from engine.note_text import (
    BAD,
    came_out,
    capped,
    cited,
    declared,
    environment_of,
    labelled,
    one_line,
    problem_of,
    result_of,
    sentence,
    step_lines,
    subject_of,
)
from engine.psa import Ticket
from engine.session import Fact, Hypothesis, Json, Manner, NoteKind, Step, StepKind

PARTS = ("situation", "background", "assessment", "recommendation")
UNAVAILABLE = "Assessment unavailable: nothing points to a cause yet."
LONGEST_BRIEFING = 1_500
_OBSERVED = frozenset({StepKind.QUESTION, StepKind.INFORMATION_REQUEST})

Sentence = dict[str, Any]
"""`{"text": str, "cites": [step numbers]}`; 0 is the intake, the ticket and the request itself."""


def package(history: History, ticket: Ticket | None) -> dict[str, Any]:
    """The package as JSON: SBAR, Steps with results, observations, tickets, blockers, open hypotheses.

    Made by rules from the record. `assessment_state` is `rules`, or `unavailable` where nothing points to a cause.
    """
    escalation = history.session.escalation
    made: dict[str, Any] = {
        **_by_rules(history, ticket),
        "assessment_state": "rules",
        "steps": list(step_lines(history)),
        "step_count": len(history.done),
        "facts": [_fact(f) for f in history.facts],
        "ruled_out": [_fact(f) for f in history.ruled_out],
        "hypotheses": [_hypothesis(h) for h in history.open_hypotheses],
        "observations": _observations(history),
        "recent_tickets": _recent(ticket),
        "reason": one_line(escalation.reason, 600) if escalation else "",
        "blockers": one_line(escalation.blockers, 600) if escalation else "",
        "promised": one_line(escalation.promised, 600) if escalation else "",
        "requested_by": one_line(history.name(escalation.requested_by), 80) if escalation else "",
    }
    return checked(made, history, ticket)


# ── By rules ────────────────────────────────────────────────────────────────────────────────────────────────


def _by_rules(history: History, ticket: Ticket | None) -> dict[str, list[Sentence]]:
    return {
        "situation": _situation(history, ticket),
        "background": _background(history, ticket),
        "assessment": _assessment(history),
        "recommendation": _recommendation(history),
    }


def _says(text: str, *cites: int) -> list[Sentence]:
    line = sentence(text, 400)
    return [{"text": line, "cites": sorted(set(cites))}] if line and cites else []


def _situation(history: History, ticket: Ticket | None) -> list[Sentence]:
    escalation = history.session.escalation
    contact = ticket.contact.name if ticket and ticket.contact else ""
    company = ticket.company.name if ticket and ticket.company else ""
    who = ", ".join(one_line(part, 80) for part in (contact, company) if part)
    return [
        *_says(problem_of(history, ticket), 0),
        *(_says(f"Reported by {who}", 0) if who else []),
        *(
            _says(f"Asked for help because: {one_line(escalation.reason, 350)}", 0)
            if escalation and escalation.reason
            else []
        ),
    ]


def _background(history: History, ticket: Ticket | None) -> list[Sentence]:
    devices = [each for text in environment_of(ticket) for each in _says(text, 0)]
    return [*devices, *(each for f in history.facts for each in _says(f.text, f.step)), *_negatives(history)]


def _negatives(history: History) -> list[Sentence]:
    """What was found not to be it, and what changed nothing: never lost, whoever writes the package."""
    causes = [(cause, f.step) for f in history.ruled_out if (cause := one_line(f.text, 350))]
    ruled_out = [each for cause, number in causes for each in _says(f"Ruled out: {cause}", number)]
    unchanged = [
        each
        for step in history.done
        if _changed_nothing(step)
        for each in _says(f"{subject_of(step)}: {result_of(step)}", step.number)
    ]
    return ruled_out + unchanged


def _changed_nothing(step: Step) -> bool:
    if step.kind is StepKind.BRIEFING or step.outcome is None or step.outcome.manner is Manner.CANNOT_DO:
        return False
    result = came_out(step)
    if step.kind in _OBSERVED:
        return result == "no_change" and "no_change" in (step.outcome.option, declared(step))
    return result in BAD


def _assessment(history: History) -> list[Sentence]:
    """What may still be the cause, from hypotheses with evidence; else where the last results left it."""
    found: list[Sentence] = []
    happened = {0, *(step.number for step in history.done)}
    for hypothesis in history.open_hypotheses:
        evidence = [f for f in hypothesis.evidence if f.step in happened][:3]
        steps = [f.step for f in evidence]
        because = "; ".join(one_line(f.text, 120).rstrip(".") for f in evidence)
        found += _says(
            f"Still possible: {one_line(hypothesis.cause, 150).rstrip('.')}, because {because}", *steps
        )
    tested = [s for s in history.done if s.kind is not StepKind.BRIEFING]
    if not found and tested and (history.ruled_out or any(_changed_nothing(s) for s in tested)):
        last = tested[-1]
        found += _says(
            f"No cause is left standing; the last result was {subject_of(last)}: {result_of(last)}",
            last.number,
        )
    return found


def _recommendation(history: History) -> list[Sentence]:
    not_done = [s for s in history.done if s.outcome and s.outcome.manner is Manner.CANNOT_DO]
    blocked = [
        each for s in not_done for each in _says(f"Still to do, {subject_of(s)}: {result_of(s)}", s.number)
    ]
    current = history.session.current
    on_table = (
        _says(f"Next on the table: {subject_of(current)}", current.number)
        if current and not current.outcome and not current.beside
        else []
    )
    idle = [s.number for s in history.done if _changed_nothing(s)]
    again = _says("What changed nothing need not be repeated", *idle)
    return blocked + on_table + again


def _fact(fact: Fact) -> dict[str, Any]:
    return {"text": one_line(fact.text, 300), "step": fact.step}


def _hypothesis(hypothesis: Hypothesis) -> dict[str, Any]:
    return {"cause": one_line(hypothesis.cause, 200), "evidence": [_fact(f) for f in hypothesis.evidence]}


def _observations(history: History) -> list[dict[str, Any]]:
    """What was added beside the Steps; the answers stand with their Steps."""
    kinds = (NoteKind.EVIDENCE, NoteKind.NOTE, NoteKind.ADVICE)
    added = [
        {
            "text": f"{one_line(history.name(n.by), 60)}: {one_line(n.text or 'added a log', 240)}",
            "step": n.step,
        }
        for n in history.notes
        if n.kind in kinds and (n.text.strip() or n.log_digest)
    ]
    return added[-15:]


def _recent(ticket: Ticket | None) -> list[str]:
    """The contact's tickets of the last 14 days, as sentences."""
    found = []
    for other in ticket.recent[:10] if ticket else ():
        state = one_line(other.status or ("closed" if other.closed else "open"), 50)
        solved = f", solved by {one_line(other.solved_by, 60)}" if other.solved_by else ""
        how = f": {one_line(other.resolution_line, 160)}" if other.resolution_line else ""
        found.append(sentence(f"#{other.id} {one_line(other.summary, 120)} ({state}{solved}{how})", 420))
    return found


# ── The check ───────────────────────────────────────────────────────────────────────────────────────────────


def checked(made: Mapping[str, Any], history: History, ticket: Ticket | None = None) -> dict[str, Any]:
    """The package without sentences that cite nothing, cite what did not happen, or say what the cited Step
    does not carry; every negative finding that is missing is added. Whoever wrote it, checking twice is once.

    What the rules themselves say of this record is carried by construction.
    """
    support = Support(history, ticket)
    ours = {(s["text"], tuple(s["cites"])) for part in _by_rules(history, ticket).values() for s in part}
    kept = dict(made)
    for part in PARTS:
        given = made.get(part)
        found = [each for each in map(_proper, given) if each] if isinstance(given, list) else []
        kept[part] = [
            each
            for each in found
            if (each["text"], tuple(each["cites"])) in ours or support.carries(each["text"], each["cites"])
        ]
    told: dict[int, str] = {}
    for each in (*kept["background"], *kept["assessment"]):
        for number in each["cites"]:
            told[number] = f"{told.get(number, '')}\n{_folded(each['text'])}"
    kept["background"] += [
        n for n in _negatives(history) if _folded(n["text"]) not in told.get(n["cites"][0], "")
    ]
    kept["ruled_out"] = [_fact(f) for f in history.ruled_out]
    kept["assessment_state"] = (
        str(made.get("assessment_state", "rules")) if kept["assessment"] else "unavailable"
    )
    return kept


def _proper(given: object) -> Sentence | None:
    if not isinstance(given, Mapping) or not isinstance(given.get("text"), str):
        return None
    cites = given.get("cites")
    whole = isinstance(cites, list) and all(isinstance(n, int) and not isinstance(n, bool) for n in cites)
    return {"text": given["text"], "cites": cites} if whole and cites else None


def _folded(text: str) -> str:
    return " ".join(text.casefold().rstrip(".").split())


# ── How it is read ──────────────────────────────────────────────────────────────────────────────────────────


def sbar_note(made: Json) -> str:
    """The package as one internal note: SBAR, every Step with its result, observations, tickets."""
    steps = _texts(made, "steps")
    lines = [labelled(part.capitalize(), capped(_cited(made, part), 40)) for part in PARTS]
    lines[1] = labelled("Background", capped(_beside(made, steps), 25))
    if not made.get("assessment"):
        lines[2] = _unavailable(made)
    ruled_out = [cited(str(each["text"]), (_number(each),), 200) for each in _rows(made, "ruled_out")]
    blockers, promised = str(made.get("blockers") or ""), str(made.get("promised") or "")
    observations = [cited(str(o["text"]), (_number(o),), 300) for o in _rows(made, "observations")]
    open_causes = [sentence(str(h["cause"]), 200) for h in _rows(made, "hypotheses") if not h.get("evidence")]
    more = (
        labelled("Ruled out", ruled_out),
        labelled("Blocked by", [sentence(blockers, 601)]),
        labelled("Promised to the user", [sentence(promised, 601)]),
        labelled("Possible, without evidence yet", open_causes[:10]),
        labelled("Steps", steps or ["None yet."]),
        labelled("Observations", observations),
        labelled("Other tickets of the contact, 14 days", _texts(made, "recent_tickets")),
    )
    return "\n".join(line for line in (*lines, *more) if line)


def _beside(made: Json, steps: Sequence[str]) -> list[str]:
    """The background without what the note tells under a label of its own."""
    told = " ".join(steps)
    return [
        line
        for line, each in zip(_cited(made, "background"), _rows(made, "background"), strict=True)
        if not each["text"].startswith("Ruled out: ") and each["text"].rstrip(".") not in told
    ]


def brief(made: Json) -> tuple[str, ...]:
    """A few lines for the escalation card."""
    ruled_out = [str(each["text"]) for each in _rows(made, "ruled_out")]
    count = made.get("step_count")
    situation = _rows(made, "situation")
    assessment = _cited(made, "assessment")
    lines = (
        one_line(str(situation[0]["text"]), 200) if situation else "",
        sentence(f"Why: {made['reason']}", 200) if made.get("reason") else "",
        f"{count} {'step' if count == 1 else 'steps'} done." if count else "No step done yet.",
        sentence(f"Ruled out: {'; '.join(t.rstrip('.') for t in ruled_out)}", 240) if ruled_out else "",
        one_line(f"Assessment: {assessment[0]}", 240) if assessment else _unavailable(made),
        sentence(f"Blocked by: {made['blockers']}", 200) if made.get("blockers") else "",
        sentence(f"Promised: {made['promised']}", 200) if made.get("promised") else "",
    )
    return tuple(line for line in lines if line)


def _unavailable(made: Json) -> str:
    """That there is no assessment, and why."""
    return str(made.get("assessment_problem") or UNAVAILABLE)


def _cited(made: Json, part: str) -> list[str]:
    return [cited(str(each["text"]), cast("list[int]", each["cites"]), 400) for each in _rows(made, part)]


def _rows(made: Json, name: str) -> list[dict[str, Any]]:
    given = made.get(name)
    return [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []


def _texts(made: Json, name: str) -> list[str]:
    given = made.get(name)
    return [each for each in given if isinstance(each, str)] if isinstance(given, list) else []


def _number(row: Mapping[str, Any]) -> int:
    return row["step"] if isinstance(row.get("step"), int) else 0


# ── The briefing ────────────────────────────────────────────────────────────────────────────────────────────


def briefing(
    history: History, ticket: Ticket | None, made: Json | None, fresh: bool, told: Sequence[str] = ()
) -> tuple[str, tuple[Fact, ...], tuple[str, ...]]:
    """What the receiver reads and confirms: text of at most 1,500 characters, facts, causes ruled out.

    `fresh` shows what is known and what was done, and nowhere what anybody believes: causes not ruled out are
    blanked wherever they stand. Its facts count as learned in Step 1, the briefing itself. `told`: sentences about
    it all, checked already, in place of what they cover; lines that find no room beside them are left out whole.
    """
    if fresh:
        history, ticket, made = *blind(history, ticket), None
    facts = tuple(Fact(f.text, 1) if fresh else f for f in history.facts)
    escalation = history.session.escalation
    shown = made or ({} if fresh else package(history, ticket))
    assessed = _within("Assessment", _cited(shown, "assessment"), 200) or _unavailable(shown)
    lines = (
        labelled("Problem", [sentence(problem_of(history, ticket), 120 if told else 200)]),
        _within("In short", told, 420),
        _within("Handed over because", [escalation.reason] if escalation else [], 150 if told else 200),
        _within("Promised to the user", [escalation.promised] if escalation else [], 160),
        _within("Blocked by", [escalation.blockers] if escalation else [], 160),
        _within("Ruled out", [f.text for f in history.ruled_out], 220),
        _within("Confirmed", [f.text for f in facts], 200 if told else 240),
        "" if fresh else assessed,
        _within(
            "Done, latest first", [f"{subject_of(s, 60)}: {result_of(s, 60)}" for s in _latest(history)], 260
        ),
    )
    text = _fitting(lines) if told else "\n".join(line for line in lines if line)
    ruled_out = tuple(dict.fromkeys(f.text for f in history.ruled_out))
    return (text or "Nothing was recorded before you.")[:LONGEST_BRIEFING], facts, ruled_out


def _fitting(lines: Sequence[str]) -> str:
    text = ""
    for line in lines:
        longer = f"{text}\n{line}".strip()
        if line and len(longer) <= LONGEST_BRIEFING:
            text = longer
    return text


def _latest(history: History) -> list[Step]:
    return [s for s in reversed(history.done) if s.kind is not StepKind.BRIEFING]


def _within(label: str, items: Sequence[str], room: int) -> str:
    """As many whole sentences as fit, and how many did not."""
    said = [sentence(item, room - len(label) - 20) for item in items if item.strip()]
    kept: list[str] = []
    for line in said:
        if kept and len(labelled(label, [*kept, line])) > room - 16:
            break
        kept.append(line)
    more = [f"And {len(said) - len(kept)} more."] if len(said) > len(kept) else []
    return labelled(label, [*kept, *more])
