"""The circuit breaker of each Account: after failed turns in a row the model is left alone for a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

FAILED_IN_A_ROW = 3
OPEN_SECONDS = 60.0


@dataclass(slots=True)
class _State:
    failed: int = 0
    until: float = 0.0
    probing: float | None = None


class Breaker:
    """Closed: everybody asks. Open: nobody does. After that one turn tries, and the others wait for how it ends.

    It lives in one process: each finds out by itself. `clock`: seconds that only go forward.
    """

    def __init__(
        self, clock: Callable[[], float], failed: int = FAILED_IN_A_ROW, seconds: float = OPEN_SECONDS
    ) -> None:
        self._clock = clock
        self._failed = failed
        self._seconds = seconds
        self._states: dict[UUID, _State] = {}

    def lets(self, account: UUID) -> bool:
        """Whether a turn may ask the model now. Where it is the one that tries, its end must be told."""
        state = self._states.get(account)
        if state is None or state.failed < self._failed:
            return True
        now = self._clock()
        if now < state.until:
            return False
        # A turn that tries and is stopped tells nothing: the next one may try after the same time.
        if state.probing is not None and now < state.probing + self._seconds:
            return False
        state.probing = now
        return True

    def worked(self, account: UUID) -> None:
        self._states.pop(account, None)

    def failed(self, account: UUID) -> None:
        state = self._states.setdefault(account, _State())
        state.failed += 1
        state.probing = None
        if state.failed >= self._failed:
            state.until = self._clock() + self._seconds
