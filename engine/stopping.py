"""The moves of a person who does not want to wait for the Guide: stop it, and ask it again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from engine.effects import Announce, ShowCard, Tell
from engine.events import GuideAskedAgain, GuideStopped
from engine.session import Session, Turn
from engine.working import Moved, ask, worked


def stop(session: Session, event: GuideStopped, now: datetime) -> Moved:
    """The Turn is closed without a Step; what was said stays, and the next word or "ask again" opens another.

    A briefing is no answer to anything and is not stopped.
    """
    turn = session.turn
    if event.turn != turn.number or not turn.open or turn.briefing:
        return session, (Tell(to=event.by.id, what="refused.nothing_to_stop"), ShowCard())
    session, idle = worked(session, event.by.id, now)
    session = replace(session, turn=Turn(turn.number, stopped=True))
    return session, (Announce(what="guide_stopped", about=event.by.id), ShowCard(), *idle)


def ask_again(session: Session, event: GuideAskedAgain, now: datetime) -> Moved:
    """On the same evidence, after a stop or a failure. A second click finds the Turn open and changes nothing."""
    step = session.current
    answered = step is None or step.outcome is not None
    if session.turn.open or not (session.turn.stopped or answered):
        return session, (ShowCard(),)
    session, idle = worked(session, event.by.id, now)
    session, asked = ask(session)
    return session, (ShowCard(), *asked, *idle)
