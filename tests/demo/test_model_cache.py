"""What the practice model reads from its prompt cache, and what it bills."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from demo.model import practice_model
from demo.model_cache import tokens_of
from demo.model_caller import HOUR, SMALL, Caller, Heard, assistant, caller, picture, shaped, text, user
from demo.model_refusals import Json

SHORT: Json = {"type": "ephemeral"}
SYSTEM = [text("s" * 4_000, cache_control=HOUR), text("t" * 400, cache_control=HOUR)]


@pytest.fixture
async def ask() -> AsyncIterator[Caller]:
    async with practice_model() as model, caller(model) as asking:
        yield asking


def billed(heard: Heard) -> tuple[int, int, int]:
    """(uncached, read, written)"""
    usage = heard.body["usage"]
    assert usage["cache_creation_input_tokens"] == sum(usage["cache_creation"].values())
    return usage["input_tokens"], usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]


async def cached(ask: Caller, *messages: Json, **fields: Any) -> tuple[int, int, int]:
    return billed(await ask(*messages, **{"system": SYSTEM, "cache_control": HOUR, **fields}))


def test_a_token_is_four_bytes() -> None:
    assert [tokens_of(words) for words in ("", "a", "abcd", "abcde", "⟦")] == [0, 1, 1, 2, 1]


async def test_each_turn_reads_the_prompt_before_it(ask: Caller) -> None:
    first = user("u" * 40)
    assert await cached(ask, first) == (0, 0, 1_110)
    more = [first, assistant("a" * 80), user("v" * 40)]
    assert await cached(ask, *more) == (0, 1_110, 30)
    assert await cached(ask, *more) == (0, 1_140, 0)


async def test_a_changed_beginning_is_written_anew(ask: Caller) -> None:
    await cached(ask, user("u" * 40))
    other = [text("S" + "s" * 3_999, cache_control=HOUR), SYSTEM[1]]
    assert await cached(ask, user("u" * 40), system=other) == (0, 0, 1_110)
    assert await cached(ask, user("w" * 40)) == (0, 1_100, 10)


async def test_without_a_breakpoint_nothing_is_kept(ask: Caller) -> None:
    plain = [text("s" * 400)]
    for _ in range(2):
        assert await cached(ask, user("u" * 40), system=plain, cache_control=None) == (110, 0, 0)


async def test_without_the_top_level_mark_only_the_system_blocks_are_cached(ask: Caller) -> None:
    assert await cached(ask, user("u" * 40), cache_control=None) == (10, 0, 1_100)
    assert await cached(ask, user("u" * 40), cache_control=None) == (10, 1_100, 0)


async def test_what_is_kept_lives_as_long_as_it_was_marked_for_and_each_use_prolongs_it(ask: Caller) -> None:
    clock = ask.model.clock
    clock.set(1_000_000)
    await cached(ask, user("u" * 40))
    for _ in range(3):
        clock.forward(3_000)
        assert (await cached(ask, user("u" * 40)))[1] == 1_110
    clock.forward(3_601)
    assert await cached(ask, user("u" * 40)) == (0, 0, 1_110)


async def test_five_minutes_and_an_hour_are_told_apart(ask: Caller) -> None:
    ask.model.clock.set(1_000_000)
    heard = await ask(user("u" * 40), system=SYSTEM, cache_control=SHORT)
    assert heard.body["usage"]["cache_creation"] == {
        "ephemeral_5m_input_tokens": 10,
        "ephemeral_1h_input_tokens": 1_100,
    }
    ask.model.clock.forward(301)
    assert await cached(ask, user("u" * 40), cache_control=SHORT) == (0, 1_100, 10)


async def test_another_model_or_schema_has_a_cache_of_its_own(ask: Caller) -> None:
    await cached(ask, user("u" * 40))
    assert (await cached(ask, user("u" * 40), model="claude-haiku-5-5"))[1] == 0
    assert (await cached(ask, user("u" * 40), output_config=shaped(SMALL)))[1] == 0


async def test_a_prefix_more_than_twenty_blocks_back_is_not_found(ask: Caller) -> None:
    blocks = [text(f"block {n:03d}") for n in range(30)]
    await cached(ask, user(*blocks[:5]), system=None)
    assert (await cached(ask, user(*blocks[:24]), system=None))[1] > 0
    await cached(ask, user("another", *blocks[:5]), system=None)
    assert (await cached(ask, user("another", *blocks[:26]), system=None))[1] == 0


async def test_a_short_prompt_is_not_cached_where_the_setting_asks_for_length(ask: Caller) -> None:
    ask.model.control.change_settings({"smallest_cached": 2_000})
    assert await cached(ask, user("u" * 40)) == (1_110, 0, 0)
    assert await cached(ask, user("u" * 4_000)) == (0, 0, 2_100)


async def test_a_picture_costs_the_same_whatever_its_size(ask: Caller) -> None:
    heard = await ask(user("abcd", picture()))
    assert heard.body["usage"]["input_tokens"] == 1_501


async def test_the_totals_are_the_sum_of_what_was_told(ask: Caller) -> None:
    for stream in (True, False):
        await ask(user("u" * 40), system=SYSTEM, cache_control=HOUR, stream=stream)
    entries = ask.model.asked
    assert ask.model.totals == entries[0].usage + entries[1].usage
    status, shown = await ask.get("/_practice/totals")
    assert (status, shown["usage"]) == (200, ask.model.totals.as_json())


async def test_a_cache_that_is_emptied_writes_everything_anew(ask: Caller) -> None:
    await cached(ask, user("u" * 40))
    await ask.get("/_practice/cache", "DELETE")
    assert await cached(ask, user("u" * 40)) == (0, 0, 1_110)
