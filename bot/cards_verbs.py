"""Which buttons fit a Session as it stands: at most three in the first row, the rest under "More"."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from bot.card import Choice
from bot.cards_parts import span, stretch
from bot.views import SessionView
from bot.words import say
from engine.ports import OwedPost, PostState
from engine.session import Interval, Session, Status, StepKind

Style = Literal["plain", "primary", "danger"]
FIRST_ROW = 3


def choice(
    verb: str,
    session: Session,
    *,
    label: str = "",
    style: Style = "plain",
    more: bool = False,
    confirm: str = "",
    **args: object,
) -> Choice:
    """A button about this Session; `label` is the words' key where the verb has several."""
    told = {"session": str(session.id)} | {name: str(value) for name, value in args.items()}
    said = say(label or f"verb.{verb}", ticket=session.ticket_id or "")
    return Choice(said, verb, told, style, more, confirm)


def updates(view: SessionView, verb: str) -> bool:
    """Whether resolving or escalating is followed by a post to the linked ticket."""
    if view.session.ticket_id is None or not view.psa_connected:
        return False
    allowed = (
        ("on_resolve_and_escalate",) if verb == "escalate" else ("on_resolve", "on_resolve_and_escalate")
    )
    return view.settings.auto_push in allowed


def resolve_verb(view: SessionView, *, more: bool = False, style: Style = "primary") -> Choice:
    label = "verb.resolve_ticket" if updates(view, "resolve") else "verb.resolve"
    return choice("resolve", view.session, label=label, style="plain" if more else style, more=more)


def escalate_verb(view: SessionView) -> Choice:
    label = "verb.escalate_ticket" if updates(view, "escalate") else "verb.escalate"
    return choice("escalate", view.session, label=label)


def verbs(view: SessionView) -> tuple[Choice, ...]:
    """The three that fit the status, then the rest under More."""
    first: tuple[Choice, ...]
    match view.session.status:
        case Status.ACTIVE:
            first = (resolve_verb(view), choice("pause", view.session), escalate_verb(view))
            if view.session.turn.stopped:
                again = choice("ask_again", view.session, style="primary")
                first = (again, resolve_verb(view, style="plain"), escalate_verb(view), first[1])
            rest = (
                *_stop(view.session),
                *_undo(view.session),
                *_while_open(view.session),
                *_at_work(view.session),
            )
        case Status.PAUSED:
            first = (
                choice("resume", view.session, style="primary"),
                escalate_verb(view),
                resolve_verb(view, style="plain"),
            )
            rest = (*_while_open(view.session), *_at_work(view.session))
        case Status.REQUESTING_ESCALATION:
            first, rest = _requesting(view)
        case _:
            first, rest = _final(view)
    row, over = first[:FIRST_ROW], first[FIRST_ROW:]
    under = (*over, *(() if view.session.status in _ENDS else post_verbs(view)), *rest)
    return (*row, *(replace(c, more=True) for c in under))


_ENDS = (Status.RESOLVED, Status.ABANDONED, Status.ESCALATED)


def _stop(session: Session) -> tuple[Choice, ...]:
    """While an answer is owed; who presses it late stops nothing else."""
    turn = session.turn
    return (choice("stop", session, turn=turn.number),) if turn.open and not turn.briefing else ()


def _undo(session: Session) -> tuple[Choice, ...]:
    """Taking back the last answer, where there is one that the engine would take back."""
    step = session.current
    answered = step if step and step.counts else session.previous
    briefing = session.turn.briefing or (
        step is not None and not step.outcome and step.kind is StepKind.BRIEFING
    )
    if answered is None or briefing or answered.kind is StepKind.BRIEFING:
        return ()
    return (choice("undo", session, step=answered.number),)


def _while_open(session: Session) -> tuple[Choice, ...]:
    link = "verb.link_other" if session.ticket_id else "verb.link"
    return (
        choice("note", session),
        choice("link", session, label=link),
        choice("path", session),
        choice("catch_up", session),
        choice("copy", session),
        choice("receipt", session),
    )


def _at_work(session: Session) -> tuple[Choice, ...]:
    return (choice("take_over", session), choice("abandon", session, style="danger"))


def _requesting(view: SessionView) -> tuple[tuple[Choice, ...], tuple[Choice, ...]]:
    session = view.session
    withdraw = choice("withdraw", session, confirm=say("confirm.withdraw"))
    pick_up, advise = choice("pick_up", session, style="primary"), choice("advise", session)
    rest: tuple[Choice, ...] = (
        choice("postpone", session),
        choice("decline", session),
        *_while_open(session),
        resolve_verb(view, more=True),
        choice("abandon", session, style="danger"),
    )
    if session.escalation is not None and session.escalation.advice_open:
        decide = (choice("take_advice", session, style="primary"), choice("decline_advice", session))
        # "Carry on with this" is what withdraws here. A button that asks first would be a fourth beside the three.
        return (*decide, replace(pick_up, style="plain")), (advise, *rest)
    return (pick_up, advise, withdraw), rest


def _final(view: SessionView) -> tuple[tuple[Choice, ...], tuple[Choice, ...]]:
    session = view.session
    posting = post_verbs(view)
    follow = () if session.status is Status.ESCALATED else (choice("follow_up", session),)
    rate = (choice("rate", session),) if session.rating is None and session.status is Status.RESOLVED else ()
    copy = choice("copy", session)
    first = (*posting, *((copy,) if session.ticket_id is None else ()), *follow, *rate)
    rest = () if session.ticket_id is None else (copy, choice("link", session, label="verb.link_other"))
    return first, (*rest, *gap_verbs(view), choice("path", session), choice("receipt", session))


# ── Posting what is owed ────────────────────────────────────────────────────────────────────────────────────


def stuck(post: OwedPost) -> bool:
    """It failed or its end is unknown, and it is not tried again by itself."""
    return post.held_because is None and post.state in (PostState.FAILED, PostState.UNKNOWN)


def post_verbs(view: SessionView) -> tuple[Choice, ...]:
    """Link and post, or Retry, or Post now, where something waits for exactly that."""
    session = view.session
    waiting = [p for p in view.posts if p.state is not PostState.POSTED]
    found: tuple[Choice, ...] = ()
    if session.ticket_id is None and (session.status in _ENDS or waiting):
        found += (choice("link", session, label="verb.link_and_post", style="primary"),)
    if any(stuck(p) for p in waiting):
        found += (choice("retry", session, style="primary"),)
    elif session.ticket_id is not None and any(p.held_because and p.held_because != "gap" for p in waiting):
        found += (_post_now(session, waiting),)
    return found


def _post_now(session: Session, waiting: list[OwedPost]) -> Choice:
    """What a person has to have said yes to (closing, a long entry) is asked before the click counts."""
    why = {p.held_because for p in waiting}
    confirm = [say("confirm.closing")] if "closing_unconfirmed" in why else []
    args = {"closing": "yes"} if confirm else {}
    if "over_4h" in why:
        confirm.append(say("confirm.long_time"))
    label = "verb.post_closing" if "closing_unconfirmed" in why else "verb.post_now"
    made = choice("retry", session, label=label, style="primary", confirm=" ".join(confirm))
    return replace(made, args={**made.args, **args})


# ── Time nobody decided about ───────────────────────────────────────────────────────────────────────────────


def undecided(session: Session) -> tuple[Interval, ...]:
    return tuple(i for i in session.intervals if i.confirmed is None)


def gap_verbs(view: SessionView, most: int = 2) -> tuple[Choice, ...]:
    return tuple(
        gap_choice(verb, view.session, (gap.start, gap.end), view.zone, view.now)
        for gap in undecided(view.session)[:most]
        for verb in ("count_time", "drop_time")
    )


def gap_choice(
    verb: str,
    session: Session,
    gap: tuple[datetime, datetime],
    zone: ZoneInfo,
    now: datetime,
    label: str = "",
    name: str = "",
) -> Choice:
    clock = stretch(*gap, zone, now)
    said = say(label or f"verb.{verb}", span=span(gap[1] - gap[0]), clock=clock, name=name)
    return Choice(said, verb, {"session": str(session.id), "start": gap[0].isoformat()})
