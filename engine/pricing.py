"""What a call of a language model costs, from its tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.model import Usage

CACHE_WRITE = 2
"""Times the price of input: what goes into the cache for an hour."""
CACHE_READ = 10
"""The share of the price of input, as a divisor: what comes out of the cache."""


@dataclass(frozen=True, slots=True)
class Price:
    """Thousandths of a microdollar per token; dollars per million tokens are as many microdollars per token.

    Above `long` tokens of prompt the whole call costs `longer` times as much.
    """

    input: int
    output: int
    long: int = 0
    longer: int = 1


PRICES: Mapping[str, Price] = {
    "claude-haiku-5-5": Price(100, 500, long=100_000, longer=5),
    "claude-sonnet-5-5": Price(2_000, 10_000),
    "claude-opus-5-5": Price(4_000, 20_000),
}
DEAREST = max(PRICES.values(), key=lambda price: price.output)


def price_of(model: str) -> Price:
    """By the name or its beginning, as dated names have it; what nobody knows the price of counts as the dearest."""
    return next((price for name, price in PRICES.items() if _is(model, name)), DEAREST)


def _is(model: str, name: str) -> bool:
    return model == name or model.startswith(f"{name}-")


def cost(model: str, usage: Usage) -> int:
    """Microdollars, rounded to the nearest."""
    price = price_of(model)
    prompt = usage.input + usage.cache_write * CACHE_WRITE
    thousandths = (
        price.input * prompt + price.input * usage.cache_read // CACHE_READ + price.output * usage.output
    )
    if price.long and usage.prompt > price.long:
        thousandths *= price.longer
    return (thousandths + 500) // 1_000


def dollars(microdollars: int) -> str:
    """As a person reads it: cents from a cent on, else as many places as it takes to say more than nothing."""
    if microdollars >= 10_000 or microdollars == 0:
        return f"${microdollars / 1_000_000:,.2f}"
    return f"${microdollars / 1_000_000:.4f}" if microdollars >= 100 else "under $0.0001"
