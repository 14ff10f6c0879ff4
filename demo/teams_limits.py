"""The rates Teams allows in a thread, off unless asked for, and the faults that can be switched on."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

from demo.teams_refusals import Json, Refused

RATES = ((7, 1.0), (60, 30.0), (1800, 3600.0))
"""So many calls in so many seconds, in each thread."""
METHODS = ("post", "update", "delete", "create", "members", "teams", "token", "file", "openid")
WORN = {"429", "500", "502", "503", "504", "412", "reset", "stall", "lost"}


@dataclass(slots=True)
class Limits:
    _taken: dict[str, deque[float]] = field(default_factory=dict)

    def take(self, thread: str, now: float) -> None:
        """Counts a call; raises Refused with Retry-After where there were too many."""
        taken = self._taken.setdefault(thread, deque())
        while taken and now - taken[0] >= RATES[-1][1]:
            taken.popleft()
        for most, seconds in RATES:
            recent = [at for at in taken if now - at < seconds]
            if len(recent) >= most:
                wait = max(1, round(seconds - (now - recent[0])))
                raise Refused("Throttled", headers={"Retry-After": str(wait)})
        taken.append(now)


@dataclass(slots=True)
class Fault:
    """`method`: one of METHODS or "*". `kind`: a status, reset (the connection breaks, nothing is done), stall (no
    answer for `seconds`, nothing is done), lost (done, but answered `status`: 502 or 504), or a code of Teams such as
    BotNotInConversationRoster. `times` None: until it is removed. `skip` lets so many calls pass first. `conversation`
    a base id, "" for every one. `retry_after` 0 sends no such header with a 429 or 503.
    """

    kind: str
    method: str = "*"
    times: int | None = 1
    retry_after: int = 1
    seconds: float = 30.0
    skip: int = 0
    status: int = 502
    conversation: str = ""
    id: int = 0
    hits: int = 0

    def __post_init__(self) -> None:
        self.kind = str(self.kind)
        if self.method not in ("*", *METHODS):
            raise ValueError(f"unknown method {self.method!r}; one of {', '.join(METHODS)} or *")
        if not self.kind or " " in self.kind or (self.kind.isdigit() and self.kind not in WORN):
            raise ValueError(f"unknown kind {self.kind!r}; one of {', '.join(sorted(WORN))} or a code")

    def takes(self, method: str, conversation: str) -> bool:
        if self.method not in ("*", method) or self.conversation not in ("", conversation):
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.hits += 1
        return True

    def refusal(self) -> Refused:
        """The answer of a fault that is one."""
        headers = {"Retry-After": str(self.retry_after)} if self.retry_after else {}
        match self.kind:
            case "429":
                return Refused("Throttled", headers=headers)
            case "412":
                return Refused("PreconditionFailed")
            case "lost" | "stall":
                return Refused("ServiceError", status=self.status)
            case kind if kind.isdigit():
                return Refused("ServiceError", status=int(kind), headers=headers if kind == "503" else None)
            case code:
                return Refused(code)


class Faults:
    """Rules, asked in the order they were added."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._number = 0

    def add(self, **given: Any) -> Fault:
        self._number += 1
        made = Fault(**given)
        made.id = self._number
        self._rules.append(made)
        return made

    def remove(self, number: int) -> bool:
        before = len(self._rules)
        self._rules = [one for one in self._rules if one.id != number]
        return len(self._rules) < before

    def clear(self) -> None:
        self._rules = []

    def pick(self, method: str, conversation: str = "") -> Fault | None:
        return next((one for one in self._rules if one.takes(method, conversation)), None)

    def as_json(self) -> list[Json]:
        return [asdict(one) for one in self._rules]
