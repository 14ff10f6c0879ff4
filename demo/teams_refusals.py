"""What Teams answers when it will not do a call, in its own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

STATUS: Mapping[str, int] = {
    "BadSyntax": 400,
    "BadArgument": 400,
    "BotNotRegistered": 401,
    "BotNotInConversationRoster": 403,
    "BotDisabledByAdmin": 403,
    "ConversationBlockedByUser": 403,
    "ForbiddenOperationException": 403,
    "ContentStreamNotAllowed": 403,
    "ActivityNotFoundInConversation": 404,
    "ConversationNotFound": 404,
    "MemberNotFoundInConversation": 404,
    "PreconditionFailed": 412,
    "MessageSizeTooBig": 413,
    "Throttled": 429,
    "ServiceError": 500,
}
"""The status that goes with a code. A code that is not here is answered 400."""

WORDS: Mapping[str, str] = {
    "BotNotInConversationRoster": "The bot is not part of the conversation roster.",
    "BotDisabledByAdmin": "The tenant admin disabled this bot.",
    "ConversationBlockedByUser": "User blocked the conversation with the bot.",
    "ActivityNotFoundInConversation": "The activity was not found in the conversation.",
    "ConversationNotFound": "Conversation not found.",
    "MemberNotFoundInConversation": "Member not found in conversation.",
    "PreconditionFailed": "Precondition failed, please try again.",
    "MessageSizeTooBig": "Message size too large.",
    "Throttled": "Too many requests.",
    "ContentStreamNotAllowed": "Content stream is not allowed",
}


class Refused(Exception):
    """A call Teams would not do, e.g. BotNotInConversationRoster."""

    def __init__(
        self, code: str, message: str = "", *, status: int = 0, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message or WORDS.get(code, code)
        self.status = status or STATUS.get(code, 400)
        self.headers = dict(headers or {})

    def body(self) -> Json:
        if self.code == "Unauthorized":
            return {"message": "Authorization has been denied for this request."}
        return {"error": {"code": self.code, "message": self.message}}


class Impossible(Exception):
    """Something no person could do in Teams, for instance pressing a button that is gone. Answered 409."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the app answered. `status` 0: nothing came, and `error` says why. `ms` is how long it took."""

    status: int
    body: Any
    ms: float
    error: str = ""

    def as_json(self) -> Json:
        return {"status": self.status, "body": self.body, "ms": self.ms, "error": self.error}
