"""The ways an outside system fails, switched on by rule: which request, what happens, how often."""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from demo.psa_refusals import Json, Reply, html_page, refusal, too_many_requests

# kind → is the request carried out when the rule does not say (`stored`)?
KINDS: Mapping[str, bool] = {
    "delay": True,  # only waits: `delay_before` and `delay_after`, in seconds
    "too_many_requests": False,  # 429, `retry_after` seconds
    "html": False,  # HTML with `status` 200, 502 or 503
    "server_error": False,  # 500 "String was not recognized as a valid Boolean."
    "unauthorized": False,
    "forbidden": False,
    "conflict": False,
    "refuse": False,  # any `status`, `code` and `message`
    "lost_reply": True,  # stored, then the connection is dropped
    "dropped": False,  # not stored, and the connection is dropped
    "down": False,  # the connection is reset at once, whatever was asked
    "false_success": False,  # looks done, is not
    "broken_json": True,  # the right status, half the JSON
}
DROPPING = {"lost_reply", "dropped", "down"}
CONFLICT = "The record is currently in use by another user. Please try again later."
FORBIDDEN = "You do not have security permission to perform this action."
BOOLEAN = "String was not recognized as a valid Boolean."


@dataclass(slots=True)
class Fault:
    """One rule. `path` is a regular expression searched in the request's path; `method` "" means any.

    With `times` it ends after so many hits; with `probability` (0 to 1) it hits by dice of its own, started
    by `seed`; `active` False keeps it without effect. `stored` overrides whether the request is carried out.
    """

    kind: str
    id: int = 0
    method: str = ""
    path: str = ""
    times: int | None = None
    probability: float | None = None
    seed: int = 0
    active: bool = True
    stored: bool | None = None
    status: int = 0
    code: str = "InvalidObject"
    message: str = ""
    retry_after: int = 30
    delay_before: float = 0.0
    delay_after: float = 0.0
    hits: int = 0
    _dice: random.Random = field(default_factory=random.Random, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind {self.kind!r}; one of {', '.join(KINDS)}")
        re.compile(self.path)
        self._dice.seed(self.seed)

    @property
    def carries_out(self) -> bool:
        return KINDS[self.kind] if self.stored is None else self.stored

    @property
    def drops(self) -> bool:
        return self.kind in DROPPING

    def takes(self, method: str, path: str) -> bool:
        """Whether this rule hits; counts the hit."""
        if not self.active or (self.times is not None and self.hits >= self.times):
            return False
        if self.method and method.upper() not in self.method.upper().split(","):
            return False
        if not re.search(self.path, path):
            return False
        if self.probability is not None and self._dice.random() >= self.probability:
            return False
        self.hits += 1
        return True

    def answer(self, method: str, real: Reply | None, echo: Any) -> Reply:
        """What goes out in place of `real`, which is None when nothing was carried out."""
        match self.kind:
            case "too_many_requests":
                return too_many_requests(self.retry_after)
            case "html":
                return html_page(self.status or 502)
            case "server_error":
                return refusal(500, "InternalServerError", self.message or BOOLEAN).reply
            case "unauthorized":
                return refusal(
                    self.status or 401, "Unauthorized", self.message or "Authentication failed."
                ).reply
            case "forbidden":
                return refusal(403, "Security", self.message or FORBIDDEN).reply
            case "conflict":
                return refusal(409, "RecordInUse", self.message or CONFLICT).reply
            case "refuse":
                return refusal(
                    self.status or 400, self.code, self.message or "The request was refused."
                ).reply
            case "false_success":
                return Reply(200, echo if isinstance(echo, dict) else {})
            case "broken_json":
                return _broken(method, real)
            case _:
                return real or Reply(200, {})

    def as_json(self) -> Json:
        return {name: value for name, value in asdict(self).items() if not name.startswith("_")}


def _broken(method: str, real: Reply | None) -> Reply:
    if real is not None and real.status >= 400:
        return real
    status = real.status if real else (201 if method == "POST" else 200)
    return Reply(status, text='{"id":90417,"ticketId":47', content_type="application/json")


class Faults:
    """The rules in force, asked in order; the first that hits decides."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._next = 1

    def add(self, **words: Any) -> Fault:
        """Adds one rule; see `Fault` for the words. Raises ValueError or TypeError for others."""
        words.pop("hits", None)
        fault = Fault(**{**words, "id": self._next})
        self._next += 1
        self._rules.append(fault)
        return fault

    def replace(self, rules: list[Json]) -> None:
        """Puts new rules in place of all old ones, or changes nothing when one of them is no rule."""
        old, self._rules = self._rules, []
        try:
            for words in rules:
                self.add(**words)
        except (TypeError, ValueError, re.error):
            self._rules = old
            raise

    def remove(self, number: int) -> bool:
        before = len(self._rules)
        self._rules = [rule for rule in self._rules if rule.id != number]
        return len(self._rules) < before

    def clear(self) -> None:
        self._rules = []

    def pick(self, method: str, path: str) -> Fault | None:
        return next((rule for rule in self._rules if rule.takes(method, path)), None)

    def as_json(self) -> list[Json]:
        return [rule.as_json() for rule in self._rules]


class RateLimit:
    """At most so many requests in any minute; 0 means no limit. Times in seconds."""

    def __init__(self) -> None:
        self._taken: deque[float] = deque()

    def refuse_for(self, per_minute: int, now: float) -> int:
        """Seconds to wait, 0 when the request may pass."""
        if per_minute <= 0:
            return 0
        while self._taken and now - self._taken[0] >= 60:
            self._taken.popleft()
        if len(self._taken) >= per_minute:
            return max(1, round(60 - (now - self._taken[0])))
        self._taken.append(now)
        return 0
