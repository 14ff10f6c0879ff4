"""The answer to `time`: today and this week per ticket, what became of it, and the fix beside each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.card import Card, Choice
from bot.cards_lists import short_name
from bot.cards_parts import CHOICES, Shortener, bounded, fields, span, texts
from bot.cards_posts import billed, held
from bot.cards_session import problem_of, titled
from bot.cards_verbs import gap_choice, stuck
from bot.views import TimeLine
from bot.words import say
from engine.ports import OwedPost, PostState
from engine.session import Session

LINES = 10
_MINUTE = timedelta(minutes=1)


def time(lines: Sequence[TimeLine], now: datetime, zone: ZoneInfo) -> Card:
    """Hours posted, waiting, failed and unconfirmed; each of the last three with its button."""
    short = Shortener()
    worked = [x for x in lines if x.worked_week >= _MINUTE or x.worked_today >= _MINUTE or x.gaps or x.posts]
    if not worked:
        return bounded(Card("list", say("time.title"), texts(say("time.nothing"), tone="muted")))
    today = sum((x.worked_today for x in worked), timedelta())
    week = sum((x.worked_week for x in worked), timedelta())
    rows = worked[:LINES]
    left = len(worked) - len(rows)
    blocks = (
        *texts(say("time.total", today=span(today), week=span(week))),
        *fields([(_name(x.session, short), _row(x, short)) for x in rows]),
        *texts(say("list.more", count=left) if left > 0 else "", tone="muted"),
    )
    choices = tuple(each for x in rows for each in _fixes(x, now, zone))[:CHOICES]
    return bounded(Card("list", say("time.title"), blocks, choices), say("short.list"), cut=short.cut)


def _name(session: Session, short: Shortener) -> str:
    return titled(session, short.line(problem_of(session), 80))


def _row(line: TimeLine, short: Shortener) -> str:
    parts = [
        say("time.row", today=span(line.worked_today), week=span(line.worked_week)),
        *_states(line.posts, short),
    ]
    gaps = sum((end - start for start, end in line.gaps), timedelta())
    if line.gaps:
        parts.append(say("time.unconfirmed", span=span(gaps)))
    if line.overlap >= _MINUTE:
        parts.append(say("time.overlap", span=span(line.overlap)))
    if line.session.ticket_id is None:
        parts.append(say("time.no_ticket"))
    return "; ".join(parts)


def _states(posts: Sequence[OwedPost], short: Shortener) -> list[str]:
    """Posted and waiting as sums; failed, unknown and held with their reasons, each reason once."""
    said: dict[tuple[str, str], timedelta] = {}
    for post in posts:
        key = _state(post, short)
        said[key] = said.get(key, timedelta()) + billed(post)
    return [
        say(key, span=span(length), problem=why, why=why) for (key, why), length in list(said.items())[:5]
    ]


def _state(post: OwedPost, short: Shortener) -> tuple[str, str]:
    if post.state is PostState.POSTED:
        return "time.posted", ""
    if post.held_because:
        return "time.held", held(post.held_because)
    if post.state is PostState.FAILED:
        return "time.failed", short.line(post.problem, 120) or say("post.failed_bare")
    return ("time.unknown", "") if post.state is PostState.UNKNOWN else ("time.waiting", "")


def _fixes(line: TimeLine, now: datetime, zone: ZoneInfo) -> tuple[Choice, ...]:
    session, name = line.session, short_name(line.session, 20)
    this = {"session": str(session.id)}
    found = [
        gap_choice(verb, session, gap, zone, now, label, name)
        for gap in line.gaps[:3]
        for verb, label in (("count_time", "time.count"), ("drop_time", "time.drop"))
    ]
    waiting = [p for p in line.posts if p.state is not PostState.POSTED]
    why = {p.held_because for p in waiting if p.held_because}
    if "no_ticket" in why:
        found.append(Choice(say("time.link", name=name), "link", this))
    if any(stuck(p) for p in waiting):
        found.append(Choice(say("time.retry", name=name), "retry", this))
    elif why - {"no_ticket", "gap"}:
        confirm = say("confirm.long_time") if "over_4h" in why else ""
        found.append(Choice(say("time.post", name=name), "retry", this, confirm=confirm))
    return tuple(found)
