"""The tokens an Account may spend in a day of its own time zone, how an Admin sets them, and what is spent of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.psa_door import zone_of
from bot.views import Spending
from bot.words import say
from engine.model import Models
from storage.store import Unit

SETTING = "daily_tokens"
"""Among an Account's settings: its own limit instead of the installation's; 0 for no limit, null for the usual one."""
MOST = 10**12


class BudgetInvalid(ValueError):
    """What was typed is no number of tokens; the message is the sentence for whoever typed it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the installation's settings say of Claude. `models` is None where it is off."""

    models: Models | None = None
    daily_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Day:
    """The Account's day at a moment: when it began and ends, and how many tokens it may cost; 0 for no limit."""

    began: datetime
    ends: datetime
    limit: int

    def over(self, spent: int) -> bool:
        return 0 < self.limit <= spent


def day_of(settings: Mapping[str, Any], now: datetime, limit: int) -> Day:
    """`limit`: the installation's, which an Account's own setting replaces. Times are local midnights, in its zone."""
    zone = zone_of(dict(settings))
    here = now.astimezone(zone)
    own = own_limit(settings)
    tokens = limit if own is None else own
    return Day(_midnight(here, zone), _midnight(here + timedelta(days=1), zone), tokens)


def own_limit(settings: Mapping[str, Any]) -> int | None:
    """The Account's own; None where it has none, or none that can be read."""
    own = settings.get(SETTING)
    return own if isinstance(own, int) and not isinstance(own, bool) and own >= 0 else None


def parse(text: str) -> int | None:
    """Tokens as a person types them, thousands apart or not; None for nothing. Raises BudgetInvalid."""
    digits = "".join(each for each in text if each not in " ,._'’\u00a0\u202f")
    if not digits:
        return None
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 13 and int(digits) <= MOST):
        raise BudgetInvalid(say("settings.daily_tokens_unclear"))
    return int(digits)


async def spending(unit: Unit, known: Known) -> Spending:
    """What the Account has used since its midnight, beside what it may."""
    settings = await unit.accounts.settings()
    day = day_of(settings, unit.now, known.daily_tokens)
    usage = await unit.conversations.spent_since(day.began)
    return Spending(
        models=_names(known.models),
        limit=day.limit,
        own=own_limit(settings) is not None,
        tokens=usage.total,
        microdollars=await unit.conversations.paid_since(day.began),
    )


def _names(models: Models | None) -> tuple[str, ...]:
    """Each once, the one for turns first."""
    if models is None:
        return ()
    return tuple(dict.fromkeys((models.turn, models.package, models.briefing, models.note, models.ticket)))


def _midnight(moment: datetime, zone: ZoneInfo) -> datetime:
    """The beginning of that day; where the clocks skip midnight, the first moment after it."""
    return datetime(moment.year, moment.month, moment.day, tzinfo=zone)
