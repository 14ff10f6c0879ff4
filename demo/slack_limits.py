"""Slack's rate limits, off unless asked for, and the faults that can be switched on."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from demo.slack_refusals import Json
from demo.slack_world import Settings

PER_MINUTE: Mapping[str, int] = {
    "chat.update": 50,
    "chat.delete": 50,
    "chat.startStream": 20,
    "chat.appendStream": 100,
    "chat.stopStream": 20,
    "chat.postEphemeral": 100,
    "chat.getPermalink": 600,
    "conversations.info": 50,
    "conversations.list": 20,
    "conversations.members": 100,
    "conversations.open": 50,
    "conversations.history": 50,
    "conversations.replies": 50,
    "users.info": 100,
    "users.list": 20,
    "users.lookupByEmail": 50,
    "reactions.add": 50,
    "reactions.remove": 20,
    "files.info": 100,
    "agents.sessions.setStatus": 50,
    "agents.sessions.rename": 50,
    "auth.test": 600,
    "apps.connections.open": 1,
}
OTHERS = 100
BURST = 4
"""So many posts into one channel may follow each other at once; after that one a second."""
KINDS = ("429", "500", "reset", "stall", "lost_reply", "html")


@dataclass(slots=True)
class Limits:
    _taken: dict[tuple[str, str], deque[float]] = field(default_factory=dict)

    def wait(self, settings: Settings, method: str, team: str, channel: str, now: float) -> int:
        """Seconds for Retry-After; 0 lets the call pass and counts it."""
        if not settings.limits:
            return 0
        if method == "chat.postMessage":
            return self._take((method, f"{team}{channel}"), BURST, float(BURST), now)
        most = PER_MINUTE.get(method, OTHERS)
        if settings.new_app_limits and method in {"conversations.history", "conversations.replies"}:
            most = 1
        return self._take((method, team), most, 60.0, now)

    def _take(self, key: tuple[str, str], most: int, seconds: float, now: float) -> int:
        taken = self._taken.setdefault(key, deque())
        while taken and now - taken[0] >= seconds:
            taken.popleft()
        if len(taken) >= most:
            return max(1, round(seconds - (now - taken[0])))
        taken.append(now)
        return 0


@dataclass(slots=True)
class Fault:
    """`method`: a method's name, "*", "response" (response_url), "files" (downloads); `chat.*` for a family.

    `kind`: 429, 500, html (a gateway's page with 502), reset (the connection), stall (no answer for
    `seconds`), lost_reply (carried out, then reset), or an error code such as channel_not_found.
    `stored` True carries the call out before reset, stall and 500. `skip` lets so many calls pass first.
    """

    kind: str
    method: str = "*"
    times: int | None = 1
    retry_after: int = 1
    seconds: float = 30.0
    stored: bool = False
    skip: int = 0
    channel: str = ""
    id: int = 0
    hits: int = 0

    def __post_init__(self) -> None:
        self.kind = str(self.kind)
        if not self.kind or " " in self.kind:
            raise ValueError(f"unknown kind {self.kind!r}; one of {', '.join(KINDS)} or an error code")

    def takes(self, method: str, channel: str) -> bool:
        same = self.method in ("*", method) or (
            self.method.endswith("*") and method.startswith(self.method[:-1])
        )
        if not same or (self.channel and self.channel != channel):
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.hits += 1
        return True

    @property
    def carries_out(self) -> bool:
        return self.stored or self.kind == "lost_reply"


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

    def pick(self, method: str, channel: str = "") -> Fault | None:
        return next((one for one in self._rules if one.takes(method, channel)), None)

    def as_json(self) -> list[Json]:
        return [asdict(one) for one in self._rules]
