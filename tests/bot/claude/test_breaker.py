"""The breaker: three failed turns in a row leave the model alone for a minute, and one turn tries it again."""

from __future__ import annotations

from uuid import uuid4

from bot.claude.breaker import Breaker
from tests.fakes import Stopwatch

ACCOUNT, OTHER = uuid4(), uuid4()


def opened() -> tuple[Breaker, Stopwatch]:
    clock = Stopwatch()
    breaker = Breaker(clock)
    for _ in range(3):
        assert breaker.lets(ACCOUNT)
        breaker.failed(ACCOUNT)
    return breaker, clock


def test_two_failed_turns_change_nothing_and_one_that_works_forgets_them() -> None:
    breaker = Breaker(Stopwatch())
    for _ in range(5):
        breaker.failed(ACCOUNT)
        breaker.failed(ACCOUNT)
        assert breaker.lets(ACCOUNT)
        breaker.worked(ACCOUNT)


def test_after_three_failed_turns_the_model_is_left_alone_for_a_minute() -> None:
    breaker, clock = opened()
    assert not breaker.lets(ACCOUNT)
    clock.seconds += 59.9
    assert not breaker.lets(ACCOUNT)
    clock.seconds += 0.2
    assert breaker.lets(ACCOUNT)


def test_other_accounts_ask_on() -> None:
    breaker, _ = opened()
    assert breaker.lets(OTHER)


def test_one_turn_tries_and_the_others_wait_for_how_it_ends() -> None:
    breaker, clock = opened()
    clock.seconds += 61
    assert breaker.lets(ACCOUNT)
    assert not breaker.lets(ACCOUNT)
    breaker.worked(ACCOUNT)
    assert breaker.lets(ACCOUNT)


def test_a_try_that_fails_leaves_the_model_alone_for_another_minute() -> None:
    breaker, clock = opened()
    clock.seconds += 61
    assert breaker.lets(ACCOUNT)
    breaker.failed(ACCOUNT)
    assert not breaker.lets(ACCOUNT)
    clock.seconds += 61
    assert breaker.lets(ACCOUNT)


def test_a_try_that_nobody_hears_of_again_is_followed_by_another() -> None:
    breaker, clock = opened()
    clock.seconds += 61
    assert breaker.lets(ACCOUNT)
    clock.seconds += 61
    assert breaker.lets(ACCOUNT)
