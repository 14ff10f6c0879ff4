"""What a call costs: by model, by what came from the cache, and by the length of the prompt."""

from __future__ import annotations

import pytest

from engine.model import Models, Usage
from engine.pricing import DEAREST, PRICES, cost, dollars, price_of

MILLION = 1_000_000


@pytest.mark.parametrize(
    ("model", "read", "written"),
    [("claude-haiku-5-5", 500_000, 500_000), ("claude-sonnet-5-5", 2_000_000, 10_000_000),
     ("claude-opus-5-5", 4_000_000, 20_000_000)],
)  # fmt: skip
def test_a_million_tokens_cost_what_the_vendor_says(model: str, read: int, written: int) -> None:
    # A million tokens of prompt is a long one, five times the price for the small model.
    assert cost(model, Usage(input=MILLION)) == read
    assert cost(model, Usage(output=MILLION)) == written


def test_reading_from_the_cache_costs_a_tenth_and_writing_to_it_twice() -> None:
    plain = cost("claude-sonnet-5-5", Usage(input=10_000))
    assert cost("claude-sonnet-5-5", Usage(cache_read=10_000)) == plain // 10
    assert cost("claude-sonnet-5-5", Usage(cache_write=10_000)) == plain * 2


def test_the_small_model_costs_five_times_as_much_above_a_hundred_thousand_tokens_of_prompt() -> None:
    at, above = Usage(input=50_000, cache_read=50_000), Usage(input=50_000, cache_read=50_001)
    assert cost("claude-haiku-5-5", at) == 5_000 + 500
    assert cost("claude-haiku-5-5", above) == (5_000 + 500) * 5
    output = Usage(input=100_001, output=1_000)
    assert cost("claude-haiku-5-5", output) == 52_501


def test_output_alone_never_makes_a_prompt_long() -> None:
    assert cost("claude-haiku-5-5", Usage(input=1_000, output=200_000)) == 100 + 100_000


def test_a_dated_name_costs_what_its_model_costs() -> None:
    assert price_of("claude-haiku-5-5-20261021") is PRICES["claude-haiku-5-5"]


def test_a_model_that_nobody_knows_counts_as_the_dearest() -> None:
    assert price_of("claude-fable-9") is DEAREST is PRICES["claude-opus-5-5"]
    assert price_of("claude-haiku-5-50") is DEAREST


def test_every_model_of_the_defaults_has_a_price() -> None:
    defaults = Models()
    assert {defaults.turn, defaults.package, defaults.note, defaults.check} <= set(PRICES)


def test_parts_of_a_microdollar_are_rounded_and_nothing_costs_nothing() -> None:
    assert cost("claude-haiku-5-5", Usage(input=4)) == 0
    assert cost("claude-haiku-5-5", Usage(input=5)) == 1
    assert cost("claude-sonnet-5-5", Usage()) == 0


@pytest.mark.parametrize(
    ("microdollars", "shown"),
    [
        (0, "$0.00"),
        (40, "under $0.0001"),
        (1_234, "$0.0012"),
        (89_000, "$0.09"),
        (1_234_560_000, "$1,234.56"),
    ],
)
def test_a_cost_is_shown_as_people_write_money(microdollars: int, shown: str) -> None:
    assert dollars(microdollars) == shown
