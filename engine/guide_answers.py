"""Checking an answer of the model: what of it may become a Step, and in which words a bad one is sent back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from engine import guide_scripts
from engine.flow_rules import ESCALATE
from engine.flows import Flow
from engine.guide_claims import Claims, tells_of_deeds
from engine.guide_json import Unusable, read
from engine.guide_json import visible as visible
from engine.guide_schemas import TURN
from engine.history import History
from engine.note_text import one_line, storable
from engine.psa import Ticket
from engine.redact import Masks, unmask
from engine.session import Fact, Hypothesis, Intake, Json, Option, Script, Step, StepKind

LONGEST_SAY = 1_500
LONGEST_LABEL = 75
MOST_OPTIONS = 5
SAW = 600
SUMMARY = 120
BETWEEN = frozenset({StepKind.QUESTION, StepKind.INFORMATION_REQUEST, StepKind.VERIFICATION})
"""What may come between two steps of a flow."""


class Move(StrEnum):
    FOLLOW = "follow"
    LEAVE = "leave"
    NONE = "none"


class Ground(StrEnum):
    """What a step can rest on."""

    STEP = "step"
    LOG = "log"
    TICKET = "ticket"
    INTAKE = "intake"
    PICTURE = "picture"


@dataclass(frozen=True, slots=True)
class Rests:
    """`step` is its number, `line` the piece of the log."""

    on: Ground
    step: int = 0
    line: str = ""


@dataclass(frozen=True, slots=True)
class AnswerView:
    """What an answer is checked against. `legal` are the nodes of `flow`, the one followed, that may be asked now."""

    history: History
    ticket: Ticket | None = None
    masks: Masks = ()
    flow: Flow | None = None
    legal: tuple[str, ...] = ()
    may_detour: bool = True
    may_ask_interface: bool = True
    new_pictures: int = 0
    seen_pictures: bool = False

    @property
    def last(self) -> Step | None:
        """The Step whose answer this turn is about."""
        current = self.history.session.current
        return current if current is not None and current.counts else None


@dataclass(frozen=True, slots=True)
class Checked:
    """An answer that holds; its texts are those a person reads, with every mask but SECRET put back.

    `facts` and `ruled_out` name their step; `script` has the risk that code found. `reason` and `node` belong to the
    move. `saw` is empty unless there was a new picture.
    """

    kind: StepKind
    say: str  # empty: the flow's own words stand
    why: str
    rests: Rests
    confidence: int
    move: Move = Move.NONE
    node: str = ""
    reason: str = ""
    say_to_user: str = ""
    options: tuple[Option, ...] = ()
    script: Script | None = None
    facts: tuple[Fact, ...] = ()
    ruled_out: tuple[Fact, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = field(default=())
    problem_summary: str = ""
    problem_domain: str = ""
    saw: str = ""
    asks_interface: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an answer cannot be used: a clause for the model, in which nothing of the answer or the record stands."""

    sentence: str


def check(raw: str, view: AnswerView) -> Checked | Problem:
    """Never raises, whatever the model wrote."""
    try:
        return _Reading(read(raw, TURN), view).checked()
    except Unusable as wrong:
        return Problem(str(wrong))


class _Reading:
    """One answer that follows the schema, read against the view."""

    def __init__(self, found: Json, view: AnswerView) -> None:
        self._found = found
        self._view = view
        self._claims = Claims(view.history, view.ticket, self._text)
        self._done = {step.number: step for step in view.history.done}

    def checked(self) -> Checked:
        kind = StepKind(str(self._found["kind"]))
        rests = self._rests()
        asks = self._asks_interface()
        move, node, reason = self._move(kind, rests, asks=asks)
        saw = self._saw()
        by_code = bool(saw) or asks or move is Move.FOLLOW
        self._within_reason(kind, by_code=by_code)
        hypotheses = tuple(self._claims.hypotheses(self._found["hypotheses"]))
        return Checked(
            kind=kind,
            say=self._said(node),
            why=self._long("why", 1_000, needed=True),
            rests=rests,
            confidence=_int(self._found["confidence"]),
            move=move,
            node=node,
            reason=reason,
            say_to_user=self._long("say_to_user", 800),
            options=() if by_code else self._options(kind),
            script=None if by_code else self._script(kind),
            facts=tuple(self._claims.facts(self._found["facts"], self._view.last)),
            ruled_out=tuple(self._claims.ruled_out(self._found["ruled_out"], hypotheses)),
            hypotheses=hypotheses,
            problem_summary=one_line(self._text(self._found["problem_summary"]), SUMMARY),
            problem_domain=str(self._found["problem_domain"]),
            saw=saw,
            asks_interface=asks,
        )

    def _text(self, value: object) -> str:
        return storable(unmask(storable(str(value)), self._view.masks))

    def _long(self, name: str, limit: int, *, needed: bool = False) -> str:
        text = self._text(self._found[name])
        if needed and not text:
            raise Unusable(f"{name} is empty.")
        if len(str(self._found[name])) > limit:
            raise Unusable(f"{name} is longer than {limit:,} characters.")
        if guide_scripts.changes(text):
            raise Unusable(
                f"{name} holds a command that changes something; such a command stands in script only."
            )
        return text

    def _said(self, node: str) -> str:
        """The text of the step; empty where a step of a flow names a command of its own: then the flow's words stand."""
        own = self._view.flow.nodes.get(node) if self._view.flow is not None else None
        if (
            own is not None
            and guide_scripts.changes(own.text)
            and guide_scripts.changes(str(self._found["say"]))
        ):
            return ""
        said = self._long("say", LONGEST_SAY, needed=True)
        if tells_of_deeds(said):
            raise Unusable("say tells of something that you did or will do; you can do nothing, so propose what the technician does.")  # fmt: skip
        return said

    # ── What the step is ────────────────────────────────────────────────────────────────────────────────────

    def _rests(self) -> Rests:
        said = one_line(self._text(self._found["rests_on"]), 500)
        word = said.casefold().rstrip(".")
        if numbered := re.fullmatch(r"step\s{0,3}(\d{1,6})", word):
            return self._on_step(int(numbered[1]))
        if word.startswith("log:"):
            line = said[4:].strip()
            if not _stands_in(line, self._digests()):
                raise Unusable(
                    "the log line in rests_on stands in no log digest; copy a piece of one line exactly."
                )
            return Rests(Ground.LOG, line=line)
        if word == "ticket" and self._view.ticket is not None:
            return Rests(Ground.TICKET)
        if word == "picture" and (self._view.seen_pictures or self._view.new_pictures):
            return Rests(Ground.PICTURE)
        if word == "intake" and _reported(self._view.history.session.intake):
            return Rests(Ground.INTAKE)
        raise Unusable('rests_on names nothing that is there; use "step" with its number, "log: " with a line, "ticket", "intake" or "picture", as far as they exist.')  # fmt: skip

    def _on_step(self, number: int) -> Rests:
        if number not in self._done:
            there = ", ".join(str(n) for n in sorted(self._done)[-12:]) or "none"
            raise Unusable(f"rests_on names a step that has no answer; steps with an answer: {there}.")
        return Rests(Ground.STEP, step=number)

    def _digests(self) -> Iterator[str]:
        yield self._view.history.session.intake.log_digest
        yield from (note.log_digest for note in self._view.history.notes)

    def _asks_interface(self) -> bool:
        asks = bool(self._found["asks_interface"]) and not self._view.new_pictures
        if asks and not self._view.may_ask_interface:
            raise Unusable(
                "the interface question was asked already; asks_interface must be false, and the step another one."
            )
        return asks

    def _move(self, kind: StepKind, rests: Rests, *, asks: bool) -> tuple[Move, str, str]:
        """The flow move as it counts: a picture is read back and the interface asked before any other step."""
        flow = _object(self._found["flow"])
        move, followed = Move(str(flow["move"])), self._view.flow is not None
        if self._view.new_pictures or asks:
            return Move.NONE, "", ""
        if move is Move.FOLLOW:
            if flow["node"] not in self._view.legal:
                there = ", ".join(self._view.legal)
                allowed = f"flow.node must be one of: {there}" if there else "no flow can be followed now"
                raise Unusable(f"{allowed}.")
            return move, str(flow["node"]), ""
        if move is Move.LEAVE:
            reason = one_line(self._text(flow["reason"]), 400)
            if not followed:
                raise Unusable("no flow is followed, so there is none to leave.")
            if len(reason) < 10 or rests.on not in (Ground.STEP, Ground.LOG, Ground.TICKET):
                raise Unusable("a flow is left only with a reason, and with rests_on naming the step, log line or ticket that shows it.")  # fmt: skip
            if guide_scripts.changes(reason):
                raise Unusable("flow.reason holds a command; it stands in script only.")
            return move, "", reason
        if followed and not self._view.may_detour:
            raise Unusable(
                "there were enough questions in between: follow an allowed node or leave the flow."
            )
        if followed and kind not in BETWEEN:
            raise Unusable(
                "between the steps of a flow there is room for a question only: follow, or leave the flow."
            )
        return move, "", ""

    def _saw(self) -> str:
        if not self._view.new_pictures:
            return ""
        saw = one_line(self._text(self._found["saw"]), SAW)
        if not saw:
            raise Unusable(
                "there is a new picture; say in saw what you read in it, or that you can read nothing."
            )
        return saw

    def _within_reason(self, kind: StepKind, *, by_code: bool) -> None:
        if kind is StepKind.RESOLUTION_SUGGESTION and not by_code and not self._done:
            raise Unusable(
                "no step was answered yet, so nothing can be solved; propose a step that finds out more."
            )

    def _options(self, kind: StepKind) -> tuple[Option, ...]:
        if kind is StepKind.RESOLUTION_SUGGESTION:
            return ()
        listed = _objects(self._found["options"])
        if len(listed) > MOST_OPTIONS:
            raise Unusable(f"options has more than {MOST_OPTIONS} entries.")
        found: dict[str, Option] = {}
        for each in listed:
            label = self._label(str(each["label"]))
            named = "escalate" in re.split(r"\W+", label.casefold())[:1]
            option = (
                Option(ESCALATE, "Escalate")
                if named
                else Option(f"o{len(found) + 1}", label, str(each["means"]))
            )
            found.setdefault(option.label.casefold(), option)
        if kind is StepKind.QUESTION and len(found) < 2:
            raise Unusable("a question needs two to five different options.")
        return tuple(found.values())

    def _label(self, raw: str) -> str:
        if not raw.strip() or len(raw) > LONGEST_LABEL:
            raise Unusable(f"a label in options is empty or longer than {LONGEST_LABEL} characters.")
        label = one_line(self._text(raw), LONGEST_LABEL)
        if not label:
            raise Unusable("a label in options is empty.")
        if guide_scripts.changes(label):
            raise Unusable("a label in options holds a command; it stands in script only.")
        return label

    def _script(self, kind: StepKind) -> Script | None:
        found = _object(self._found["script"])
        given = {name: unmask(str(value).expandtabs(4), self._view.masks) for name, value in found.items()}
        return guide_scripts.read(kind, {name: storable(value) for name, value in given.items()})


def _stands_in(line: str, digests: Iterator[str]) -> bool:
    """Whether the pieces of a line between its placeholders stand, in order, in one line of a digest."""
    pieces = [piece for part in re.split(r"⟦[^⟧]{0,40}⟧|…|\.\.\.", line) if (piece := _folded(part))]
    if sum(map(len, pieces)) < 6:
        return False
    return any(_in_order(pieces, _folded(row)) for digest in digests for row in digest.splitlines())


def _in_order(pieces: Sequence[str], row: str) -> bool:
    at = 0
    for piece in pieces:
        found = row.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _folded(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _reported(intake: Intake) -> bool:
    """Whether anything was said at the start; a ticket and a log alone are grounds of their own."""
    return bool(intake.text.strip() or intake.tried or intake.image_urls)


def _object(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _objects(value: object) -> list[Json]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0
