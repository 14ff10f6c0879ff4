"""The day a budget counts: from midnight to midnight where the Account is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.claude.budget import day_of

NOW = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)


def test_a_day_begins_and_ends_at_the_accounts_own_midnight() -> None:
    day = day_of({"time_zone": "Europe/Berlin"}, NOW, 100)
    assert day.began == datetime(2026, 3, 2, 23, 0, tzinfo=UTC)
    assert day.ends == datetime(2026, 3, 3, 23, 0, tzinfo=UTC)


def test_a_day_on_which_the_clocks_change_is_as_long_as_it_is() -> None:
    day = day_of({"time_zone": "Europe/Berlin"}, datetime(2026, 3, 29, 12, tzinfo=UTC), 100)
    assert day.ends.astimezone(UTC) - day.began.astimezone(UTC) == timedelta(hours=23)


@pytest.mark.parametrize(("own", "limit"), [({}, 100), ({"daily_tokens": 7}, 7), ({"daily_tokens": 0}, 0),
                                            ({"daily_tokens": "many"}, 100), ({"daily_tokens": -1}, 100)])  # fmt: skip
def test_an_account_may_have_a_limit_of_its_own(own: dict[str, object], limit: int) -> None:
    assert day_of(own, NOW, 100).limit == limit


def test_what_is_spent_to_the_last_token_is_over_and_no_limit_never_is() -> None:
    day = day_of({}, NOW, 100)
    assert (day.over(99), day.over(100)) == (False, True)
    assert not day_of({}, NOW, 0).over(10**12)
