"""What follows from the calls that were made already: use, wait, send or give up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from bot.claude.attempts import GaveUp, Join, Move, Send, Use, failures, lost, next_move
from bot.claude.calls import Schedule
from engine.model import Failure, ModelFailed, Purpose, StopReason, Usage
from storage.conversations import CallRow, CallState

NOW = datetime(2026, 3, 2, tzinfo=UTC)
TURN = 4


def call(state: CallState, **changed: object) -> CallRow:
    made = CallRow(
        uuid4(), uuid4(), Purpose.TURN, TURN, 1, 1, 3, "claude-sonnet-5-5", 100, True, "turn-1", state, NOW, None,
        None, Usage(), 0, None, None, 0, "", "", "", False, {},
    )  # fmt: skip
    return replace(made, **changed)  # type: ignore[arg-type]


def answered(stop: StopReason = StopReason.END_TURN, **changed: object) -> CallRow:
    return call(CallState.ANSWERED, stop_reason=stop, **changed)


def failed(failure: Failure = Failure.OVERLOADED, **changed: object) -> CallRow:
    return call(CallState.FAILED, failure=failure, **changed)


FLYING, GONE, UNKNOWN = call(CallState.IN_FLIGHT), call(CallState.IN_FLIGHT), call(CallState.UNKNOWN)
KEPT = answered()


def follows(*calls: CallRow) -> Move:
    return next_move(calls, TURN, flies, 100, 3)


def flies(call_id: UUID) -> bool:
    return call_id == FLYING.id


@pytest.mark.parametrize(
    ("calls", "move"),
    [
        ((), Send(100)),
        ((KEPT,), Use(KEPT)),
        ((failed(), KEPT), Use(KEPT)),
        ((FLYING,), Join(FLYING.id)),
        ((KEPT, FLYING), Use(KEPT)),
        ((answered(used=True),), Send(100)),
        ((GONE,), Send(100)),
        ((UNKNOWN,), Send(100)),
        ((UNKNOWN, GONE), GaveUp("guide_away")),
        ((failed(), failed(), failed()), Send(100)),
        ((failed(), failed(), failed(), failed()), GaveUp("guide_away")),
        ((failed(Failure.KEY_REFUSED),), GaveUp("guide_away")),
        ((answered(StopReason.CUT),), Send(100)),
        ((answered(StopReason.REFUSAL),), GaveUp("guide_refused")),
        ((answered(StopReason.MAX_TOKENS),), Send(200)),
        ((answered(StopReason.MAX_TOKENS, max_tokens=200),), GaveUp("guide_unclear")),
    ],
)
def test_what_follows_from_the_calls_of_a_turn(calls: tuple[CallRow, ...], move: Move) -> None:
    assert follows(*calls) == move


def test_what_failed_in_an_earlier_turn_does_not_count_and_a_kept_reply_does() -> None:
    before = TURN - 1
    refused = answered(StopReason.REFUSAL, turn=before)
    assert follows(failed(Failure.REJECTED, turn=before), refused) == Send(100)
    kept = answered(turn=before)
    assert follows(kept) == Use(kept)


def test_a_call_that_nobody_knows_of_any_more_is_lost() -> None:
    elsewhere = call(CallState.IN_FLIGHT, turn=TURN - 1)
    assert lost((FLYING, GONE, UNKNOWN, elsewhere), TURN, flies) == (GONE,)
    assert failures((failed(), answered(StopReason.CUT), failed(turn=1), KEPT), TURN) == 2


BUSY = ModelFailed(Failure.BUSY, 429, 90.0)
DOWN = ModelFailed(Failure.OVERLOADED, 529)


@pytest.mark.parametrize(
    ("failure", "before", "waited", "wait"),
    [
        (DOWN, 1, 0, 2), (DOWN, 5, 52, 60), (DOWN, 6, 112, None), (BUSY, 1, 0, 90), (BUSY, 2, 200, None),
        (ModelFailed(Failure.BUSY, 429, 121.0), 1, 0, None), (ModelFailed(Failure.BUSY, 429), 2, 2, 5),
    ],
)  # fmt: skip
def test_the_schedule_waits_as_the_vendor_asks_or_longer_each_time(
    failure: ModelFailed, before: int, waited: float, wait: float | None
) -> None:
    assert Schedule(jitter=0.0).wait(failure, before, waited) == wait


@pytest.mark.parametrize("first", [0.001, 2.0, 20.0])
def test_a_schedule_that_begins_sooner_or_later_leaves_no_attempt_out(first: float) -> None:
    schedule, waited = Schedule().paced(first), 0.0
    assert schedule.waits[0] == pytest.approx(first)
    for before in range(1, 6):
        wait = schedule.wait(DOWN, before, waited)
        assert wait is not None
        waited += wait
    assert schedule.wait(BUSY, 1, 0) == 90, "what the vendor asks for is waited for"


def test_waits_differ_a_little_so_that_not_everybody_comes_back_at_once() -> None:
    waits = {Schedule().wait(DOWN, 3, 0) for _ in range(50)}
    assert len(waits) > 5
    assert all(wait is not None and 12 <= wait <= 18 for wait in waits)
