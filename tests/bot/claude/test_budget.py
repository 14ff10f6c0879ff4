"""The day a budget counts: from midnight to midnight where the Account is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.claude.budget import MOST, BudgetInvalid, Known, day_of, parse, spending
from bot.views import Spending
from engine.model import Models
from tests.bot.claude.claude_scene import acted, ahead, steps
from tests.conftest import Database

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


@pytest.mark.parametrize(
    ("typed", "tokens"),
    [("500000", 500_000), (" 2,000,000 ", 2_000_000), ("1.000.000", 1_000_000), ("20 000", 20_000), ("0", 0), ("", None),
     ("  ", None), (str(MOST), MOST)],
)  # fmt: skip
def test_a_number_of_tokens_is_read_as_people_write_it(typed: str, tokens: int | None) -> None:
    assert parse(typed) == tokens


@pytest.mark.parametrize("typed", ["many", "-5", "5k", "1e6", "٥", str(MOST + 1), "9" * 5_000])
def test_what_is_no_number_of_tokens_is_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(BudgetInvalid, match="500000"):
        parse(typed)


async def test_what_was_spent_is_counted_with_its_price_until_midnight(database: Database) -> None:
    async with acted(database.app_url) as scene:
        scene.practice.script(*steps("Since when does it happen?"))
        noon = datetime.now(UTC).replace(hour=12, minute=0) + timedelta(days=1)
        scene.place.store.offset = noon - datetime.now(UTC)
        await scene.start()
        [call] = await scene.calls()

        async def now() -> Spending:
            async with scene.place.store.transaction(scene.place.account) as unit:
                return await spending(unit, Known(Models(), 2_000_000))

        today = await now()
        assert (today.tokens, today.microdollars) == (call.usage.total, call.cost)
        assert (today.models[0], today.limit, today.own) == (Models().turn, 2_000_000, False)
        async with scene.place.store.transaction(scene.place.account) as unit:
            await unit.accounts.change_settings({"daily_tokens": 7})
        await ahead(scene, timedelta(hours=12, minutes=1))
        assert await now() == Spending(today.models, 7, own=True)
