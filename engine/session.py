"""The nouns of a Session: who, what, where it stands, and what each Step brought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

Json = Mapping[str, object]
"""A JSON object as it is stored; inner values are JSON values."""

GUIDED = 0.8
EXPLORING = 0.4


class Status(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    REQUESTING_ESCALATION = "requesting_escalation"
    ESCALATED = "escalated"
    RESOLVED = "resolved"
    ABANDONED = "abandoned"


OPEN = frozenset({Status.ACTIVE, Status.PAUSED, Status.REQUESTING_ESCALATION})
FINAL = frozenset({Status.ESCALATED, Status.RESOLVED, Status.ABANDONED})


class Tier(StrEnum):
    GUIDED = "guided"
    EXPLORING = "exploring"
    DISCOVERY = "discovery"


class IntakeType(StrEnum):
    FREE_TEXT = "free_text"
    PSA_TICKET = "psa_ticket"
    SCREENSHOT = "screenshot"
    LOG_PASTE = "log_paste"
    COMBINED = "combined"


class StepKind(StrEnum):
    QUESTION = "question"
    ACTION = "action"
    VERIFICATION = "verification"
    SCRIPT = "script"
    INFORMATION_REQUEST = "information_request"
    RESOLUTION_SUGGESTION = "resolution_suggestion"
    BRIEFING = "briefing"


class Risk(StrEnum):
    READ_ONLY = "read_only"
    CHANGES_STATE = "changes_state"
    DESTRUCTIVE = "destructive"


class Role(StrEnum):
    TECHNICIAN = "technician"
    LEAD = "lead"
    ADMIN = "admin"


class HypothesisState(StrEnum):
    OPEN = "open"
    RULED_OUT = "ruled_out"
    CONFIRMED = "confirmed"


class Manner(StrEnum):
    """How a Step came to its outcome."""

    ANSWERED = "answered"
    ALREADY_TRIED = "already_tried"
    CANNOT_DO = "cannot_do"
    WITHDRAWN = "withdrawn"


def tier_of(confidence: float) -> Tier:
    """Tier for a confidence of 0–1: guided from 0.8, exploring from 0.4."""
    if confidence >= GUIDED:
        return Tier.GUIDED
    return Tier.EXPLORING if confidence >= EXPLORING else Tier.DISCOVERY


@dataclass(frozen=True, slots=True)
class Person:
    """A User as the engine needs him to decide what he may do."""

    id: UUID
    name: str
    roles: frozenset[Role] = frozenset({Role.TECHNICIAN})
    team_ids: frozenset[UUID] = frozenset()

    @property
    def is_lead(self) -> bool:
        return Role.LEAD in self.roles

    @property
    def is_admin(self) -> bool:
        return Role.ADMIN in self.roles


@dataclass(frozen=True, slots=True)
class Intake:
    """What a Session started from. `log_digest` is the condensed log as text; `log_content` the log as pasted."""

    type: IntakeType
    text: str = ""
    image_urls: tuple[str, ...] = ()
    log_content: str = ""
    log_digest: str = ""
    ticket_id: int | None = None
    tried: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """One button of a Step. `outcome`: what the answer means (yes, no, no_change, fixed, other), if somebody said."""

    id: str
    label: str
    outcome: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Script:
    language: str
    text: str
    risk: Risk
    rollback: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """What was confirmed. `step` is the number of the Step it came from, 0 for the Intake."""

    text: str
    step: int


@dataclass(frozen=True, slots=True)
class Hypothesis:
    cause: str
    state: HypothesisState = HypothesisState.OPEN
    evidence: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a person reported about a Step. `option` is the id of the option he chose, if he chose one."""

    manner: Manner
    text: str
    by: UUID
    at: datetime
    option: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One thing FlowPilot proposed, and its outcome. Numbers start at 1 and are never reused.

    `stand` is where the Guide stood when it proposed this Step, so that an undo can go back there.
    A corrected Step keeps its outcome and names the Step that asks again. `aside`: the key of a sentence about how
    it came to be. `beside`: it is about FlowPilot itself, and no part of the work.
    """

    number: int
    kind: StepKind
    text: str
    proposed_at: datetime
    why: str = ""
    say_to_user: str = ""
    options: tuple[Option, ...] = ()
    script: Script | None = None
    flow_node: str | None = None
    stand: Json = field(default_factory=dict)
    confidence: float = 0.0
    outcome: Outcome | None = None
    learned: tuple[Fact, ...] = ()
    ruled_out: tuple[str, ...] = ()
    corrected_by: int | None = None
    guide: str = "offline"
    aside: str = ""
    beside: bool = False

    @property
    def counts(self) -> bool:
        """Whether this Step belongs to what was really done."""
        return (
            self.outcome is not None
            and not self.beside
            and self.outcome.manner is not Manner.WITHDRAWN
            and self.corrected_by is None
        )

    def label_of(self, option: str | None) -> str:
        return next((o.label for o in self.options if o.id == option), "")

    @property
    def result(self) -> str:
        """The outcome in the words a reader sees; empty while there is none."""
        if self.outcome is None:
            return ""
        label = self.label_of(self.outcome.option)
        return " – ".join(part for part in (label, self.outcome.text) if part)


class NoteKind(StrEnum):
    EVIDENCE = "evidence"
    NOTE = "note"
    ADVICE = "advice"
    CHATTER = "chatter"


@dataclass(frozen=True, slots=True)
class Note:
    """Something said beside the Steps, kept under the name of the one who said it."""

    kind: NoteKind
    text: str
    by: UUID
    at: datetime
    step: int
    log_digest: str = ""
    log_content: str = ""


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of work of one engineer. `confirmed` None: a gap nobody has decided about yet."""

    engineer: UUID
    start: datetime
    end: datetime
    confirmed: bool | None = True

    @property
    def length(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class RunningClock:
    """The engineer at work now: since when, and when he last did something here."""

    engineer: UUID
    start: datetime
    last_activity: datetime


@dataclass(frozen=True, slots=True)
class Target:
    """Whom an escalation asks: nobody named means anyone. `team_names` are for reading only."""

    team: UUID | None = None
    user: UUID | None = None
    name: str = "anyone"
    user_teams: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Escalation:
    requested_by: UUID
    requested_at: datetime
    reason: str
    to: Target
    blockers: str = ""
    promised: str = ""
    leads_only: bool = False
    declined_by: frozenset[UUID] = frozenset()
    postponed_by: UUID | None = None
    postponed_until: datetime | None = None
    advice_open: bool = False


class WaitingFor(StrEnum):
    CUSTOMER = "customer"
    VENDOR = "vendor"
    PARTS = "parts"
    ME = "me"


@dataclass(frozen=True, slots=True)
class Pause:
    waiting_for: WaitingFor
    reason: str
    at: datetime
    remind_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """The exchange with the Guide under way. `open`: an answer is owed. `stopped`: a person closed it before."""

    number: int = 0
    open: bool = False
    in_flight: bool = False
    briefing: bool = False
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """One effort on one problem. Of its Steps only the last two travel with it; storage has all.

    `touched` and `notes` are what the moves since loading appended or changed; storage writes them and
    a freshly loaded Session has none. `epoch` counts changes of status and owner: a timer of an older epoch is void.
    """

    id: UUID
    account_id: UUID
    owner_id: UUID
    intake: Intake
    status: Status
    created_at: datetime
    updated_at: datetime
    team_id: UUID | None = None
    parent_id: UUID | None = None
    problem_summary: str = ""
    problem_domain: str = "other"
    confidence: float = 0.0
    flow_id: str | None = None
    match_score: float | None = None
    stand: Json = field(default_factory=dict)
    hypotheses: tuple[Hypothesis, ...] = ()
    step_count: int = 0
    current: Step | None = None
    previous: Step | None = None
    turn: Turn = Turn()
    ticket_id: int | None = None
    connection_id: UUID | None = None
    ticket: Json | None = None
    ticket_problem: str = ""
    clock: RunningClock | None = None
    intervals: tuple[Interval, ...] = ()
    pause: Pause | None = None
    escalation: Escalation | None = None
    package: Json | None = None
    documentation: Json | None = None
    draft: Json | None = None
    resolution_summary: str = ""
    resolution_action: str = ""
    rating: int | None = None
    feedback: str = ""
    resolved_at: datetime | None = None
    epoch: int = 0
    time_box_offered: bool = False
    version: int = 0
    touched: tuple[Step, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def tier(self) -> Tier:
        return tier_of(self.confidence)

    @property
    def requester_id(self) -> UUID | None:
        return self.escalation.requested_by if self.escalation else None


def with_step(session: Session, step: Step) -> Session:
    """The Session with this Step remembered as appended or changed."""
    kept = tuple(s for s in session.touched if s.number != step.number)
    current, previous = session.current, session.previous
    if current and current.number == step.number:
        current = step
    elif previous and previous.number == step.number:
        previous = step
    return replace(session, current=current, previous=previous, touched=(*kept, step))


def last_done(session: Session) -> Step | None:
    """The Step on the table or, where that one is no part of the work, the one before it, once it is answered."""
    last = session.previous if session.current and session.current.beside else session.current
    return last if last and last.counts else None


def propose(session: Session, step: Step) -> Session:
    """The Session with a new current Step; the work right before it is `previous` if it was answered."""
    moved = replace(session, current=step, previous=last_done(session), step_count=step.number)
    return replace(moved, touched=(*(s for s in moved.touched if s.number != step.number), step))


def without_step(hypotheses: tuple[Hypothesis, ...], number: int) -> tuple[Hypothesis, ...]:
    """What is left of them without a Step: one that rested on it alone goes, one it had settled is open again."""
    kept: list[Hypothesis] = []
    for hypothesis in hypotheses:
        evidence = tuple(fact for fact in hypothesis.evidence if fact.step != number)
        if evidence == hypothesis.evidence:
            kept.append(hypothesis)
        elif evidence:
            kept.append(replace(hypothesis, state=HypothesisState.OPEN, evidence=evidence))
    return tuple(kept)
