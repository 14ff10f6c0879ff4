"""The session card at the root of a thread, and the short answer to `status`."""

from __future__ import annotations

from bot.card import Block, Card, Choice, Tone
from bot.cards_parts import Shortener, bounded, bullets, fields, local, safe_url, span, texts, ticket_url
from bot.cards_pictures import picture_blocks
from bot.cards_posts import post_blocks
from bot.cards_ticket import goal_of, priority_of, ticket_blocks, ticket_choices
from bot.cards_verbs import verbs
from bot.views import SessionView
from bot.words import named, say
from engine.note_text import one_line
from engine.ports import PostState
from engine.session import FINAL, Fact, NoteKind, Session, Status, Step, WaitingFor
from engine.ticket_refs import without_edge_tickets
from engine.timekeeping import active

FACTS = 8
RULED_OUT = 6
POSSIBLE = 4
LOG_LINES = 5


def session_card(view: SessionView) -> Card:
    """Everything about the Session as it stands, edited in place."""
    short = Shortener()
    blocks = (
        *_state(view, short),
        *step_line(view, short),
        *_figures(view, short),
        *warnings(view, short),
        *_known(view, short),
        *post_blocks(view, short),
        *_problem(view, short),
        # A ticket is whole behind its link, so what is cut of it is not told again below.
        *ticket_blocks(view, Shortener(), titled_by=problem_title(view)),
        *_past(view, short),
    )
    card = Card("session", problem_title(view), blocks, _choices(view), tone=_tone(view))
    return bounded(card, whole(view), cut=short.cut)


def status(view: SessionView) -> Card:
    """The short answer: how it stands, the step, the ticket in a line, and what is posted."""
    short = Shortener()
    pairs = _ticket_in_a_line(view, short)
    blocks = (
        *_state(view, short),
        *_figures(view, short, link=view.thread_link),
        *pairs,
        *step_line(view, short),
        *post_blocks(view, short),
    )
    title = say("status.title", problem=problem_title(view))
    return bounded(Card("list", title, blocks, _choices(view)), whole(view), cut=short.cut)


def whole(view: SessionView) -> str:
    """Where the whole text is when something was shortened."""
    return say("short.ticket" if view.ticket is not None else "short.session")


def _choices(view: SessionView) -> tuple[Choice, ...]:
    return (*verbs(view), *ticket_choices(view))


def _tone(view: SessionView) -> Tone:
    failed = any(p.state in (PostState.FAILED, PostState.UNKNOWN) for p in view.posts)
    if failed or view.session.ticket_problem:
        return "warning"
    return "good" if view.session.status is Status.RESOLVED else "plain"


# ── What it is called ───────────────────────────────────────────────────────────────────────────────────────


def problem_of(session: Session, summary: str = "", limit: int = 100) -> str:
    """The problem in one line: as the Guide put it, as the ticket says, or as it was written."""
    said = (session.problem_summary, summary, session.intake.text)
    lines = (one_line(without_edge_tickets(each), limit) for each in said)
    return next((line for line in lines if line), _undescribed(session))


def _undescribed(session: Session) -> str:
    if session.ticket_id is None:
        return say("session.new")
    return say("session.ticket_only", ticket=session.ticket_id)


def titled(session: Session, problem: str) -> str:
    """The problem behind its ticket's number, which stands there once."""
    number = session.ticket_id
    if number is None or problem == _undescribed(session) or problem.startswith(f"#{number} "):
        return problem
    return say("session.titled", ticket=number, problem=problem)


def problem_title(view: SessionView) -> str:
    session = view.session
    return titled(session, problem_of(session, view.ticket.summary if view.ticket else "", 120))


# ── How it stands ───────────────────────────────────────────────────────────────────────────────────────────


def _state(view: SessionView, short: Shortener) -> tuple[Block, ...]:
    match view.session.status:
        case Status.ACTIVE:
            return ()
        case Status.PAUSED:
            return texts(paused_line(view, short))
        case Status.REQUESTING_ESCALATION:
            return texts(*asking_lines(view, short))
        case _:
            return _ended(view.session, short)


def paused_line(view: SessionView, short: Shortener) -> str:
    pause = view.session.pause
    if pause is None:
        return ""
    reason = short.sentence(pause.reason, 200)
    said = say(
        "session.paused_for" if reason else "session.paused",
        since=local(pause.at, view.zone, view.now),
        waiting=waits_for(view, short),
        reason=reason,
    )
    return f"{said} {reminder(view)}"


def waits_for(view: SessionView, short: Shortener) -> str:
    """For whom or what a pause waits, as everybody in the thread reads it."""
    pause = view.session.pause
    if pause is None:
        return ""
    if pause.waiting_for is WaitingFor.ME:
        return view_name(view, view.session.owner_id, short)
    return named("waiting", pause.waiting_for)


def reminder(view: SessionView) -> str:
    pause = view.session.pause
    if pause is None or pause.remind_at is None:
        return say("session.no_reminder")
    return say("session.reminder", at=local(pause.remind_at, view.zone, view.now))


def asking_lines(view: SessionView, short: Shortener) -> tuple[str, ...]:
    """The request for help, who takes it when, and advice that waits for an answer."""
    asked = view.session.escalation
    if asked is None:
        return ()
    said = say(
        "session.asking",
        target=short.line(asked.to.name, 60),
        since=local(asked.requested_at, view.zone, view.now),
        age=span(view.now - asked.requested_at),
        reason=short.sentence(asked.reason, 300),
    )
    lines = [said, *held_up(view, short)]
    if view.session.package is None:
        lines.append(say("session.package_waits"))
    return tuple(lines)


def held_up(view: SessionView, short: Shortener) -> tuple[str, ...]:
    """Blockers, what was promised, who takes it later, and the advice given last."""
    asked = view.session.escalation
    if asked is None:
        return ()
    lines = []
    if asked.blockers:
        lines.append(say("session.blockers", text=short.sentence(asked.blockers, 200)))
    if asked.promised:
        lines.append(say("session.promised", text=short.sentence(asked.promised, 200)))
    if asked.postponed_until is not None and asked.postponed_until > view.now:
        at = local(asked.postponed_until, view.zone, view.now)
        lines.append(say("session.postponed", name=view_name(view, asked.postponed_by, short), at=at))
    return (*lines, *advice_lines(view, short))


def advice_lines(view: SessionView, short: Shortener) -> tuple[str, ...]:
    """The advice given last, while the requester has not decided about it; its words where they were read."""
    asked = view.session.escalation
    if asked is None or not asked.advice_open:
        return ()
    requester = view_name(view, asked.requested_by, short)
    advice = [n for n in (*view.history.notes, *view.session.notes) if n.kind is NoteKind.ADVICE]
    if not advice:
        return (say("session.advice_given", requester=requester),)
    text, name = short.sentence(advice[-1].text, 300), view_name(view, advice[-1].by, short)
    return say("session.advice", name=name, text=text), say("session.advice_open", requester=requester)


def _ended(session: Session, short: Shortener) -> tuple[Block, ...]:
    summary = short.sentence(session.resolution_summary, 300)
    if session.status is Status.ESCALATED:
        return texts(say("session.escalated"))
    if session.status is Status.RESOLVED:
        fix = short.sentence(session.resolution_action, 300)
        solved = say("session.resolved", summary=summary) if summary else say("session.resolved_bare")
        return texts(solved, say("session.fix", action=fix) if fix else "", tone="good")
    if session.resolution_summary == "idle":
        return texts(say("session.abandoned_idle"))
    return texts(say("session.abandoned", reason=summary) if summary else say("session.abandoned_bare"))


def _figures(view: SessionView, short: Shortener, *, link: str = "") -> tuple[Block, ...]:
    """`link` leads to the thread, for a card that does not stand in it."""
    session = view.session
    link = safe_url(link)
    known = session.step_count > 0 or session.confidence > 0
    pairs = (
        (say("session.status"), named("status", session.status)),
        (say("session.owner"), view_name(view, session.owner_id, short)),
        (say("session.elapsed"), span(active(session, view.now))),
        (say("session.domain"), short.line(named("domain", session.problem_domain), 50) if known else ""),
        (say("session.tier"), named("tier", session.tier) if known and session.status not in FINAL else ""),
        (say("session.thread"), say("session.thread_link") if link else ""),
    )
    return fields(pairs, {say("session.thread_link"): link})


# ── What is known ───────────────────────────────────────────────────────────────────────────────────────────


def _problem(view: SessionView, short: Shortener) -> tuple[Block, ...]:
    """What was reported, the log read back, and the screenshots that came with it."""
    intake = view.session.intake
    reported = short.lines(_beyond(intake.text, problem_title(view)), 500)
    said = say("session.reported", text=reported) if reported else ""
    log = [short.line(line, 160) for line in _telling(intake.log_digest)]
    short.cut = short.cut or len(intake.log_digest.splitlines()) > LOG_LINES
    return (
        *texts(said),
        *bullets(say("session.log"), log),
        *picture_blocks(view, view.history.facts[-FACTS:]),
        *texts(say("session.parent") if view.session.parent_id else "", tone="muted"),
    )


def _beyond(text: str, title: str) -> str:
    """What was reported without the line that stands in the title already."""
    first, _, rest = text.strip().partition("\n")
    return rest if one_line(first, 1_000) in title else text


def _telling(digest: str) -> list[str]:
    """Its first line, then the kinds of lines that read like trouble before those that only inform."""
    first, *kinds = [line for line in digest.splitlines() if line.strip()] or [""]
    quiet = [line for line in kinds if line.startswith("[info]")]
    return [first, *(line for line in kinds if line not in quiet), *quiet][:LOG_LINES]


def warnings(view: SessionView, short: Shortener) -> tuple[Block, ...]:
    """What has to be known before anything is posted or asked."""
    session = view.session
    said = []
    if not view.owner_mapped and view.psa_connected and _something_left(view):
        said.append(say("session.unmapped", owner=view_name(view, session.owner_id, short)))
    if not view.has_lead and session.status is Status.REQUESTING_ESCALATION:
        said.append(say("session.no_lead"))
    elif not view.has_lead and session.status in (Status.ACTIVE, Status.PAUSED) and session.time_box_offered:
        said.append(say("session.no_lead_open"))
    return texts(*said, tone="warning")


def _something_left(view: SessionView) -> bool:
    unposted = any(p.state is not PostState.POSTED for p in view.posts)
    return unposted or view.session.status not in FINAL


def _known(view: SessionView, short: Shortener) -> tuple[Block, ...]:
    history = view.history
    facts = history.facts
    key = "session.facts" if len(facts) <= FACTS else "session.facts_last"
    title = say(key, count=FACTS, total=len(facts))
    out = history.ruled_out[-RULED_OUT:]
    possible = () if view.session.status in FINAL else history.open_hypotheses[:POSSIBLE]
    return (
        *bullets(title, [_cited(fact, short) for fact in facts[-FACTS:]]),
        *bullets(say("session.ruled_out"), [_cited(fact, short) for fact in out]),
        *bullets(say("session.possible"), [short.line(h.cause, 120) for h in possible]),
    )


def _cited(fact: Fact, short: Shortener) -> str:
    text = short.line(fact.text, 160)
    return (
        say("session.from_step", text=text, step=fact.step)
        if fact.step
        else say("session.from_start", text=text)
    )


def step_line(view: SessionView, short: Shortener) -> tuple[Block, ...]:
    """Where the diagnosis is: the Step on the table, or what FlowPilot is doing."""
    session = view.session
    step = session.current
    if session.status in FINAL:
        return ()
    waiting = session.turn.open and session.status is Status.ACTIVE
    said = _step(step, short) if step is not None and not (step.outcome is None and waiting) else ""
    if session.turn.briefing and waiting:
        return texts(said, say("session.briefing_next", owner=view_name(view, session.owner_id, short)))
    if waiting:
        return texts(said, say("session.thinking"))
    if session.turn.stopped and session.status is Status.ACTIVE:
        return texts(said, say("session.stopped"))
    return texts(said or say("session.no_step"))


def _step(step: Step, short: Shortener) -> str:
    text = short.line(step.text, 160)
    if step.outcome is None:
        return say("session.step", number=step.number, text=text)
    result = short.line(step.result, 120) or say("step.no_result")
    return say("session.step_done", number=step.number, text=text.rstrip("."), result=result)


def _past(view: SessionView, short: Shortener) -> tuple[Block, ...]:
    rating = view.session.rating
    return texts(say("session.rated", rating=rating) if rating else "", tone="muted")


def _ticket_in_a_line(view: SessionView, short: Shortener) -> tuple[Block, ...]:
    ticket = view.ticket
    if ticket is None:
        return ()
    named_so = say("ticket.named", ticket=ticket.id, summary=short.line(ticket.summary, 120))
    pairs = (
        (say("ticket.ticket"), named_so),
        (say("ticket.status"), short.line(ticket.status.name, 60) if ticket.status else ""),
        (say("ticket.priority"), priority_of(ticket, short)),
        (say("ticket.goal"), goal_of(view, ticket)),
    )
    return fields(pairs, {f"#{ticket.id}": ticket_url(ticket, ticket.id)})


def view_name(view: SessionView, person: object, short: Shortener) -> str:
    """The name of somebody in this Session, one short line."""
    found = next((name for key, name in view.history.names.items() if key == person), None)
    return short.line(found, 60) if found else say("escalation.somebody")
