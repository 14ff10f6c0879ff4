"""Views to draw cards from: a plain Session in any status, and one with a hostile text in every place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from bot.card import Card, Choice
from bot.views import SessionView
from engine.escalation import package
from engine.history import History
from engine.ports import OwedPost, PostState
from engine.psa import (
    Configuration,
    Contact,
    RecentTicket,
    Ref,
    Sla,
    Ticket,
    TicketNote,
)
from engine.session import (
    Escalation,
    Fact,
    Hypothesis,
    Intake,
    IntakeType,
    Interval,
    Manner,
    Note,
    NoteKind,
    Option,
    Outcome,
    Pause,
    Risk,
    Script,
    Session,
    Status,
    Step,
    StepKind,
    Target,
    Turn,
    WaitingFor,
)

NOW = datetime(2026, 11, 3, 13, 5, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
JANE, BEN, LEA = (UUID(int=n) for n in (1, 2, 3))
NAMES = {JANE: "Jane Doe", BEN: "Ben Carter", LEA: "Lea Stern"}
SESSION = UUID(int=77)
ACCOUNT = UUID(int=9)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def step(number: int, text: str = "Restart the print spooler.", **given: object) -> Step:
    made = Step(number, StepKind.ACTION, text, NOW - minutes(30 - number))
    return replace(made, **given)  # type: ignore[arg-type]


def answered(number: int, text: str, said: str, manner: Manner = Manner.ANSWERED, **given: object) -> Step:
    outcome = Outcome(manner, said, JANE, NOW - minutes(29 - number))
    return step(number, text, outcome=outcome, **given)


OPEN_STEP = step(
    3,
    "Does the test page print?",
    kind=StepKind.VERIFICATION,
    why="It tells the driver from the document.",
    say_to_user="I send a page to your printer now.",
    options=(Option("yes", "Yes"), Option("no", "No, it stays in the queue")),
    guide="claude",
)
DONE = (
    answered(1, "Restart the print spooler.", "no change", learned=(Fact("The spooler runs.", 1),)),
    answered(2, "Swap the cable.", "same error", ruled_out=("A broken cable",)),
)


def ticket(**given: object) -> Ticket:
    made = Ticket(
        id=4711,
        summary="Printer offline",
        board=Ref(1, "Help Desk"),
        status=Ref(2, "In Progress"),
        priority=Ref(3, "Priority 2"),
        sla=Sla(resolve_by=NOW + timedelta(hours=3)),
        company=Ref(4, "Contoso"),
        contact=Contact(5, "Mia Klein", "+49 30 123456"),
        site="Berlin",
        description="The printer on the second floor is offline since this morning.",
        notes=(TicketNote(1, "Called back, no answer.", "Ben Carter", at=NOW - timedelta(hours=2)),),
        configurations=(Configuration(1, "PRN-02", "Printer"),),
        recent=(
            RecentTicket(4690, "same error", "Completed", closed=True, solved_by="Ben Carter"),
            RecentTicket(4688, "new toner"),
            RecentTicket(4687, "paper jam", closed=True),
        ),
        url="https://psa.example.com/v4_6_release/services/system_io/Service/fv_sr100_request.rails?service_recid=4711",
    )
    return replace(made, **given)  # type: ignore[arg-type]


def post(
    kind: str = "note", state: PostState = PostState.PENDING, held: str | None = None, **given: object
) -> OwedPost:
    made = OwedPost(
        id=UUID(int=500), session_id=SESSION, connection_id=UUID(int=8), key=f"resolution:{kind}", kind=kind,
        occasion="resolution", engineer=JANE, ticket_id=4711, content={}, state=state, held_because=held, attempts=0,
        next_attempt_at=None, sending_since=None, external_id=None, problem="", created_at=NOW,
    )  # fmt: skip
    return replace(made, **given)  # type: ignore[arg-type]


def session(status: Status = Status.ACTIVE, **given: object) -> Session:
    made = Session(
        id=SESSION,
        account_id=ACCOUNT,
        owner_id=JANE,
        intake=Intake(IntakeType.PSA_TICKET, "printer on 2nd floor offline", ticket_id=4711),
        status=status,
        created_at=NOW - minutes(40),
        updated_at=NOW,
        problem_summary="Printer offline",
        problem_domain="printing",
        confidence=0.5,
        step_count=3,
        current=OPEN_STEP,
        previous=DONE[1],
        turn=Turn(3),
        ticket_id=4711,
        intervals=(Interval(JANE, NOW - minutes(40), NOW - minutes(17)),),
    )
    gone = Outcome(Manner.WITHDRAWN, "", JANE, NOW)
    if status is Status.PAUSED:
        made = replace(
            made, pause=Pause(WaitingFor.CUSTOMER, "call back", NOW - minutes(5), NOW + timedelta(hours=20))
        )
    if status in (Status.REQUESTING_ESCALATION, Status.ESCALATED):
        asked = Escalation(
            JANE, NOW - minutes(12), "The queue stays stuck", Target(user=BEN, name="Ben Carter")
        )
        made = replace(made, escalation=asked)
    if status in (Status.RESOLVED, Status.ABANDONED, Status.ESCALATED):
        made = replace(made, current=replace(OPEN_STEP, outcome=gone))
    if status is Status.RESOLVED:
        made = replace(
            made, resolution_summary="Printer offline", resolution_action="New driver", resolved_at=NOW
        )
    return replace(made, **given)  # type: ignore[arg-type]


def view(status: Status = Status.ACTIVE, *, on: Ticket | None = None, **given: object) -> SessionView:
    """A view of `session(status)`; `given` are fields of the view, or of the Session where it has none."""
    of_view = {k: v for k, v in given.items() if k in SessionView.__dataclass_fields__}
    of_session = {k: v for k, v in given.items() if k not in of_view}
    made = session(status, **of_session)
    linked = on if on is not None else (ticket() if made.ticket_id == 4711 else None)
    notes = (Note(NoteKind.ADVICE, "Look at the port.", BEN, NOW - minutes(2), 3),)
    if made.escalation is not None and "package" not in given:
        draft = History(made, (*DONE, OPEN_STEP), names=NAMES)
        made = replace(made, package=package(draft, linked))
    steps = (*DONE, made.current) if made.current else DONE
    history = History(made, steps, notes, NAMES)
    shown = SessionView(made, history, NOW, ZONE, linked, thread_link="https://chat.example.com/t/1")
    return replace(shown, **of_view)  # type: ignore[arg-type]


POSTS: Mapping[str, tuple[OwedPost, ...]] = {
    "nothing": (),
    "waiting": (post(),),
    "posted": (post("note", PostState.POSTED), post("time", PostState.POSTED)),
    "failed": (
        post("note", PostState.POSTED),
        post("time", PostState.FAILED, problem="The period is closed."),
    ),
    "unknown": (post("note", PostState.UNKNOWN),),
    "held": (post("status", held="closing_unconfirmed"), post("time", held="over_4h")),
}


def every_view() -> Iterator[tuple[str, SessionView]]:
    """Every status with every kind of Step on the table, advice that waits for an answer or none, and every state of
    what is owed to the ticket.
    """
    asked = Escalation(JANE, NOW - minutes(12), "The queue stays stuck", Target(user=BEN, name="Ben Carter"))
    for status in Status:
        for kind in StepKind:
            script = (
                Script("Get-Service", "powershell", Risk.DESTRUCTIVE) if kind is StepKind.SCRIPT else None
            )
            table = replace(session(status).current or OPEN_STEP, kind=kind, script=script)
            for advised in (False, True):
                help_asked: dict[str, Any] = (
                    {"escalation": replace(asked, advice_open=True)} if advised else {}
                )
                for owed, posts in POSTS.items():
                    name = f"{status}, {kind}, {'advised' if advised else 'not advised'}, {owed}"
                    yield name, view(status, current=table, posts=posts, **help_asked)


# ── Hostile ─────────────────────────────────────────────────────────────────────────────────────────────────

HOSTILE = ("<!channel> @everyone *bold* {0} {name} %s ``` </script> \u202egpj.exe\u202c \x00\x07 !! " * 200)[
    :10_000
]
# Made once: each of thousands of steps with its own would fill more than a gigabyte.
TWENTY_HOSTILE = tuple(f"{n}{HOSTILE}" for n in range(20))


def hostile_step(number: int, kind: StepKind, *, outcome: Outcome | None = None) -> Step:
    return Step(
        number,
        kind,
        HOSTILE,
        NOW,
        why=HOSTILE,
        say_to_user=HOSTILE,
        options=tuple(Option(f"o{n}", HOSTILE) for n in range(30)),
        script=Script(HOSTILE, HOSTILE, Risk.DESTRUCTIVE, HOSTILE) if kind is StepKind.SCRIPT else None,
        outcome=outcome,
        learned=tuple(Fact(each, number) for each in TWENTY_HOSTILE),
        ruled_out=TWENTY_HOSTILE,
        guide=HOSTILE,
    )


def hostile_ticket() -> Ticket:
    return Ticket(
        id=4711,
        summary=HOSTILE,
        board=Ref(1, HOSTILE),
        status=Ref(2, HOSTILE),
        closed=True,
        merged_into=4600,
        priority=Ref(3, HOSTILE),
        sla=Sla(resolve_by=NOW - timedelta(hours=3)),
        company=Ref(4, HOSTILE),
        contact=Contact(5, HOSTILE, HOSTILE),
        site=HOSTILE,
        description=HOSTILE,
        notes=tuple(TicketNote(n, HOSTILE, HOSTILE, at=NOW) for n in range(30)),
        configurations=tuple(Configuration(n, HOSTILE, HOSTILE, HOSTILE, HOSTILE) for n in range(30)),
        recent=tuple(
            RecentTicket(n, HOSTILE, HOSTILE, solved_by=HOSTILE, resolution_line=HOSTILE) for n in range(40)
        ),
        url=f"https://psa.example.com/{HOSTILE}",
        missing=(HOSTILE,) * 10,
    )


def hostile_posts() -> tuple[OwedPost, ...]:
    content: Mapping[str, object] = {"status_name": HOSTILE, "billed_minutes": 30}
    return tuple(
        post(
            kind, state, held, content=content, problem=HOSTILE, engineer=who, attempts=1, next_attempt_at=NOW
        )
        for kind in ("note", "customer_note", "time", "status", "owner", HOSTILE)
        for state in PostState
        for held in (None, "closing_unconfirmed", HOSTILE)
        for who in (JANE, BEN)
    )


@cache
def hostile_view(status: Status, kind: StepKind = StepKind.SCRIPT) -> SessionView:
    """Views are frozen, so that tests may share them; to make one costs as much as to draw all its cards."""
    done = tuple(
        hostile_step(n, kind, outcome=Outcome(Manner.ANSWERED, HOSTILE, JANE, NOW, "o1"))
        for n in range(1, 40)
    )
    table = hostile_step(40, kind)
    asked = Escalation(
        JANE, NOW - minutes(90), HOSTILE, Target(name=HOSTILE), HOSTILE, HOSTILE,
        declined_by=frozenset(UUID(int=n) for n in range(50)), postponed_by=BEN,
        postponed_until=NOW + minutes(30), advice_open=True,
    )  # fmt: skip
    ended = status in (Status.RESOLVED, Status.ABANDONED, Status.ESCALATED)
    made = Session(
        id=SESSION,
        account_id=ACCOUNT,
        owner_id=JANE,
        intake=Intake(
            IntakeType.COMBINED, HOSTILE, (HOSTILE,) * 40, HOSTILE, HOSTILE.replace("!", "\n"), 4711
        ),
        status=status,
        created_at=NOW - minutes(90),
        updated_at=NOW,
        parent_id=UUID(int=3),
        problem_summary=HOSTILE,
        problem_domain=HOSTILE,
        confidence=0.9,
        hypotheses=tuple(Hypothesis(HOSTILE) for _ in range(30)),
        step_count=40,
        current=replace(table, outcome=Outcome(Manner.WITHDRAWN, "", JANE, NOW)) if ended else table,
        previous=done[-1],
        turn=Turn(40),
        ticket_id=4711,
        ticket_problem=HOSTILE,
        intervals=tuple(
            Interval(JANE, NOW - minutes(9 * n), NOW - minutes(9 * n - 8), None) for n in range(1, 30)
        ),
        pause=Pause(WaitingFor.VENDOR, HOSTILE, NOW, NOW),
        escalation=asked,
        resolution_summary=HOSTILE,
        resolution_action=HOSTILE,
        rating=5,
        feedback=HOSTILE,
        time_box_offered=True,
    )
    names = {JANE: HOSTILE, BEN: HOSTILE, **{UUID(int=n): HOSTILE for n in range(10, 50)}}
    notes = tuple(Note(NoteKind.ADVICE, HOSTILE, BEN, NOW, 1) for _ in range(20))
    on = hostile_ticket()
    # As in life: help is asked for while the Session is active, and the package stays what it was then.
    made = replace(
        made,
        package=package(History(made, done[:3], notes, names), on)
        if status is Status.ACTIVE
        else hostile_view(Status.ACTIVE, kind).session.package,
    )
    return SessionView(
        made, History(made, (*done, table), notes, names), NOW, ZONE, on, hostile_posts(),
        owner_mapped=False, has_lead=False, thread_link="https://chat.example.com/t/1", place_hint=HOSTILE,
    )  # fmt: skip


# ── Reading a card ─────────────────────────────────────────────────────────────────────────────────────────────


def words(card: Card) -> str:
    """All a reader sees, on one line each."""
    found = [card.title]
    for block in card.blocks:
        match block.block:
            case "text" | "code":
                found.append(block.text)
            case "fields":
                found += [f"{label}: {value}" for label, value in block.pairs]
            case "bullets":
                found += [block.title, *block.items]
    found += [c.label for c in card.choices]
    if card.form is not None:
        found += [card.form.submit]
        for each in card.form.fields:
            found += [each.label, each.value, each.hint, *(label for _, label in each.options)]
    return "\n".join(found)


def row(card: Card) -> list[str]:
    return [c.verb for c in card.choices if not c.more and c.verb != "answer"]


def button(card: Card, verb: str) -> Choice:
    return next(c for c in card.choices if c.verb == verb)
