"""The receipt: what left masked in a Session, to which model, how many tokens it took and what that cost."""

from __future__ import annotations

from collections.abc import Sequence

from bot.card import Block, Card
from bot.cards_parts import Shortener, bounded, bullets, fields, texts
from bot.cards_session import problem_title, whole
from bot.views import SessionView
from bot.words import named, say
from engine.model import Purpose, Usage
from storage.conversations import CallRow, CallState

ROWS = 20


def receipt(view: SessionView, calls: Sequence[CallRow], pictures: int = 0) -> Card:
    """`calls`: every call of the Session, oldest first; `pictures`: how many stand in what was sent, as they are."""
    title = say("receipt.title", problem=problem_title(view))
    if not calls:
        return bounded(Card("list", title, texts(say("receipt.nothing"))))
    short = Shortener()
    rows = [_row(call, short) for call in calls[-ROWS:]]
    earlier = len(calls) - len(rows)
    blocks = (
        *_masked(calls, pictures, short),
        *fields(((say("receipt.total"), _total(calls)),)),
        *texts(say("receipt.earlier", count=earlier) if earlier else "", tone="muted"),
        *fields(rows),
        *texts(say("receipt.estimate"), tone="muted"),
    )
    return bounded(Card("list", title, blocks), whole(view), cut=short.cut)


def _masked(calls: Sequence[CallRow], pictures: int, short: Shortener) -> tuple[Block, ...]:
    # A value keeps its placeholder however often it leaves.
    found: dict[str, set[str]] = {}
    for call in calls:
        for kind, placeholders in call.masked.items():
            found.setdefault(kind, set()).update(placeholders)
    lines = [
        say("receipt.masked_row", kind=_kind(kind, len(each), short), count=len(each))
        for kind, each in sorted(found.items())
        if each
    ]
    none = "" if lines else say("receipt.masked_none")
    sent = say("receipt.pictures", count=pictures) if pictures else ""
    return (
        *bullets(say("receipt.masked"), lines),
        *texts(none),
        *texts(sent, tone="warning"),
    )


def _kind(kind: str, count: int, short: Shortener) -> str:
    return short.line(named(f"masked.{kind.lower()}", "one" if count == 1 else "many"), 40)


def _total(calls: Sequence[CallRow]) -> str:
    usage = Usage()
    for call in calls:
        usage += call.usage
    count = say("receipt.call" if len(calls) == 1 else "receipt.calls", count=len(calls))
    cost = money(sum(call.cost for call in calls))
    return say("receipt.total_row", calls=count, **_tokens(usage), cost=cost)


def _row(call: CallRow, short: Shortener) -> tuple[str, str]:
    turn = call.purpose is Purpose.TURN
    name = say("receipt.turn", turn=call.turn) if turn else named("purpose", call.purpose)
    model, cost = short.line(call.model, 40), money(call.cost)
    if call.state is CallState.ANSWERED:
        return name, say("receipt.row", model=model, **_tokens(call.usage), cost=cost)
    if call.state is CallState.IN_FLIGHT:
        return name, say("receipt.under_way", model=model)
    if call.cost:
        return name, say("receipt.unknown", model=model, cost=cost)
    return name, say("receipt.failed", model=model)


def _tokens(usage: Usage) -> dict[str, str]:
    return {
        "prompt": f"{usage.prompt:,}",
        "cached": f"{usage.cache_read:,}",
        "output": f"{usage.output:,}",
    }


def money(microdollars: int) -> str:
    """Dollars with four digits, for what often costs less than a cent."""
    return f"${microdollars / 1_000_000:.4f}"
