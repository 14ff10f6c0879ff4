"""How a linked ticket is drawn: its context, what could not be read, and tickets that should not be posted to."""

from __future__ import annotations

from bot.card import Block, Choice
from bot.cards_parts import Shortener, bullets, fields, local, texts, ticket_url
from bot.cards_verbs import choice
from bot.views import SessionView
from bot.words import named, say
from engine.inheriting import is_fresh, is_ours
from engine.note_text import one_line
from engine.ports import PostState
from engine.psa import RecentTicket, Ticket, TicketNote
from engine.session import FINAL

NOTES = 3
CONFIGURATIONS = 3
OTHERS = 3


def ticket_blocks(view: SessionView, short: Shortener, *, titled_by: str = "") -> tuple[Block, ...]:
    """The ticket's context; each part may be missing and says so. `titled_by`: what stands above it already."""
    session, ticket = view.session, view.ticket
    trouble = _trouble(view, short)
    if ticket is None or session.ticket_id is None or ticket.id != session.ticket_id:
        return (*trouble, *_without(view))
    return (
        *trouble,
        *_facts(view, ticket, short, titled_by),
        *_description(ticket, short),
        *_notes(view, ticket, short),
        *_others(ticket, short),
        *_missing(ticket, short),
    )


def _without(view: SessionView) -> tuple[Block, ...]:
    session = view.session
    if session.ticket_id is None:
        key = "ticket.none" if view.psa_connected else "ticket.not_connected"
        return texts(say(key), tone="muted")
    if session.ticket_problem:
        return ()
    key = "ticket.reading" if view.psa_connected else "ticket.not_connected"
    return texts(say(key, ticket=session.ticket_id), tone="muted")


def _trouble(view: SessionView, short: Shortener) -> tuple[Block, ...]:
    session, ticket = view.session, view.ticket
    said: list[str] = []
    if session.ticket_problem:
        if session.status in FINAL:
            key = "ticket.problem_ended" if session.ticket_id else "ticket.problem_ended_other"
        else:
            key = "ticket.problem" if session.ticket_id else "ticket.problem_other"
        said.append(say(key, problem=short.sentence(session.ticket_problem, 300)))
    if ticket is not None and ticket.id == session.ticket_id:
        status = short.line(ticket.status.name, 60) if ticket.status else say("ticket.state_closed")
        if ticket.merged_into is not None:
            said.append(say("ticket.merged", ticket=ticket.id, parent=ticket.merged_into))
        elif ticket.closed and session.status not in FINAL:
            said.append(say("ticket.closed", ticket=ticket.id, status=status))
    return texts(*said, tone="warning")


def ticket_choices(view: SessionView) -> tuple[Choice, ...]:
    """The offer to link the ticket this one was merged into."""
    ticket = view.ticket
    if ticket is None or ticket.merged_into is None or ticket.id != view.session.ticket_id:
        return ()
    made = choice("link", view.session, more=True, ticket=ticket.merged_into)
    said = say("verb.link_parent", ticket=ticket.merged_into)
    return (Choice(said, made.verb, made.args, more=True),)


def priority_of(ticket: Ticket | None, short: Shortener) -> str:
    return short.line(ticket.priority.name, 60) if ticket and ticket.priority else ""


def goal_of(view: SessionView, ticket: Ticket) -> str:
    goal = ticket.sla.goal if ticket.sla else None
    if goal is None:
        return ""
    at = local(goal, view.zone, view.now)
    return say("ticket.late", at=at) if goal < view.now and not ticket.closed else at


def _status_now(view: SessionView, ticket: Ticket) -> str:
    """The status as it was read, or the one FlowPilot has posted since."""
    done = [p for p in view.posts if p.ticket_id == ticket.id and p.state is PostState.POSTED]
    posted = [p for p in done if p.kind == "status"]
    name = str(posted[-1].content.get("status_name") or "") if posted else ""
    return name or (ticket.status.name if ticket.status else "")


def _facts(view: SessionView, ticket: Ticket, short: Shortener, titled_by: str) -> tuple[Block, ...]:
    unset = say("ticket.unset")
    contact = ticket.contact
    number = f"#{ticket.id}"
    summary = short.line(ticket.summary, 120)
    named_so = number if summary in titled_by else say("ticket.named", ticket=ticket.id, summary=summary)
    pairs = (
        (say("ticket.ticket"), named_so.strip()),
        (say("ticket.status"), short.line(_status_now(view, ticket), 60) or unset),
        (say("ticket.board"), short.line(ticket.board.name, 60) if ticket.board else unset),
        (say("ticket.priority"), priority_of(ticket, short) or unset),
        (say("ticket.goal"), goal_of(view, ticket) or unset),
        (say("ticket.company"), short.line(ticket.company.name, 80) if ticket.company else unset),
        (say("ticket.contact"), _contact(ticket, short)),
        (say("ticket.phone"), short.line(contact.phone, 40) if contact and contact.phone else unset),
        (say("ticket.site"), short.line(ticket.site, 80) if ticket.site else unset),
        (say("ticket.configurations"), _configurations(ticket, short)),
    )
    return fields(pairs, {number: ticket_url(ticket, ticket.id)})


def _contact(ticket: Ticket, short: Shortener) -> str:
    if ticket.contact and ticket.contact.name:
        return short.line(ticket.contact.name, 80)
    return say("ticket.unread") if "contact" in ticket.missing else say("ticket.unset")


def _configurations(ticket: Ticket, short: Shortener) -> str:
    if not ticket.configurations:
        return say("ticket.unread") if "configurations" in ticket.missing else say("ticket.unset")
    shown = [
        ", ".join(short.line(part, 50) for part in (c.name, c.type, c.operating_system, c.ip_address) if part)
        for c in ticket.configurations[:CONFIGURATIONS]
    ]
    left = len(ticket.configurations) - CONFIGURATIONS
    return "; ".join((*shown, say("ticket.more", count=left)) if left > 0 else shown)


def _description(ticket: Ticket, short: Shortener) -> tuple[Block, ...]:
    if not (ticket.description or "").strip():
        return texts(say("ticket.no_description"), tone="muted")
    return texts(say("ticket.description", text=short.lines(ticket.description, 400)))


def _notes(view: SessionView, ticket: Ticket, short: Shortener) -> tuple[Block, ...]:
    if not ticket.notes:
        return () if "notes" in ticket.missing else texts(say("ticket.no_notes"), tone="muted")
    described = one_line(ticket.description or "", 1_000)
    fresh = is_fresh(view.session)
    told = [
        n
        for n in ticket.notes
        if (not described or one_line(n.text, 1_000) != described) and not (fresh and is_ours(n.text))
    ]
    return bullets(say("ticket.notes"), [_note(view, n, short) for n in told[:NOTES]])


def _note(view: SessionView, note: TicketNote, short: Shortener) -> str:
    return say(
        "ticket.note",
        author=short.line(note.author, 60) if note.author else say("ticket.nobody"),
        at=local(note.at, view.zone, view.now) if note.at else say("ticket.no_time"),
        visibility=named("visibility", note.visibility),
        text=short.line(note.text, 180),
    )


def _others(ticket: Ticket, short: Shortener) -> tuple[Block, ...]:
    """`Jane has 3 others: #4690 same error, solved by Ben`."""
    who = short.line(ticket.contact.name, 80) if ticket.contact and ticket.contact.name else ""
    who = who or say("ticket.the_contact")
    if not ticket.recent:
        told = "recent" in ticket.missing or ticket.contact is None
        return () if told else texts(say("ticket.no_others", name=who), tone="muted")
    count = len(ticket.recent)
    title = say("ticket.other" if count == 1 else "ticket.others", name=who, count=count)
    items = [recent_line(r, short) for r in ticket.recent[:OTHERS]]
    left = count - OTHERS
    return bullets(title, [*items, say("ticket.more", count=left)] if left > 0 else items)


def recent_line(other: RecentTicket, short: Shortener) -> str:
    state = short.line(other.status, 40) if other.status else ""
    state = state or say("ticket.state_closed" if other.closed else "ticket.state_open")
    key = "ticket.recent_solved" if other.solved_by else "ticket.recent"
    line = say(
        key,
        ticket=other.id,
        summary=short.line(other.summary, 100),
        state=state,
        name=short.line(other.solved_by or "", 60),
    )
    if not other.resolution_line:
        return line
    return say("ticket.recent_how", line=line, how=short.line(other.resolution_line, 120))


def _missing(ticket: Ticket, short: Shortener) -> tuple[Block, ...]:
    if not ticket.missing:
        return ()
    parts = ", ".join(named("missing", short.line(part, 40)) for part in ticket.missing[:6])
    return texts(say("ticket.missing", parts=parts), tone="warning")
