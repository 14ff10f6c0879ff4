"""How long the adapter waits for Teams, and how often it asks again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

AWAY_SECONDS = 2.0
"""The wait that is proposed where Teams names none."""
LONGEST_WAIT = 3600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, and bytes. `call` bounds a call with all its repeats, `attempt` one request of it.

    `repeat_unsure`: a request that may have been done is sent again too, as long as there are repeats. That can post
    twice; without it Away(unsure=True) is raised at once, and whoever called decides.
    """

    connect: float = 5.0
    attempt: float = 10.0
    call: float = 20.0
    login: float = 8.0
    keys: float = 5.0
    download: float = 30.0
    repeats: int = 3
    first_wait: float = 0.5
    longest_backoff: float = 8.0
    repeat_unsure: bool = True
    answer_bytes: int = 4 * 1024 * 1024

    def backoff(self, repeat: int, chance: Callable[[], float]) -> float:
        """Seconds before this repeat, the first one being 1: doubling, between half of it and all of it."""
        whole: float = min(self.first_wait * 2 ** (repeat - 1), self.longest_backoff)
        return whole * (0.5 + 0.5 * chance())


LIMITS = Limits()


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that an answer asks to wait, as a number or a date; None where it names none. `now`: epoch seconds."""
    said = headers.get("Retry-After", "").strip()
    if not said:
        return None
    try:
        asked = float(said)
    except ValueError:
        try:
            when = parsedate_to_datetime(said)
        except ValueError:
            return None
        asked = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - now
    return min(max(asked, 0.0), LONGEST_WAIT) if math.isfinite(asked) else None
