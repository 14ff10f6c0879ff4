"""Answers to a person's commands: mine, queue, time, path, tickets, help, a ticket already worked on, failures, copy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from bot.card import Block, Bullets, Card, Choice, Code
from bot.cards_parts import (
    BLOCK_TEXT,
    Shortener,
    bounded,
    bullets,
    fields,
    local,
    seen,
    span,
    texts,
    ticket_url,
)
from bot.cards_session import problem_of, problem_title, view_name, whole
from bot.cards_steps import step_line
from bot.cards_ticket import priority_of
from bot.cards_verbs import choice
from bot.views import SessionView
from bot.words import named, say
from engine.documentation import Documentation
from engine.note_text import one_line
from engine.psa import TicketHit
from engine.session import FINAL, Session, Status, WaitingFor
from engine.timekeeping import active

ROWS = 10
PATH_DONE = 15
PATH_AHEAD = 15
JUMPS = 8
PIECES = 3
"""Code blocks of a copied text; each holds 2,900 characters."""


def short_name(session: Session, limit: int = 40) -> str:
    """`#4711`, or the problem where no ticket is linked."""
    return f"#{session.ticket_id}" if session.ticket_id else problem_of(session, limit=limit)


def links(views: Sequence[SessionView]) -> dict[str, str]:
    return {f"#{v.ticket.id}": ticket_url(v.ticket, v.ticket.id) for v in views if v.ticket is not None}


def more(total: int, shown: int, short: Shortener) -> tuple[Block, ...]:
    short.cut = short.cut or total > shown
    return texts(say("list.more", count=total - shown) if total > shown else "", tone="muted")


# ── Sessions ────────────────────────────────────────────────────────────────────────────────────────────────


def mine(views: Sequence[SessionView]) -> Card:
    """The person's open Sessions, each with a button that opens it."""
    short = Shortener()
    if not views:
        return bounded(Card("list", say("mine.title"), texts(say("mine.none"), tone="muted")))
    rows = views[:ROWS]
    pairs = [(short.line(problem_title(v), 100), row(v, short)) for v in rows]
    blocks = (*fields(pairs, links(rows)), *more(len(views), len(rows), Shortener()))
    choices = tuple(
        Choice(say("list.open", name=short_name(v.session)), "open", {"session": str(v.session.id)})
        for v in rows
    )
    return bounded(Card("list", say("mine.title"), blocks, choices), say("short.list"), cut=short.cut)


def row(view: SessionView, short: Shortener) -> str:
    session = view.session
    # A row only says where it is, so what is cut of its step is not told again below.
    step = Shortener().line(session.current.text, 100) if session.current else say("list.no_step")
    if session.status is Status.PAUSED and session.pause is not None:
        mine = session.pause.waiting_for is WaitingFor.ME
        waiting = say("waiting.you") if mine else named("waiting", session.pause.waiting_for)
        at = session.pause.remind_at
        key = "mine.paused_until" if at else "mine.paused"
        step = say(key, waiting=waiting, at=local(at, view.zone, view.now) if at else "")
    elif session.status is Status.REQUESTING_ESCALATION and session.escalation is not None:
        step = say("mine.asking", target=short.line(session.escalation.to.name, 60))
    elapsed = span(active(session, view.now))
    return say("list.row", status=named("status", session.status), elapsed=elapsed, step=step)


def queue(views: Sequence[SessionView], unread: int = 0) -> Card:
    """Escalations that wait, the longest waiting first, each with a button to pick it up; `unread` more wait."""
    short = Shortener()
    waiting = [v for v in views if v.session.escalation is not None and v.session.status not in FINAL]
    if not waiting:
        return bounded(Card("list", say("queue.title"), texts(say("queue.none"), tone="muted")))
    waiting.sort(key=lambda v: v.session.escalation.requested_at if v.session.escalation else v.now)
    rows = waiting[:ROWS]
    pairs = [(short.line(problem_title(v), 100), _asked(v, short)) for v in rows]
    blocks = (*fields(pairs, links(rows)), *more(len(waiting) + unread, len(rows), Shortener()))
    choices = tuple(
        Choice(say("queue.pick_up", name=short_name(v.session)), "pick_up", {"session": str(v.session.id)})
        for v in rows
    )
    return bounded(Card("list", say("queue.title"), blocks, choices), say("short.list"), cut=short.cut)


def _asked(view: SessionView, short: Shortener) -> str:
    asked = view.session.escalation
    if asked is None:
        return ""
    row = say(
        "queue.row",
        age=span(view.now - asked.requested_at),
        priority=priority_of(view.ticket, short) or say("queue.no_priority"),
        requester=view_name(view, asked.requested_by, short),
        target=short.line(asked.to.name, 60),
        reason=short.sentence(asked.reason, 160) or say("escalation.no_reason"),
    )
    if asked.postponed_until is None or asked.postponed_until <= view.now:
        return row
    at = local(asked.postponed_until, view.zone, view.now)
    return say("queue.postponed", row=row, name=view_name(view, asked.postponed_by, short), at=at)


def duplicate_ticket(existing: SessionView, draft: UUID | None = None, *, yours: bool = False) -> Card:
    """The ticket has a Session already: open it, ask for it or start anyway; a finished one, follow up."""
    short, session = Shortener(), existing.session
    told = {"draft": str(draft)} if draft is not None else {}
    told |= {"ticket": str(session.ticket_id)} if session.ticket_id else {}
    this = {"session": str(session.id)}
    ended = session.status in FINAL
    kind = "done" if ended else "yours" if yours else "open"
    line = say(
        f"duplicate.{kind}" if session.ticket_id else "duplicate.ended",
        owner=view_name(existing, session.owner_id, short),
        ticket=session.ticket_id,
        problem=problem_of(session, limit=100),
        status=named("status", session.status).lower(),
        elapsed=span(active(session, existing.now)),
        at=local(session.resolved_at or session.updated_at, existing.zone, existing.now),
    )
    fix = short.sentence(session.resolution_action, 300) if ended else ""
    blocks = (
        *texts(line, say("duplicate.fix", action=fix) if fix else ""),
        *texts(say("duplicate.kept"), tone="muted"),
    )
    anyway = Choice(say("duplicate.anyway"), "start_anyway", told)
    open_it = Choice(say("duplicate.open_it"), "open", this, "primary")
    if ended:
        follow = Choice(say("verb.follow_up"), "follow_up", {**this, **told}, "primary")
        choices: tuple[Choice, ...] = (follow, Choice(open_it.label, "open", this), anyway)
    else:
        ask = () if yours else (Choice(say("duplicate.ask"), "ask_to_take", {**this, **told}),)
        choices = (open_it, *ask, anyway)
    if session.ticket_id:
        title = say("duplicate.title_done" if ended else "duplicate.title", ticket=session.ticket_id)
    else:
        title = say("duplicate.title_ended")  # words typed after the end, where there is no ticket
    return bounded(Card("list", title, blocks, choices), say("short.list"), cut=short.cut)


# ── One Session ─────────────────────────────────────────────────────────────────────────────────────────────


def path(view: SessionView, ahead: Sequence[str] = (), jumps: Sequence[tuple[str, str]] = ()) -> Card:
    """What was done and what is still ahead. `jumps`: (flow node, its text), for an expert to go there at once."""
    short, session = Shortener(), view.session
    done = [step_line(s) for s in view.history.steps if s.outcome is not None]
    earlier = len(done) - PATH_DONE
    step = session.current
    now = ""
    if step is not None and step.outcome is None:
        now = say("path.now", number=step.number, text=short.line(step.text, 300))
        ahead = [line for line in ahead if not _same(line, step.text)]
    coming = [short.line(line, 160) for line in ahead[:PATH_AHEAD]]
    if len(ahead) > PATH_AHEAD:
        coming.append(say("ticket.more", count=len(ahead) - PATH_AHEAD))
    open_now = session.status not in FINAL
    blocks = (
        *texts(say("path.earlier", count=earlier) if earlier > 0 else "", tone="muted"),
        *(bullets(say("path.done"), done[-PATH_DONE:]) or texts(say("path.none"), tone="muted")),
        *texts(now),
        *bullets(say("path.ahead"), coming),
        *texts(say("path.no_plan") if open_now and not coming else "", tone="muted"),
    )
    able = session.status is Status.ACTIVE
    choices = tuple(
        Choice(
            say("path.jump", text=short.line(text, 60)),
            "jump",
            {"session": str(session.id), "node": node},
            more=True,
        )
        for node, text in (jumps[:JUMPS] if able else ())
    )
    title = say("path.title", problem=problem_title(view))
    copy = choice("copy", session, more=True)
    return bounded(Card("list", title, blocks, (*choices, copy)), whole(view), cut=short.cut)


def _same(line: str, text: str) -> bool:
    """Whether a line of the outline, `2.1. …` and perhaps cut, is the step on the table."""
    bare = re.sub(r"^[\d.\s]+", "", line).rstrip("… ")
    return bool(bare) and one_line(text, 2_000).startswith(bare)


def copy(view: SessionView, documentation: Documentation | None, *, step: int | None = None) -> Card:
    """The documentation, or a Step's whole script, in pieces that can be copied."""
    title = say("copy.title", problem=problem_title(view))
    blocks: list[Block] = []
    if step is not None:
        found = next((s for s in view.history.steps if s.number == step and s.script is not None), None)
        blocks += _pieces("", found.script.text if found and found.script else "")
    elif documentation is not None:
        blocks += _pieces(say("copy.technical"), documentation.technical)
        blocks += _pieces(say("copy.customer"), documentation.customer)
    return bounded(Card("list", title, tuple(blocks) or texts(say("copy.none"), tone="muted")))


def pieces(text: str) -> tuple[str, ...]:
    """A text in parts of at most one block, cut at line ends where that is possible."""
    left, found = seen(text).strip("\n"), []
    while len(left) > BLOCK_TEXT:
        at = left.rfind("\n", BLOCK_TEXT // 2, BLOCK_TEXT)
        at = at if at > 0 else BLOCK_TEXT
        found.append(left[:at])
        left = left[at:].lstrip("\n")
    return (*found, left) if left else tuple(found)


def _pieces(label: str, text: str) -> list[Block]:
    found = pieces(text)
    blocks: list[Block] = list(texts(f"*{label}*") if label and found else ())
    return [*blocks, *(Code(piece) for piece in found)]


# ── Tickets, help, failures ─────────────────────────────────────────────────────────────────────────────────


def tickets(
    hits: Sequence[TicketHit], zone: ZoneInfo, now: datetime, *, own: bool = False, draft: UUID | None = None
) -> Card:
    """Search results or the person's open tickets, each with a button that starts on it."""
    short = Shortener()
    title = say("tickets.title_mine" if own else "tickets.title")
    if not hits:
        none = say("tickets.none_mine" if own else "tickets.none")
        return bounded(Card("list", title, texts(none, tone="muted")))
    rows = hits[:ROWS]
    told = {"draft": str(draft)} if draft is not None else {}
    blocks = (
        *fields([(_named(hit, short), _hit(hit, zone, now, short, own=own)) for hit in rows]),
        *more(len(hits), len(rows), Shortener()),
    )
    choices = tuple(
        Choice(say("tickets.start", ticket=hit.id), "start", {"ticket": str(hit.id), **told}) for hit in rows
    )
    return bounded(Card("list", title, blocks, choices), cut=short.cut)


def _named(hit: TicketHit, short: Shortener) -> str:
    return say("ticket.named", ticket=hit.id, summary=short.line(hit.summary, 90)).strip()


def _hit(hit: TicketHit, zone: ZoneInfo, now: datetime, short: Shortener, *, own: bool) -> str:
    """When it is due, how urgent it is and whose it is; his own name is not told to the owner."""
    goal = ""
    if hit.goal:
        at = local(hit.goal, zone, now)
        goal = say("tickets.goal", at=say("ticket.late", at=at) if hit.goal < now else at)
    parts = [goal, hit.priority, hit.status, hit.company, hit.contact, hit.board, "" if own else hit.owner]
    return " · ".join(each for part in parts if part and (each := short.line(part, 50)))


def help_card(*, admin: bool = False) -> Card:
    examples = tuple(
        say(f"help.{each}") for each in ("example_text", "example_ticket", "example_log", "example_tried")
    )
    during = tuple(say(f"help.{each}") for each in ("answer", "verbs", "hand_over", "lists"))
    blocks = (
        *texts(say("help.intro")),
        Bullets(say("help.start"), examples),
        Bullets(say("help.during"), (*during, say("help.admin")) if admin else during),
        *texts(say("help.safe"), tone="muted"),
    )
    lists = (Choice(say(f"{verb}.title"), verb) for verb in ("mine", "queue", "time"))
    choices = (Choice(say("home.start"), "start_form", style="primary"), *lists)
    return bounded(Card("list", say("help.title"), blocks, choices))


def error(error_id: str) -> Card:
    """What happened, what was kept, what to do next."""
    number = Shortener().line(error_id, 40)
    blocks = texts(say("error.what"), say("error.kept"), say("error.next", error_id=number))
    return bounded(Card("notice", say("error.title"), blocks, tone="warning"))
