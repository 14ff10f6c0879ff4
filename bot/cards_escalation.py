"""The card in the escalation channel: the package in brief, who may take it, and how it ended."""

from __future__ import annotations

from uuid import UUID

from bot.card import Block, Card, Choice
from bot.cards_parts import Shortener, bounded, bullets, fields, local, safe_url, span, texts, ticket_url
from bot.cards_session import advice_lines, problem_title, view_name, warnings, whole
from bot.cards_ticket import goal_of, priority_of
from bot.cards_verbs import choice
from bot.views import SessionView
from bot.words import named, say
from engine.escalation import brief
from engine.session import Escalation, Status, StepKind

BRIEF = 9


def escalation_card(view: SessionView, taken_by: str = "") -> Card:
    """`taken_by`: who picked it up fresh; he owns another Session, so this one does not know him."""
    short = Shortener()
    asked = view.session.escalation
    if asked is None:
        return _over(view, _withdrawn(view, short), short)
    match view.session.status:
        case Status.REQUESTING_ESCALATION:
            return _open(view, asked, short)
        case Status.ESCALATED:
            name = short.line(taken_by, 60) or say("escalation.somebody")
            return _taken(view, asked, say("escalation.taken_fresh", name=name), short)
        case Status.RESOLVED if not picked_up(view):
            return _over(view, say("escalation.resolved"), short)
        case Status.ABANDONED if not picked_up(view):
            return _over(view, say("escalation.abandoned"), short)
        case _ if picked_up(view):
            return _taken(view, asked, _taken_line(view, short), short)
        case _:
            return _over(view, _withdrawn(view, short), short)


def picked_up(view: SessionView) -> bool:
    """Whether somebody else has had it since it was asked for: he began with a briefing, or never worked on it before."""
    session, asked = view.session, view.session.escalation
    if asked is None or session.status is Status.REQUESTING_ESCALATION:
        return False
    if session.owner_id == asked.requested_by:
        return False
    steps = (*view.history.steps, *(s for s in (session.current, session.previous) if s))
    briefed = any(s.kind is StepKind.BRIEFING and s.proposed_at >= asked.requested_at for s in steps)
    before = any(i.engineer == session.owner_id and i.start < asked.requested_at for i in session.intervals)
    return session.turn.briefing or briefed or not before


def _open(view: SessionView, asked: Escalation, short: Shortener) -> Card:
    session = view.session
    title = say("escalation.title", problem=problem_title(view))
    blocks = (
        *_who(view, asked, short),
        *_reason(view, asked, short),
        *texts(say("session.package_waits") if session.package is None else "", tone="muted"),
        *_brief(view, short),
        *_told(view, asked, short),
        *warnings(view, short),
    )
    choices: tuple[Choice, ...] = (
        choice("pick_up", session, style="primary"),
        choice("advise", session),
        choice("postpone", session, more=True),
        choice("decline", session, more=True),
        choice("catch_up", session, more=True),
    )
    return bounded(Card("escalation", title, blocks, choices, tone="warning"), whole(view), cut=short.cut)


def _who(view: SessionView, asked: Escalation, short: Shortener) -> tuple[Block, ...]:
    ticket, link = view.ticket, safe_url(view.thread_link)
    age, since = span(view.now - asked.requested_at), local(asked.requested_at, view.zone, view.now)
    number = f"#{view.session.ticket_id}" if view.session.ticket_id else ""
    pairs = (
        (say("escalation.from"), view_name(view, asked.requested_by, short)),
        (say("escalation.to"), _whom(asked, short)),
        (say("escalation.age"), say("escalation.since", age=age, since=since)),
        (say("ticket.ticket"), number),
        (say("ticket.priority"), priority_of(ticket, short) or (say("ticket.unset") if number else "")),
        (say("ticket.goal"), goal_of(view, ticket) if ticket else ""),
        (say("ticket.company"), short.line(ticket.company.name, 80) if ticket and ticket.company else ""),
        (say("session.thread"), say("session.thread_link") if link else ""),
    )
    links = {number: ticket_url(ticket, ticket.id) if ticket else "", say("session.thread_link"): link}
    return fields(pairs, links)


def _reason(view: SessionView, asked: Escalation, short: Shortener) -> tuple[Block, ...]:
    reason = short.sentence(asked.reason, 400)
    said = [say("escalation.reason", text=reason) if reason else say("escalation.no_reason")]
    if asked.blockers:
        said.append(say("session.blockers", text=short.sentence(asked.blockers, 300)))
    if asked.promised:
        said.append(say("session.promised", text=short.sentence(asked.promised, 300)))
    return texts(*said)


def _brief(view: SessionView, short: Shortener) -> tuple[Block, ...]:
    """The package's short lines without those that the card says already."""
    package = view.session.package
    if package is None:
        return ()
    bare = {**package, "reason": "", "blockers": "", "promised": ""}
    title = problem_title(view)
    lines = [line for line in brief(bare) if line.rstrip(".") not in title]
    return bullets(say("escalation.brief"), [short.line(line, 260) for line in lines[:BRIEF]])


def _told(view: SessionView, asked: Escalation, short: Shortener) -> tuple[Block, ...]:
    """Advice that waits for an answer, who takes it later, and who cannot, each with what he said."""
    said = [*advice_lines(view, short)]
    if asked.postponed_until is not None and asked.postponed_until > view.now:
        at = local(asked.postponed_until, view.zone, view.now)
        said.append(say("session.postponed", name=view_name(view, asked.postponed_by, short), at=at))
    silent = []
    for each in sorted(asked.declined_by, key=lambda one: view_name(view, one, short))[:5]:
        why = _declined(view, each, short)
        if why:
            said.append(why)
        else:
            silent.append(view_name(view, each, short))
    if silent:
        said.append(say("escalation.declined", names=", ".join(silent)))
    return texts(*said)


def _declined(view: SessionView, by: UUID, short: Shortener) -> str:
    """His reason as the engine filed it; nothing where it was not read."""
    for note in reversed((*view.history.notes, *view.session.notes)):
        filed, colon, text = note.text.partition(": ")
        if note.by == by and colon and filed in (say("filed.declined"), say("filed.more_needed")):
            name = view_name(view, by, short)
            return say(
                "escalation.declined_because", name=name, filed=filed.lower(), text=short.sentence(text, 300)
            )
    return ""


def _whom(asked: Escalation, short: Shortener) -> str:
    name = short.line(asked.to.name, 60)
    return f"{name[:1].upper()}{name[1:]}"


# ── How it ended ────────────────────────────────────────────────────────────────────────────────────────────


def _taken_line(view: SessionView, short: Shortener) -> str:
    taken = say("escalation.taken", name=view_name(view, view.session.owner_id, short))
    if view.session.status is Status.ACTIVE:
        return taken
    return say("escalation.then", taken=taken, status=named("status", view.session.status).lower())


def _withdrawn(view: SessionView, short: Shortener) -> str:
    return say("escalation.withdrawn", owner=view_name(view, view.session.owner_id, short))


def _taken(view: SessionView, asked: Escalation, line: str, short: Shortener) -> Card:
    title = say("escalation.title_taken", problem=problem_title(view))
    blocks = (*texts(line, tone="good"), *_short_who(view, asked, short))
    return bounded(Card("escalation", title, blocks, tone="good"), whole(view), cut=short.cut)


def _over(view: SessionView, line: str, short: Shortener) -> Card:
    title = say("escalation.title_over", problem=problem_title(view))
    asked = view.session.escalation
    blocks = (*texts(line), *(_short_who(view, asked, short) if asked else ()))
    return bounded(Card("escalation", title, blocks, tone="muted"), whole(view), cut=short.cut)


def _short_who(view: SessionView, asked: Escalation, short: Shortener) -> tuple[Block, ...]:
    link = safe_url(view.thread_link)
    pairs = (
        (say("escalation.from"), view_name(view, asked.requested_by, short)),
        (say("escalation.to"), _whom(asked, short)),
        (say("session.thread"), say("session.thread_link") if link else ""),
    )
    return fields(pairs, {say("session.thread_link"): link})
