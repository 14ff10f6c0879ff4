"""What a person's home shows beside the lists: how to start, his sessions, his tickets, and an Admin's settings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.card import Bullets, Card, Choice
from bot.cards_admin import channels, claude
from bot.cards_lists import links, more, row, short_name, tickets
from bot.cards_parts import Shortener, bounded, fields, texts
from bot.cards_session import problem_title
from bot.views import ConnectionView, SessionView, Spending
from bot.words import named, say
from engine.psa import TicketHit
from engine.session import Status

ROWS = 10
_FIRST = (Status.ACTIVE, Status.PAUSED, Status.REQUESTING_ESCALATION)


def home_start() -> Card:
    """One button that begins something new."""
    return bounded(Card("list", say("home.title"), texts(say("home.intro")), (_start(), _help())))


def home_new() -> Card:
    """For whoever has had no Session yet: what FlowPilot does, and three ways to begin."""
    examples = tuple(say(f"help.{each}") for each in ("example_text", "example_ticket", "example_log"))
    blocks = (
        *texts(say("help.intro")),
        Bullets(say("help.start"), examples),
        *texts(say("home.new"), say("help.safe"), tone="muted"),
    )
    return bounded(Card("list", say("help.title"), blocks, (_start(), _help())))


def _start() -> Choice:
    return Choice(say("home.start"), "start_form", style="primary")


def _help() -> Choice:
    return Choice(say("home.help"), "help")


def home_sessions(views: Sequence[SessionView], unread: int = 0) -> Card:
    """His open Sessions, those at work first, then the paused ones with Resume, then those that ask for help.

    `unread`: he has so many more.
    """
    if not views:
        return bounded(Card("list", say("mine.title"), texts(say("home.no_sessions"), tone="muted")))
    short = Shortener()
    ordered = sorted(views, key=lambda v: _FIRST.index(v.session.status) if v.session.status in _FIRST else 9)
    rows = ordered[:ROWS]
    pairs = [(short.line(problem_title(v), 100), row(v, short)) for v in rows]
    blocks = (*fields(pairs, links(rows)), *more(len(views) + unread, len(rows), Shortener()))
    choices = tuple(each for v in rows for each in _ways(v))
    return bounded(Card("list", say("mine.title"), blocks, choices), say("short.list"), cut=short.cut)


def _ways(view: SessionView) -> tuple[Choice, ...]:
    session, name = view.session, short_name(view.session)
    this = {"session": str(session.id)}
    open_it = Choice(say("list.open", name=name), "open", this)
    if session.status is not Status.PAUSED:
        return (open_it,)
    return (Choice(say("home.resume", name=name), "resume", this, "primary"), open_it)


def home_tickets(hits: Sequence[TicketHit], zone: ZoneInfo, now: datetime, problem: str = "") -> Card:
    """His open tickets, the nearest goal first, with Start; or why they cannot be shown."""
    if problem:
        return bounded(Card("list", say("tickets.title_mine"), texts(problem, tone="muted")))
    if not hits:
        return bounded(Card("list", say("tickets.title_mine"), texts(say("home.no_tickets"), tone="muted")))
    return tickets(hits, zone, now, own=True)


def home_admin(connection: ConnectionView, spending: Spending | None = None) -> Card:
    """The state of the connection and what is set, whether Claude is on and what it used today, for Admins, with a
    button for each place to change it.
    """
    short, chosen, account = Shortener(), connection.settings, connection.account_settings
    state = say("settings.not_connected")
    if connection.host:
        state = say(
            "settings.connected",
            company=short.line(connection.company, 60),
            host=short.line(connection.host, 80),
            state=named("connection", connection.state),
        )
    pairs = (
        (say("settings.connection"), state),
        *(((say("settings.claude"), _claude(spending, short)),) if spending is not None else ()),
        (say("settings.auto_push"), say(f"settings.auto_push.{chosen.auto_push}")),
        (say("settings.time_entries"), say(f"settings.time_entries.{chosen.time_entries}")),
        *channels(account, short),
        (say("settings.business_hours"), _word(account.get("business_hours"), short)),
    )
    problem = short.sentence(connection.problem, 300)
    warned = texts(say("settings.problem", problem=problem) if problem else "", tone="warning")
    change = "settings.reconnect" if connection.host else "settings.connect"
    choices = (
        Choice(say("settings.card"), "settings"),
        Choice(say(change), "connect", style="plain" if connection.host else "primary"),
        Choice(say("people.title"), "people"),
    )
    return bounded(Card("list", say("home.admin"), (*fields(pairs), *warned), choices), cut=short.cut)


def _claude(spending: Spending, short: Shortener) -> str:
    tokens, limit = f"{spending.tokens:,}", f"{spending.limit:,}"
    used = say("settings.today_of" if spending.limit else "settings.today_free", tokens=tokens, limit=limit)
    return f"{claude(spending, short)} · {used}" if spending.models else claude(spending, short)


def _word(value: object, short: Shortener) -> str:
    return short.line(value, 100) if value else say("settings.unset")
