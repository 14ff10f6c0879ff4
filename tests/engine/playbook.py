"""A test dialogue: `story >> event` says what happens, `story << effect` what must be done about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from engine import events
from engine.effects import Owed, ShowCard, Tell
from engine.events import Event, GuideReply
from engine.history import History
from engine.lifecycle import advance
from engine.session import (
    Fact,
    Hypothesis,
    Intake,
    IntakeType,
    Note,
    Option,
    Person,
    Role,
    Session,
    Status,
    Step,
    StepKind,
    Target,
    WaitingFor,
)

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ACCOUNT = UUID(int=1)
SESSION = UUID(int=2)
FRESH = UUID(int=3)
NETWORK_TEAM = UUID(int=20)
DESK_TEAM = UUID(int=21)

ANNA = Person(UUID(int=10), "Anna", team_ids=frozenset({DESK_TEAM}))
BEN = Person(UUID(int=11), "Ben", team_ids=frozenset({NETWORK_TEAM}))
CARA = Person(UUID(int=12), "Cara")
LEA = Person(UUID(int=13), "Lea", roles=frozenset({Role.TECHNICIAN, Role.LEAD}))
LEO = Person(UUID(int=14), "Leo", roles=frozenset({Role.LEAD}))
NAMES = {person.id: person.name for person in (ANNA, BEN, CARA, LEA, LEO)}

YES_NO = (Option("yes", "Yes"), Option("no", "No"))


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def asks(text: str = "Is the printer on?", kind: StepKind = StepKind.QUESTION, **more: object) -> Step:
    """A Step as a guide proposes it; the lifecycle sets number and time."""
    given: dict[str, object] = {"options": YES_NO, "stand": {"asked": text}, **more}
    return Step(number=0, kind=kind, text=text, proposed_at=MONDAY, **given)  # type: ignore[arg-type]


@dataclass
class Playbook:
    """One Session from its start, with a memory like the database's: steps, notes, and everything owed."""

    now: datetime = MONDAY
    session: Session | None = None
    owed: list[Owed] = field(default_factory=list)
    all_owed: list[Owed] = field(default_factory=list)
    steps: dict[int, Step] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def __rshift__(self, event: Event) -> Playbook:
        """It happens; what an earlier move owed and nobody asked about is forgotten."""
        moved, effects = advance(self.session, event, self.now)
        assert moved is not None
        self.steps |= {step.number: step for step in moved.touched}
        self.notes += moved.notes
        before = self.steps.get(moved.step_count - 1)
        # As storage reads it back: what was appended is written, and only the last two Steps travel.
        loaded = replace(
            moved,
            touched=(),
            notes=(),
            current=self.steps.get(moved.step_count),
            previous=before if before and before.counts else None,
        )
        assert loaded == replace(moved, touched=(), notes=()), (
            "the Session in hand differs from the one stored"
        )
        self.session = loaded
        self.owed = list(effects)
        self.all_owed += effects
        return self

    def __lshift__(self, wanted: Owed | type[Owed] | Sequence[Owed | type[Owed]]) -> Playbook:
        """This must be done now; a class stands for any effect of it. Each effect answers once."""
        for one in wanted if isinstance(wanted, Sequence) else (wanted,):
            found = next((e for e in self.owed if e == one or type(e) is one), None)
            assert found is not None, f"{one} is not among {self.owed}"
            self.owed.remove(found)
        return self

    def only(self, *wanted: Owed | type[Owed]) -> Playbook:
        """This must be done, and nothing else beside a refreshed card."""
        self << wanted
        left = [effect for effect in self.owed if not isinstance(effect, ShowCard)]
        assert not left, f"also owed: {left}"
        return self

    def refuses(self, person: Person, reason: str) -> Playbook:
        """Nothing moved; he alone is told why."""
        return self.only(Tell(to=person.id, what=reason))

    def after(self, time: timedelta) -> Playbook:
        self.now += time
        return self

    def one(self, kind: type[Owed]) -> Owed:
        """The one effect of this kind owed by the last move."""
        found = [effect for effect in self.owed if type(effect) is kind]
        assert len(found) == 1, f"{len(found)} of {kind.__name__} in {self.owed}"
        return found[0]

    def owes(self, kind: type[Owed]) -> bool:
        return any(type(effect) is kind for effect in self.owed)

    # ── What it looks like now ──

    @property
    def it(self) -> Session:
        assert self.session is not None
        return self.session

    @property
    def status(self) -> Status:
        return self.it.status

    @property
    def table(self) -> Step | None:
        """The Step on the table: the last one, while nobody answered it."""
        step = self.it.current
        return step if step is not None and step.outcome is None else None

    @property
    def turn(self) -> int:
        return self.it.turn.number

    def history(self) -> History:
        return History(
            self.it, tuple(step for _, step in sorted(self.steps.items())), tuple(self.notes), NAMES
        )

    # ── Scenes that many stories share ──

    def guide(self, step: Step | None = None, **reply: object) -> Playbook:
        """The Guide answers the open Turn."""
        answer = GuideReply(step, **reply)  # type: ignore[arg-type]
        return self >> events.GuideReplied(self.turn, answer)

    def answer(
        self, option: str | None = "yes", by: Person = ANNA, text: str = "", **more: object
    ) -> Playbook:
        """The Step on the table is answered."""
        step = self.it.current
        assert step is not None
        return self >> events.StepAnswered(by, step.number, text, option, **more)  # type: ignore[arg-type]


def started(text: str = "The printer is offline", ticket: int | None = None, **more: object) -> Playbook:
    intake = Intake(IntakeType.PSA_TICKET if ticket else IntakeType.FREE_TEXT, text, ticket_id=ticket, **more)  # type: ignore[arg-type]
    return Playbook() >> events.SessionStarted(SESSION, ACCOUNT, ANNA, intake)


def working() -> Playbook:
    """Anna is at Step 1."""
    return started().guide(asks())


def two_steps() -> Playbook:
    """Anna answered Step 1 and is at Step 2."""
    story = working().after(minutes(2)).answer("yes")
    learned = (Fact("The printer is on", 1),)
    causes = (Hypothesis("Cable", evidence=(Fact("The printer is on", 1),)),)
    return story.guide(asks("Does it answer a ping?"), learned=learned, hypotheses=causes, confidence=0.5)


ANYONE = Target()


def escalated(to: Target = ANYONE, by: Person = ANNA, *, leads_only: bool = False) -> Playbook:
    """Anna's Session waits for another engineer."""
    return request(two_steps(), to, by, leads_only=leads_only)


def request(story: Playbook, to: Target = ANYONE, by: Person = ANNA, *, leads_only: bool = False) -> Playbook:
    return story >> events.EscalationRequested(by, "Switch port is dead", to, leads_only=leads_only)


def briefed(story: Playbook) -> Playbook:
    """The briefing that was owed is written and waits for "I have it"."""
    learned = (Fact("It is on", 0),)
    return story >> events.BriefingWritten(story.turn, "Anna did two things", learned, ("Toner",))


Scene = Callable[[], Playbook]


def in_every_status() -> Mapping[Status, Scene]:
    """A scene for each status, from the same start."""
    return {
        Status.ACTIVE: two_steps,
        Status.PAUSED: lambda: two_steps() >> events.Paused(ANNA, WaitingFor.CUSTOMER),
        Status.REQUESTING_ESCALATION: escalated,
        Status.ESCALATED: lambda: escalated() >> events.PickedUp(BEN, fresh_session_id=FRESH),
        Status.RESOLVED: lambda: two_steps() >> events.Resolved(ANNA, "Printer offline", "Restarted it"),
        Status.ABANDONED: lambda: two_steps() >> events.Abandoned(ANNA, "Customer called it off"),
    }
