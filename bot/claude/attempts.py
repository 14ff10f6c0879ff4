"""What follows from the calls already made for one message: use a reply, wait for one, send again, or give up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from engine.model import RETRYABLE, StopReason
from storage.conversations import CallRow, CallState

AWAY = "guide_away"
CLOSED = "guide_closed"
REFUSED = "guide_refused"
UNCLEAR = "guide_unclear"
BUDGET = "guide_budget"
MOST_UNKNOWN = 2


@dataclass(frozen=True, slots=True)
class Use:
    """A reply that was kept and waits."""

    call: CallRow


@dataclass(frozen=True, slots=True)
class Join:
    """The call is still under way in this process."""

    call: UUID


@dataclass(frozen=True, slots=True)
class Send:
    max_tokens: int


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The offline guide takes the turn. `aside`: the key of the sentence that says why."""

    aside: str


Move = Use | Join | Send | GaveUp


def next_move(
    calls: Sequence[CallRow], turn: int, flies: Callable[[UUID], bool], max_tokens: int, waits: int
) -> Move:
    """`calls` are those of one message, oldest first, of whichever turn: the same words may be asked in a later one.

    A reply to them counts whenever it was asked for; what failed, only in this turn. `waits`: how often a call that
    failed is repeated.
    """
    kept = [c for c in calls if _answered(c, StopReason.END_TURN) and not c.used]
    if kept:
        return Use(kept[-1])
    ours = [c for c in calls if c.turn == turn]
    if any(_answered(c, StopReason.REFUSAL) for c in ours):
        return GaveUp(REFUSED)
    flying = [c.id for c in calls if c.state is CallState.IN_FLIGHT and flies(c.id)]
    if flying:
        return Join(flying[-1])
    short = [c.max_tokens for c in ours if _answered(c, StopReason.MAX_TOKENS)]
    if any(given > max_tokens for given in short):
        return GaveUp(UNCLEAR)
    if len([c for c in ours if c.state in (CallState.IN_FLIGHT, CallState.UNKNOWN)]) >= MOST_UNKNOWN:
        return GaveUp(AWAY)
    failed = [c for c in ours if _failed(c)]
    if len(failed) > waits or any(c.failure is not None and c.failure not in RETRYABLE for c in failed):
        return GaveUp(AWAY)
    return Send(max_tokens * 2 if short else max_tokens)


def lost(calls: Sequence[CallRow], turn: int, flies: Callable[[UUID], bool]) -> tuple[CallRow, ...]:
    """The calls of this turn that a process sent which no longer knows of them: nobody can say how they ended."""
    return tuple(c for c in calls if c.turn == turn and c.state is CallState.IN_FLIGHT and not flies(c.id))


def failures(calls: Sequence[CallRow], turn: int) -> int:
    """How many calls of this turn brought nothing."""
    return len([c for c in calls if c.turn == turn and _failed(c)])


def _answered(call: CallRow, stop: StopReason) -> bool:
    return call.state is CallState.ANSWERED and call.stop_reason is stop


def _failed(call: CallRow) -> bool:
    """A stream that ended in the middle was paid for and is no answer."""
    broken = _answered(call, StopReason.CUT) or _answered(call, StopReason.OTHER)
    return call.state is CallState.FAILED or broken
