"""How each part owed to the PSA is told: waiting, posted, tried again, failed, unknown, or held and why."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from bot.card import Block
from bot.cards_parts import Shortener, bullets, local, span, stretch, texts
from bot.cards_verbs import undecided
from bot.views import SessionView
from bot.words import WORDS, named, say
from engine.ports import OwedPost, PostState
from engine.session import FINAL, Status

SHOWN = 12


def post_blocks(view: SessionView, short: Shortener) -> tuple[Block, ...]:
    """One line per part that is not posted yet; the posted ones, of which nothing else is to say, share the last."""
    ended = view.session.status in FINAL
    if not view.posts:
        nothing = ended and view.session.ticket_id is None
        return (*_gaps(view, short), *(texts(say("post.not_posted"), tone="warning") if nothing else ()))
    owed = [p for p in view.posts if p.state is not PostState.POSTED]
    done = Counter(part_of(view, p, short) for p in view.posts if p.state is PostState.POSTED)
    posted = [
        part if count == 1 else say("post.times", part=part, count=count) for part, count in done.items()
    ]
    lines = [post_line(view, post, short) for post in owed[:SHOWN]]
    if len(owed) > SHOWN:
        lines.append(say("ticket.more", count=len(owed) - SHOWN))
    if posted:
        parts = " · ".join(posted[:SHOWN])
        more = f" · {say('ticket.more', count=len(posted) - SHOWN)}" if len(posted) > SHOWN else ""
        lines.append(say("post.line", part=f"{parts}{more}", state=say("post.posted")))
    return (*bullets(say("post.title"), lines), *_gaps(view, short))


def post_line(view: SessionView, post: OwedPost, short: Shortener) -> str:
    return say("post.line", part=part_of(view, post, short), state=state_of(view, post, short))


def part_of(view: SessionView, post: OwedPost, short: Shortener) -> str:
    """`Time of Ben, 30 min`, `Status to Completed`, `Note`."""
    part = named("part", post.kind)
    several = len({p.engineer for p in view.posts if p.kind == post.kind}) > 1
    if post.kind == "status" and post.content.get("status_name"):
        part = say("post.status_to", status=short.line(post.content["status_name"], 50))
    if several and post.engineer is not None:
        part = say("post.of", part=part, name=short.line(view.history.name(post.engineer), 60))
    length = billed(post)
    return f"{part}, {span(length)}" if length else part


def billed(post: OwedPost) -> timedelta:
    """How long a time entry is; nothing for other parts."""
    minutes = post.content.get("billed_minutes") if post.kind == "time" else None
    return timedelta(minutes=minutes) if isinstance(minutes, int) else timedelta()


def state_of(view: SessionView, post: OwedPost, short: Shortener) -> str:
    problem = short.sentence(post.problem, 240)
    match post.state:
        case PostState.POSTED:
            return say("post.posted")
        case PostState.FAILED if not post.held_because:
            return say("post.failed", problem=problem) if problem else say("post.failed_bare")
        case PostState.UNKNOWN if not post.held_because:
            return say("post.unknown", problem=problem).rstrip()
        case _ if post.held_because:
            return say("post.held", why=held(post.held_because)) + "."
        case PostState.SENDING:
            return say("post.settling", problem=problem).rstrip() if post.attempts else say("post.sending")
        case _ if post.next_attempt_at is not None and post.attempts:
            at = local(post.next_attempt_at, view.zone, view.now)
            return say("post.again", at=at, problem=problem).rstrip()
        case _:
            return say("post.waiting")


def held(reason: str) -> str:
    key = f"held.{reason}"
    return WORDS[key] if key in WORDS else say("held.other", reason=Shortener().line(reason, 80))


def _gaps(view: SessionView, short: Shortener) -> tuple[Block, ...]:
    """Time nobody decided about, once the part it belongs to has ended."""
    if view.session.status in (Status.ACTIVE, Status.PAUSED):
        return ()
    said = [
        say(
            "session.gap",
            name=short.line(view.history.name(gap.engineer), 60),
            span=span(gap.length),
            clock=stretch(gap.start, gap.end, view.zone, view.now),
        )
        for gap in undecided(view.session)[:2]
    ]
    return texts(*said, tone="warning")
