"""Prices the requests of a Session once more, as if they had been marked for the vendor's cache by another rule."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import Any

from demo.model_cache import Block, PromptCache, Usage, blocks_of, tokens_of
from engine.pricing import CACHE_READ, CACHE_WRITE, Price

WRITE_5M = 1.25
"""Times the price of input: what goes into the cache for five minutes."""
SMALLEST = 1_024
"""Tokens; the vendor keeps no shorter prompt."""
Body = dict[str, Any]
Rule = Callable[[Body, float], Body]
"""The body as it would be sent at that moment (seconds since 1970)."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call for a turn as the server got it, at a moment of its clock in seconds, with what it told then."""

    at: float
    body: Body
    usage: Usage


def request_at(moment: str, body: Body, usage: Usage) -> Request:
    """`moment` in ISO 8601."""
    return Request(datetime.fromisoformat(moment).timestamp(), body, usage)


# ── The rules ───────────────────────────────────────────────────────────────────────────────────────────────


def as_sent(body: Body, _at: float) -> Body:
    return body


def unmarked(body: Body, _at: float) -> Body:
    return _marked(body, None)


def marked(ttl: str, body: Body, _at: float) -> Body:
    """Every breakpoint of the product, at every request: both system blocks and the last message."""
    return _marked(body, {"type": "ephemeral", "ttl": ttl})


def for_minutes(body: Body, at: float) -> Body:
    return marked("5m", body, at)


def always(body: Body, at: float) -> Body:
    return marked("1h", body, at)


def stamped(body: Body, at: float) -> Body:
    """What one changing line at the beginning does."""
    made = always(body, at)
    made["system"][0]["text"] = f"It is {datetime.fromtimestamp(at)}.\n{made['system'][0]['text']}"  # noqa: DTZ006 - any text will do
    return made


def _marked(body: Body, mark: Body | None) -> Body:
    made = deepcopy(body)
    for place in (made, *made["system"]):
        place.pop("cache_control", None)
        if mark is not None:
            place["cache_control"] = mark
    return made


# ── What they cost ──────────────────────────────────────────────────────────────────────────────────────────


def again(requests: Sequence[Request], rule: Rule, *, warm: bool = False, schema: bool = True) -> list[Usage]:
    """What the server would have told, request by request. `warm`: another Session used the frozen text just before.

    `schema`: counted as the vendor does, who lays it before the system's text; the practice model counts it nowhere.
    """
    cache, told = PromptCache(), []
    if warm:
        first = requests[0]
        cache.use("", _blocks(rule, first, schema)[: 1 + schema], first.at, SMALLEST)
    for each in requests:
        usage = cache.use("", _blocks(rule, each, schema), each.at, SMALLEST)
        told.append(replace(usage, output=each.usage.output))
    return told


def _blocks(rule: Rule, request: Request, schema: bool) -> tuple[Block, ...]:
    body = rule(request.body, request.at)
    form = body["output_config"]["format"]
    ahead = (Block("schema", form, schema_tokens(body)),) if schema else ()
    return (*ahead, *blocks_of(body))


def schema_tokens(body: Body) -> int:
    """A quarter of its bytes without blanks."""
    return tokens_of(json.dumps(body["output_config"]["format"]["schema"], separators=(",", ":")))


def dollars(price: Price, usages: Sequence[Usage]) -> float:
    """With what a write for five minutes costs, which the product never asks for."""
    total = sum(usages, Usage())
    prompt = (
        total.input + total.read / CACHE_READ + total.written_1h * CACHE_WRITE + total.written_5m * WRITE_5M
    )
    return (price.input * prompt + price.output * total.output) / 1e9


def read_shares(usages: Sequence[Usage]) -> list[float]:
    """Of each prompt but the last, how much the next one had from the cache."""
    return [after.read / before.prompt for before, after in pairwise(usages)]


RULES: tuple[tuple[str, Rule], ...] = (
    ("as the product does it (1 h)", as_sent),
    ("without cache_control", unmarked),
    ("for 5 minutes", for_minutes),
    ("a time stamp in the system text", stamped),
)
WARM = partial(again, warm=True)
