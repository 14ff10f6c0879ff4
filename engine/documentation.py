"""What is written down when a part of the work ends: a technical text for the team, a short one for the customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from engine import drafting
from engine.customer_text import concerns, customer_text, fix_sentence, private_words
from engine.escalation import package, sbar_note
from engine.history import History
from engine.note_text import (
    BAD,
    GOOD,
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
    storable,
    subject_of,
)
from engine.psa import Ticket
from engine.psa_settings import PsaSettings
from engine.redact import mask_secrets
from engine.session import Escalation, HypothesisState, Manner, NoteKind, Status, Step, StepKind
from engine.typed import secrets_of, typed

MOST_FACTS = 30
MOST_NOTES = 12
WHOLE = 30_000
"""What a person wrote stands whole in the text; only the note itself is cut, where the PSA takes no more."""
DOINGS = frozenset({StepKind.ACTION, StepKind.SCRIPT})


@dataclass(frozen=True, slots=True)
class Documentation:
    """`summary` is the problem in the requestor's words; `technical` and `customer` are what is posted."""

    summary: str = ""
    fix: str = ""
    verification: str = ""
    technical: str = ""
    customer: str = ""
    cause: str = ""

    def to_json(self) -> dict[str, str]:
        return asdict(self)

    def without_secrets(self, secrets: Sequence[str] = ()) -> Documentation:
        """Nothing of it may hold a password: ConnectWise keeps it for good, and many read it."""
        return Documentation(**{name: mask_secrets(text, secrets) for name, text in asdict(self).items()})


def from_json(stored: Mapping[str, Any]) -> Documentation:
    """The reverse of `to_json`; unknown keys are ignored, values that are no text are left empty."""
    names = {f.name for f in fields(Documentation)}
    return Documentation(**{k: v for k, v in stored.items() if k in names and isinstance(v, str)})


def compose(
    history: History, ticket: Ticket | None, occasion: str, secrets: Sequence[str] = ()
) -> Documentation:
    """The documentation of what was done so far. `occasion` is one of WriteUp's; only `resolution` claims a fix.
    `secrets`: the values that are masked in this Session; what the rules find in the record is masked besides.
    """
    solved = occasion == "resolution"
    session = history.session
    resolved = session.status is Status.RESOLVED
    summary = one_line(session.resolution_summary) if resolved else ""
    summary = summary or problem_of(history, ticket)
    draft = drafting.kept(history, ticket) if solved else drafting.NONE
    fix = (_typed_fix(history) or draft.fix or _fix(history)) if solved else ""
    verification = _verification(history, draft.verification) if solved else ""
    confirmed = [h.cause for h in session.hypotheses if h.state is HypothesisState.CONFIRMED]
    cause = " ".join(sentence(c, 200) for c in confirmed[:3])
    bare = Documentation(summary, fix, verification, cause=cause)
    private = private_words(ticket, session.hypotheses)
    worded = draft.customer if _plain(fix) == _plain(draft.fix) else ""
    return replace(
        bare,
        technical=_technical(bare, history, ticket, occasion),
        customer=worded or customer_text(occasion, summary, fix, bool(verification), private),
    ).without_secrets(secrets_of(history, ticket, secrets))


# ── The technical text ──────────────────────────────────────────────────────────────────────────────────────


def _technical(doc: Documentation, history: History, ticket: Ticket | None, occasion: str) -> str:
    """One line per label; the outcome first, so that a reader who stops early knows it."""
    facts = [cited(f.text, (f.step,)) for f in history.facts]
    ruled_out = [cited(f.text, (f.step,)) for f in history.ruled_out]
    solved = occasion == "resolution"
    lines = (
        _labelled_fix(doc.fix) if solved else _unsolved(history, occasion),
        labelled("Problem", [sentence(doc.summary), _own_words(doc.summary, ticket)]),
        labelled("Environment", environment_of(ticket)),
        labelled("Confirmed", capped(facts, MOST_FACTS)),
        labelled("Tried", step_lines(history, WHOLE) or ("Nothing yet.",)),
        labelled("Ruled out", capped(ruled_out, MOST_FACTS)),
        labelled("Cause", [sentence(doc.cause, 700)]),
        _labelled_verification(doc.verification) if solved else "",
        labelled("Notes", _notes(history)),
        labelled("Follow-up", _follow_up(history, occasion)),
    )
    return "\n".join(line for line in lines if line)


def _labelled_fix(fix: str) -> str:
    return f"Fix: {sentence(fix, 2_000) or 'Not recorded.'}"


def _labelled_verification(verification: str) -> str:
    return f"Verification: {sentence(verification, 1_000) or 'Not recorded.'}"


def _unsolved(history: History, occasion: str) -> str:
    why = history.session.resolution_summary if occasion == "abandoned" else ""
    state = {
        "escalation": "Not solved yet, another engineer was asked",
        "escalated": "Not solved yet, another engineer starts afresh",
        "abandoned": "Not solved, the work was ended",
    }.get(occasion, "Not solved yet")
    return labelled("Outcome", [sentence(f"{state}: {one_line(why)}" if why else state)])


def _own_words(summary: str, ticket: Ticket | None) -> str:
    said = one_line(ticket.description or "", 600) if ticket else ""
    return f"Reported as: {sentence(said, 601)}" if said and said.casefold() != summary.casefold() else ""


def _notes(history: History) -> tuple[str, ...]:
    """What people added beside the Steps, the newest where there are many; chatter never."""
    words = {NoteKind.EVIDENCE: "evidence", NoteKind.ADVICE: "advice", NoteKind.NOTE: "note"}
    said = [
        sentence(
            f"{one_line(history.name(n.by), 60)}, {words[n.kind]}: {one_line(n.text or 'a log', WHOLE)}",
            WHOLE + 80,
        )
        for n in history.notes
        if n.kind in words and (n.text.strip() or n.log_digest)
    ]
    earlier = (f"{len(said) - MOST_NOTES} earlier ones are in FlowPilot.",) if len(said) > MOST_NOTES else ()
    return (*earlier, *said[-MOST_NOTES:])


def _follow_up(history: History, occasion: str) -> tuple[str, ...]:
    escalation, pause = history.session.escalation, history.session.pause
    not_done = [s for s in history.done if s.outcome and s.outcome.manner is Manner.CANNOT_DO]
    parts = [
        f"Promised to the user: {sentence(escalation.promised, 400)}"
        if escalation and escalation.promised
        else "",
        f"Waiting for: {pause.waiting_for.value}. {sentence(pause.reason)}".strip() if pause else "",
        *(f"Not done: {sentence(subject_of(s))}" for s in (not_done[:5] if occasion != "resolution" else ())),
    ]
    return tuple(part for part in parts if part)


# ── What the forms are filled with ──────────────────────────────────────────────────────────────────────────


def _typed_fix(history: History) -> str:
    return history.session.resolution_action.strip()[:4_000]


def _fix(history: History) -> str:
    """The fix as the answers say it: the Step after which it worked."""
    done, suggested = history.done, _named_fix(history.session.current)
    if suggested and done and came_out(done[-1]) in GOOD and done[-1].kind is not StepKind.QUESTION:
        return suggested
    suggested = ""
    for index in range(len(done) - 1, -1, -1):
        step, result = done[index], came_out(done[index])
        if step.kind in DOINGS and result == "fixed":
            return one_line(step.text)
        if step.kind is StepKind.VERIFICATION and result in GOOD:
            if _of_something_else(step, done[index + 1 :]):
                continue
            before = [s for s in done[:index] if s.kind in DOINGS and _done_here(s)]
            return one_line(before[-1].text) if before and came_out(before[-1]) != "no_change" else suggested
        if step.kind is StepKind.RESOLUTION_SUGGESTION and result == "fixed":
            if named := _named_fix(step):
                return named
            suggested = suggested or ("" if step.text.rstrip().endswith("?") else one_line(step.text))
        elif step.kind in (StepKind.VERIFICATION, StepKind.RESOLUTION_SUGGESTION) and result in BAD:
            break
    return suggested


def _named_fix(step: Step | None) -> str:
    """The sentence with which a flow's resolution names the fix, as `walking.step_for` puts it into the Step."""
    if step is None or step.kind is not StepKind.RESOLUTION_SUGGESTION:
        return ""
    return one_line(step.text.rpartition(" Fix: ")[2]) if " Fix: " in step.text else ""


def _verification(history: History, drafted: str) -> str:
    """How it was seen that it works: the last good verification, else the answer to the suggested fix."""
    stored = history.session.documentation
    if stored is not None and not of_escalation(stored) and isinstance(stored.get("verification"), str):
        return str(stored["verification"])[:4_000]
    if drafted:
        return drafted
    reported, done = "", history.done
    for index in range(len(done) - 1, -1, -1):
        step = done[index]
        if step.kind is StepKind.VERIFICATION and not _of_something_else(step, done[index + 1 :]):
            seen = f"{subject_of(step)}: {result_of(step)}" if came_out(step) in GOOD else ""
            return f"{sentence(seen, 1_000)} {reported}" if seen and reported else seen or reported
        if step.kind is StepKind.RESOLUTION_SUGGESTION and came_out(step) == "fixed" and step.outcome:
            name = one_line(history.name(step.outcome.by), 60)
            reported = reported or f"{name} reported: {result_of(step)}"
    return reported


def _of_something_else(step: Step, after: Sequence[Step]) -> bool:
    """A flow may verify who calls before anything is done; such a yes says nothing about the fix."""
    return declared(step) == "yes" and any(s.kind in DOINGS and _done_here(s) for s in after)


def _done_here(step: Step) -> bool:
    return step.outcome is not None and step.outcome.manner is Manner.ANSWERED


# ── The request for help ────────────────────────────────────────────────────────────────────────────────────


def of_escalation(given: Mapping[str, Any]) -> bool:
    """Whether these texts were written for a request for help, so that no later form begins with them."""
    return given.get("occasion") == "escalation"


def request_draft(history: History, ticket: Ticket | None, secrets: Sequence[str] = ()) -> Documentation:
    """The texts of a request for help before it is made, as its form shows them: the technical one is the SBAR note.

    An earlier request that was withdrawn left its package behind; this one has none yet.
    """
    bare = replace(history, session=replace(history.session, package=None, escalation=None))
    exact = secrets_of(bare, ticket, secrets)
    technical = mask_secrets(storable(sbar_note(package(bare, ticket))), exact)
    return replace(compose(bare, ticket, "escalation", exact), technical=technical)


def request_texts(
    history: History,
    ticket: Ticket | None,
    given: Mapping[str, Any] | None = None,
    secrets: Sequence[str] = (),
) -> Documentation:
    """The texts of a request for help as they are posted. A technical text the person changed stands as he
    wrote it; what he typed beside it in the same form was not in it yet and follows at its end.
    """
    written = {name: value for name, value in (given or {}).items() if name != "occasion"}
    technical = written.pop("technical", None)
    session, exact = history.session, secrets_of(history, ticket, secrets)
    doc = replace(
        compose(history, ticket, "escalation", exact),
        technical=mask_secrets(sbar_note(session.package or package(history, ticket)), exact),
    )
    doc = edited(doc, {"customer": written["customer"]} if "customer" in written else {})
    if not isinstance(technical, str) or not technical.strip():
        return doc
    if _plain(technical) in (_plain(doc.technical), _plain(request_draft(history, ticket, exact).technical)):
        return doc
    return replace(doc, technical=_with_request(technical.strip()[:100_000], session.escalation))


def _with_request(technical: str, asked: Escalation | None) -> str:
    if asked is None:
        return technical
    said = _plain(technical)
    beside = (
        ("Asked for help because", asked.reason),
        ("Blocked by", asked.blockers),
        ("Promised to the user", asked.promised),
    )
    more = [
        labelled(label, [sentence(text, 601)]) for label, text in beside if text and _plain(text) not in said
    ]
    return "\n".join([technical, *(line for line in more if line)])


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def typed_texts(
    history: History, ticket: Ticket | None, drawn: Documentation, given: Mapping[str, Any]
) -> tuple[str, ...]:
    """What people wrote of all that a note holds, their edits of `drawn` too."""
    ours = {_plain(line) for line in drawn.technical.split("\n")}
    edits = [
        line
        for name in (f.name for f in fields(Documentation))
        if isinstance(value := given.get(name), str) and _plain(value) != _plain(getattr(drawn, name))
        for line in value.split("\n")
        if _plain(line) not in ours
    ]
    return (*typed(history, ticket), *edits)


# ── Edits ───────────────────────────────────────────────────────────────────────────────────────────────────

_ON_A_LINE = {"fix": "Fix", "verification": "Verification", "cause": "Cause", "summary": "Problem"}


def edited(documentation: Documentation, given: Mapping[str, Any]) -> Documentation:
    """The documentation after a person's form. His own technical or customer text stands as he wrote it;
    where he changed only a part of it (fix, cause …), the line or sentence of that part follows. What was
    written for an escalation is no edit of anything else.
    """
    if of_escalation(given):
        return documentation
    names = {f.name for f in fields(Documentation)}
    changed = {
        k: v.strip()[:100_000]
        for k, v in given.items()
        if k in names and isinstance(v, str) and v.strip() != getattr(documentation, k)
    }
    after = replace(documentation, **changed)
    if "technical" not in changed:
        for name in (n for n in _ON_A_LINE if n in changed):
            after = replace(after, technical=_with_line(after.technical, name, changed[name]))
    if "customer" not in changed and "fix" in changed:
        after = replace(after, customer=_with_fix(documentation, changed["fix"]))
    return after


def _with_line(technical: str, name: str, value: str) -> str:
    label = _ON_A_LINE[name]
    if name == "fix":
        line = _labelled_fix(value)
    elif name == "verification":
        line = _labelled_verification(value)
    else:
        line = labelled(label, [sentence(value, 700)])
    lines = technical.split("\n")
    at = next((i for i, old in enumerate(lines) if old.startswith(f"{label}: ")), None)
    if at is None:
        at = 0 if name in ("fix", "summary") else len(lines)
        lines.insert(at, line)
    else:
        kept = lines[at].partition(" Reported as: ")[1:] if name == "summary" else ()
        lines[at] = line + "".join(kept)
    return "\n".join(each for each in lines if each)


def _with_fix(before: Documentation, fix: str) -> str:
    """The customer text telling the new fix in place of the old one; any doubt leaves the fix out."""
    old, new = fix_sentence(before.fix), fix_sentence(fix)
    if old and old in before.customer:
        return " ".join(before.customer.replace(old, new).split())
    if new and before.customer and not concerns(before.customer) and "Solution:" not in before.customer:
        head, stop, rest = before.customer.partition(". ")
        return f"{head}. {new} {rest}".strip() if stop else f"{before.customer} {new}"
    return before.customer


# ── Who reads it ────────────────────────────────────────────────────────────────────────────────────────────


def readers(kind: str, settings: PsaSettings, ticket: Ticket | None, status: str = "") -> str:
    """Exactly who will read or be e-mailed a part: `note`, `customer_note`, `time`, `owner`, `status` (its name)."""
    contact = one_line(ticket.contact.name, 80) if ticket and ticket.contact else ""
    company = one_line(ticket.company.name, 80) if ticket and ticket.company else ""
    unseen = "FlowPilot cannot see them."
    match kind:
        case "customer_note" if settings.note_visibility == "internal":
            return "Not posted: the account keeps notes internal."
        case "customer_note":
            place = settings.note_visibility.capitalize()
            return f"{place}: {contact or 'the contact'} can read it in the portal. No e-mail is sent."
        case "time":
            bill = f"the invoice of {company}" if company else "the invoice"
            return f"Time entry: its text can stand on {bill}, its details stay internal. No e-mail is sent."
        case "status":
            name = f"*{one_line(status, 50)}*" if status else "the new status"
            return f"ConnectWise rules on {name} may e-mail the contact; {unseen}"
        case "owner":
            return f"Your team sees the new owner. ConnectWise rules on owners may e-mail people; {unseen}"
        case _:
            return "Internal analysis: only your team sees it."
