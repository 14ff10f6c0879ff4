"""What happened: one frozen class per event, named in the past tense."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from engine.session import Fact, Hypothesis, Intake, Json, Manner, Person, Step, Target, WaitingFor


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """`briefed`: picked up fresh; it begins with a briefing on what its parent found. `stand`: what it keeps of its
    parent's.
    """

    session_id: UUID
    account_id: UUID
    by: Person
    intake: Intake
    parent_id: UUID | None = None
    briefed: bool = False
    stand: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepAnswered:
    """`bundled`: it came as a message, so more may follow within the same Turn."""

    by: Person
    step: int
    text: str = ""
    option: str | None = None
    manner: Manner = Manner.ANSWERED
    bundled: bool = False


@dataclass(frozen=True, slots=True)
class AnswerCorrected:
    by: Person
    step: int | None = None


@dataclass(frozen=True, slots=True)
class StepJumped:
    """An expert goes straight to a node of the Flow."""

    by: Person
    node: str


@dataclass(frozen=True, slots=True)
class EvidenceAdded:
    by: Person
    text: str
    log_digest: str = ""
    log_content: str = ""
    bundled: bool = False


@dataclass(frozen=True, slots=True)
class NoteAdded:
    """`chatter`: kept, neither answered nor written into the documentation."""

    by: Person
    text: str
    chatter: bool = False


@dataclass(frozen=True, slots=True)
class TicketLinked:
    by: Person
    ticket_id: int
    connection_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class TicketRead:
    ticket_id: int
    ticket: Json
    connection_id: UUID


@dataclass(frozen=True, slots=True)
class TicketUnreadable:
    """`problem` is the sentence a person sees."""

    ticket_id: int
    problem: str
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class GuideReply:
    """What the Guide proposes. `step` None: the Step on the table stands.

    `tried` are Steps the technician had done before, with their outcomes; they go before `step`.
    `learned` and `ruled_out` come from the answer given last. `stand` is where the Guide stands now.
    """

    step: Step | None
    tried: tuple[Step, ...] = ()
    learned: tuple[Fact, ...] = ()
    ruled_out: tuple[str, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    confidence: float = 0.0
    problem_summary: str = ""
    problem_domain: str = ""
    flow_id: str | None = None
    match_score: float | None = None
    stand: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GuideAsked:
    turn: int


@dataclass(frozen=True, slots=True)
class GuideReplied:
    turn: int
    reply: GuideReply


@dataclass(frozen=True, slots=True)
class GuideFailed:
    turn: int
    problem: str


@dataclass(frozen=True, slots=True)
class GuideStopped:
    """A person no longer wants the answer of this Turn."""

    by: Person
    turn: int


@dataclass(frozen=True, slots=True)
class GuideAskedAgain:
    """A person wants an answer on what is known, without a new word."""

    by: Person


@dataclass(frozen=True, slots=True)
class BriefingWritten:
    turn: int
    text: str
    learned: tuple[Fact, ...] = ()
    ruled_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DraftWritten:
    """The texts of the resolution form, worded ahead, for the Step of this number."""

    step: int
    draft: Json


@dataclass(frozen=True, slots=True)
class Paused:
    by: Person
    waiting_for: WaitingFor
    reason: str = ""
    remind_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Resumed:
    by: Person


@dataclass(frozen=True, slots=True)
class TakenOver:
    by: Person
    reason: str


@dataclass(frozen=True, slots=True)
class EscalationRequested:
    by: Person
    reason: str
    to: Target
    blockers: str = ""
    promised: str = ""
    leads_only: bool = False
    documentation: Json | None = None


@dataclass(frozen=True, slots=True)
class EscalationWithdrawn:
    by: Person


@dataclass(frozen=True, slots=True)
class PackageWritten:
    package: Json


@dataclass(frozen=True, slots=True)
class AdviceGiven:
    by: Person
    text: str


@dataclass(frozen=True, slots=True)
class AdviceTaken:
    """The requester carries on with the advice."""

    by: Person


@dataclass(frozen=True, slots=True)
class AdviceDeclined:
    """The requester still needs somebody."""

    by: Person


@dataclass(frozen=True, slots=True)
class PickedUp:
    """`fresh_session_id` given: picked up fresh, and this is the new Session's id."""

    by: Person
    fresh_session_id: UUID | None = None
    make_owner: bool = False


@dataclass(frozen=True, slots=True)
class PickupPostponed:
    by: Person
    until: datetime


@dataclass(frozen=True, slots=True)
class PickupDeclined:
    by: Person
    reason: str


@dataclass(frozen=True, slots=True)
class Resolved:
    by: Person
    summary: str
    action: str
    documentation: Json | None = None


@dataclass(frozen=True, slots=True)
class Abandoned:
    """`by` None: nobody touched it for so long that the clock ended it."""

    by: Person | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rated:
    by: Person
    rating: int
    feedback: str = ""


@dataclass(frozen=True, slots=True)
class PushPosted:
    post_id: UUID
    part: str


@dataclass(frozen=True, slots=True)
class PushFailed:
    """`parked`: it is not tried again until a person presses Retry. `engineer`: whose work the part tells of."""

    post_id: UUID
    part: str
    problem: str
    parked: bool
    engineer: UUID | None = None


@dataclass(frozen=True, slots=True)
class PushRetried:
    by: Person
    closing: bool = False


@dataclass(frozen=True, slots=True)
class TimeConfirmed:
    """Count or drop the unconfirmed stretch that starts at `start`; or `started_earlier` at a time before the Session."""

    by: Person
    start: datetime
    count: bool
    started_earlier: bool = False


@dataclass(frozen=True, slots=True)
class Reminded:
    """A timer went off and its message was delivered. `what` is the timer's verb, `number` which one it was."""

    what: str
    number: int
    epoch: int | None = None


Event = (
    SessionStarted
    | StepAnswered
    | AnswerCorrected
    | StepJumped
    | EvidenceAdded
    | NoteAdded
    | TicketLinked
    | TicketRead
    | TicketUnreadable
    | GuideAsked
    | GuideReplied
    | GuideFailed
    | GuideStopped
    | GuideAskedAgain
    | BriefingWritten
    | DraftWritten
    | Paused
    | Resumed
    | TakenOver
    | EscalationRequested
    | EscalationWithdrawn
    | PackageWritten
    | AdviceGiven
    | AdviceTaken
    | AdviceDeclined
    | PickedUp
    | PickupPostponed
    | PickupDeclined
    | Resolved
    | Abandoned
    | Rated
    | PushPosted
    | PushFailed
    | PushRetried
    | TimeConfirmed
    | Reminded
)
