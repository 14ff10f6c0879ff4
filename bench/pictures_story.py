"""The story that docs/slack.md is illustrated with: one session at fixed times, and the cards people see of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from bot import cards
from bot.card import Card
from bot.text_drafts import composed
from bot.views import ConnectionView, SessionView, TimeLine
from engine.documentation import edited, readers
from engine.escalation import package
from engine.history import History
from engine.posts import ForecastLine
from engine.psa import Configuration, Contact, RecentTicket, Ref, Sla, Ticket, TicketHit, TicketNote
from engine.psa_settings import PsaSettings
from engine.session import (
    Escalation,
    Fact,
    Hypothesis,
    Intake,
    IntakeType,
    Interval,
    Manner,
    Option,
    Outcome,
    Pause,
    Person,
    Role,
    Session,
    Status,
    Step,
    StepKind,
    Target,
    Turn,
    WaitingFor,
)

NOW = datetime(2026, 11, 3, 14, 5, tzinfo=UTC)
ZONE = ZoneInfo("UTC")
BEN, CARLA, ANNA = (UUID(int=number) for number in (1, 2, 3))
NAMES = {BEN: "Ben Ortiz", CARLA: "Carla Mendes", ANNA: "Anna Keller"}
THREAD = "https://practice.slack.com/archives/C0HELP/p1793714000000100"
FIX = "Removed the stored Office credentials in Credential Manager and signed in again."


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


TICKET = Ticket(
    id=4711,
    summary="Outlook keeps asking for password",
    board=Ref(1, "Help Desk"),
    status=Ref(2, "In Progress"),
    priority=Ref(3, "Priority 2 - High"),
    sla=Sla(resolve_by=NOW + timedelta(hours=2)),
    company=Ref(4, "Harbor Pine Law"),
    contact=Contact(5, "Jane Doe", "555-0141"),
    site="Portwell Office",
    description="Since this morning Outlook on my laptop asks for my password every few minutes. Webmail works fine.",
    notes=(TicketNote(1, "Court deadline today, please take this first.", "Carla Mendes", at=ago(95)),),
    configurations=(Configuration(1, "HPL-LT-014", "Laptop", "Windows 11", "10.20.1.114"),),
    recent=(
        RecentTicket(4690, "Outlook asks for password", "Completed", closed=True, solved_by="Ben Ortiz"),
    ),
    url="https://cw.practice.example/v4_6_release/services/system_io/Service/fv_sr100_request.rails?service_recid=4711",
)


def _done(number: int, text: str, result: str, fact: str, out: str = "") -> Step:
    outcome = Outcome(Manner.ANSWERED, result, BEN, ago(24 - number * 4))
    learned, ruled_out = (Fact(fact, number),), (out,) if out else ()
    return Step(
        number,
        StepKind.QUESTION,
        text,
        ago(26 - number * 4),
        outcome=outcome,
        learned=learned,
        ruled_out=ruled_out,
    )


DONE = (
    _done(
        1, "Is it this user only, or do several people get the prompt?", "Only this user",
        "Only one user is prompted.", "A Microsoft 365 outage or tenant-wide policy",
    ),
    _done(
        2, "Have the user open https://outlook.office.com in a private window and sign in.", "Mail opens",
        "The account signs in through the browser.", "Wrong password or blocked account",
    ),
)  # fmt: skip
STEP = Step(
    3,
    StepKind.ACTION,
    "In Credential Manager, remove every entry that begins with MicrosoftOffice, then start Outlook again.",
    ago(9),
    why="A stored old password is offered before the new one.",
    say_to_user="I remove an old saved password. Outlook asks you once more, then it stays quiet.",
    options=(Option("gone", "Prompt is gone"), Option("again", "Still prompts")),
)


def session(status: Status = Status.ACTIVE, **given: object) -> Session:
    made = Session(
        id=UUID(int=77),
        account_id=UUID(int=9),
        owner_id=BEN,
        intake=Intake(IntakeType.PSA_TICKET, "#4711", ticket_id=4711),
        status=status,
        created_at=ago(26),
        updated_at=NOW,
        problem_summary=TICKET.summary,
        problem_domain="m365",
        hypotheses=(Hypothesis("Stored credentials on this PC"),),
        confidence=0.8,
        step_count=3,
        current=STEP,
        previous=DONE[1],
        turn=Turn(3),
        ticket_id=4711,
        intervals=(Interval(BEN, ago(26), ago(0)),),
    )
    return replace(made, **given)  # type: ignore[arg-type]


def view(made: Session) -> SessionView:
    steps = (*DONE, made.current) if made.current else DONE
    settings = PsaSettings(auto_push="on_resolve_and_escalate")
    return SessionView(
        made, History(made, steps, names=NAMES), NOW, ZONE, TICKET, settings=settings, thread_link=THREAD
    )


def asking() -> SessionView:
    """Ben asks anyone for help, with the package as the engine makes it."""
    asked = Escalation(
        BEN, ago(12), "The prompt comes back, and I cannot see the sign-in log of this tenant",
        Target(), promised="A call back before 15:00",
    )  # fmt: skip
    made = session(Status.REQUESTING_ESCALATION, escalation=asked)
    return view(replace(made, package=package(History(made, (*DONE, STEP), names=NAMES), TICKET)))


@dataclass(frozen=True, slots=True)
class Told:
    """Everything that is drawn. `lines` are steps answered before the open one."""

    root: Card
    lines: tuple[Card, ...]
    step: Card
    escalation: Card
    resolve: Card
    escalate: Card
    pick_up: Card
    home: tuple[Card, ...]


def told() -> Told:
    active, asked = view(session()), asking()
    people = tuple(Person(who, name, frozenset({Role.TECHNICIAN})) for who, name in NAMES.items())
    return Told(
        cards.session_card(active),
        tuple(cards.collapsed_step(step, {BEN: NAMES[BEN]}) for step in DONE),
        cards.step_card(active, STEP),
        cards.escalation_card(asked),
        cards.resolve_form(
            active,
            edited(composed(active.history, "resolution"), {"fix": FIX}),
            _forecast(active.settings, "Completed", "closing_unconfirmed"),
        ),
        cards.escalate_form(
            active,
            _forecast(active.settings, "Escalated"),
            people=people,
            by=people[0],
            draft=composed(active.history, "escalation"),
        ),
        cards.pick_up_form(asked),
        _home(active, asked),
    )


def _forecast(chosen: PsaSettings, status: str, held: str | None = None) -> tuple[ForecastLine, ...]:
    return (
        ForecastLine("note", "note", "", readers("note", chosen, TICKET)),
        ForecastLine(
            "time:1", "time", "3 November, 13:39–14:05, 26 min. Outlook.", readers("time", chosen, TICKET)
        ),
        ForecastLine("status", "status", status, readers("status", chosen, TICKET, status), held),
    )


def _home(active: SessionView, asked: SessionView) -> tuple[Card, ...]:
    """Ben's: one session at work, one paused, his tickets, somebody else who asks, his time, and an Admin's settings."""
    waits = Pause(WaitingFor.CUSTOMER, "", ago(60), NOW + timedelta(hours=1))
    paused = session(
        Status.PAUSED, id=UUID(int=78), ticket_id=None, current=None, pause=waits,
        problem_summary="VPN of Lena Fischer does not connect", intervals=(Interval(BEN, ago(90), ago(60)),),
    )  # fmt: skip
    other = replace(asked.session, owner_id=ANNA)
    hits = (
        TicketHit(4717, "Remote desktop drops every few minutes", "Tessler Manufacturing", "Tom Okafor",
                  "In Progress", "Priority 2 - High", goal=ago(35)),
        TicketHit(4712, "User account locked out again", "Tessler Manufacturing", "Lena Fischer",
                  "Assigned", "Priority 2 - High", goal=NOW + timedelta(hours=4)),
    )  # fmt: skip
    connection = ConnectionView(
        host="api-eu.myconnectwise.net",
        company="practice",
        state="connected",
        settings=active.settings,
        account_settings={"escalation_channel": "C0ESC", "business_hours": "mon-fri 08:00-18:00"},
    )
    half_hour = timedelta(minutes=26)
    return (
        cards.home_start(),
        cards.home_sessions((active, replace(view(paused), ticket=None))),
        cards.home_tickets(hits, ZONE, NOW),
        cards.queue((replace(asked, session=other),)),
        cards.time((TimeLine(active.session, half_hour, half_hour),), NOW, ZONE),
        cards.home_admin(connection),
    )
