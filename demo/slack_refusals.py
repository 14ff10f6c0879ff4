"""What Slack answers when it will not do a call, in its own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


class Refused(Exception):
    """A call Slack would not do. `more` is merged into the answer: needed, provided, response_metadata."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.code = code
        self.more = more

    def body(self) -> Json:
        return {"ok": False, "error": self.code, **self.more}


class Impossible(Exception):
    """Something no person could do in Slack, for instance clicking a button that is gone. Answered 409."""


def invalid(code: str, *messages: str) -> Refused:
    """With Slack's list of complaints, each as `[ERROR] … [json-pointer:/…]`."""
    return Refused(code, response_metadata={"messages": [f"[ERROR] {message}" for message in messages]})


@dataclass(frozen=True, slots=True)
class Heard:
    """What the app answered. `status` 0: nothing came, and `error` says why. `ms` is how long it took."""

    status: int
    body: Any
    ms: float
    error: str = ""

    def as_json(self) -> Json:
        return {"status": self.status, "body": self.body, "ms": self.ms, "error": self.error}
