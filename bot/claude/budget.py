"""The tokens an Account may spend in a day of its own time zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.psa_door import zone_of

SETTING = "daily_tokens"
"""Among an Account's settings: its own limit instead of the installation's; 0 for none."""


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
    own = settings.get(SETTING)
    tokens = own if isinstance(own, int) and not isinstance(own, bool) and own >= 0 else limit
    return Day(_midnight(here, zone), _midnight(here + timedelta(days=1), zone), tokens)


def _midnight(moment: datetime, zone: ZoneInfo) -> datetime:
    """The beginning of that day; where the clocks skip midnight, the first moment after it."""
    return datetime(moment.year, moment.month, moment.day, tzinfo=zone)
