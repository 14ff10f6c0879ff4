"""The record as fresh eyes may see it: what was done and found, and nowhere what anybody believes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

from engine.history import History
from engine.psa import Ticket
from engine.session import Fact, HypothesisState, Session, Step


def blind(history: History, ticket: Ticket | None) -> tuple[History, Ticket | None]:
    """The record without what anybody believes: no hypotheses, no reasons, their causes blanked in every text."""
    session = history.session
    without = without_beliefs(session)
    escalation = session.escalation
    if escalation is not None:
        blockers, promised = without(escalation.blockers), without(escalation.promised)
        escalation = replace(escalation, reason="", blockers=blockers, promised=promised)
    return replace(
        history,
        steps=tuple(_blind_step(step, without) for step in history.steps),
        notes=(),
        session=replace(
            session,
            intake=replace(session.intake, text=without(session.intake.text)),
            escalation=escalation,
            hypotheses=(),
            problem_summary="",
            package=None,
        ),
    ), replace(ticket, summary=without(ticket.summary)) if ticket else None


def without_beliefs(session: Session) -> Callable[[str], str]:
    """Blanks in any text the causes that were not ruled out."""
    return _blanking([h.cause for h in session.hypotheses if h.state is not HypothesisState.RULED_OUT])


def _blind_step(step: Step, without: Callable[[str], str]) -> Step:
    learned = tuple(Fact(said, f.step) for f in step.learned if tells_something(said := without(f.text)))
    return replace(
        step,
        text=without(step.text),
        why="",
        options=tuple(replace(o, label=without(o.label)) for o in step.options),
        outcome=replace(step.outcome, text=without(step.outcome.text)) if step.outcome else None,
        learned=learned,
        ruled_out=tuple(said for cause in step.ruled_out if tells_something(said := without(cause))),
    )


def _blanking(causes: Sequence[str]) -> Callable[[str], str]:
    # Ignoring case, a pattern does not match ß with SS: the spellings stand side by side.
    spelled = {each for cause in causes for each in (cause, cause.upper(), cause.casefold())}
    worded = sorted((re.findall(r"\w+", each) for each in spelled), key=len, reverse=True)
    phrases = [r"\W+".join(map(re.escape, words)) for words in worded if words]
    if not phrases:
        return lambda text: text
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(phrases)})(?!\w)", re.IGNORECASE)
    # Remembered while one record is blinded: the same words stand in several of its places.
    return cache(lambda text: pattern.sub("…", text))


def tells_something(text: str) -> bool:
    return any(c.isalnum() for c in text)
