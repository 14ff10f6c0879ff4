"""The nouns of a language model call: what is asked, what came back, what it cost, and every way it can fail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from engine.session import Json


class Purpose(StrEnum):
    """What a call is for. Each has a schema of its own and a setting for its model."""

    TURN = "turn"
    PACKAGE = "package"
    BRIEFING = "briefing"
    NOTE = "note"
    TICKET = "ticket"
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the vendor bills them. `input` is only what neither came from the cache nor went into it."""

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0

    @property
    def prompt(self) -> int:
        """All tokens of the prompt, however they are billed."""
        return self.input + self.cache_read + self.cache_write

    @property
    def total(self) -> int:
        return self.prompt + self.output

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
            self.output + other.output,
        )


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One request. `system` and `messages` are sent as they are, in this order; `schema` is the JSON schema that the
    answer has to follow. `cache`: the last block is marked so that the next call reads this one's prompt from the
    cache. `seconds`: the whole call may take no longer; `silence`: nor may it be silent for longer.
    """

    purpose: Purpose
    model: str
    system: tuple[Json, ...]
    messages: tuple[Json, ...]
    schema: Json
    max_tokens: int
    cache: bool = True
    seconds: float = 180.0
    silence: float = 30.0


class StopReason(StrEnum):
    """Why an answer ended. `cut`: the stream ended without saying so; `other`: a reason we do not know."""

    END_TURN = "end_turn"
    MAX_TOKENS = "max_tokens"
    REFUSAL = "refusal"
    CUT = "cut"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ModelReply:
    """An answer that was paid for, whole or not. `text` is the raw text of its text blocks."""

    text: str
    stop_reason: StopReason
    usage: Usage
    message_id: str = ""
    request_id: str = ""
    model: str = ""


class Failure(StrEnum):
    """Why there is no answer. Only the first four may heal by themselves."""

    BUSY = "busy"
    OVERLOADED = "overloaded"
    CONNECTION = "connection"
    SILENT = "silent"
    KEY_REFUSED = "key_refused"
    UNPAID = "unpaid"
    FORBIDDEN = "forbidden"
    TOO_LARGE = "too_large"
    REJECTED = "rejected"


RETRYABLE = frozenset({Failure.BUSY, Failure.OVERLOADED, Failure.CONNECTION, Failure.SILENT})
FOR_THE_ADMIN = frozenset({Failure.KEY_REFUSED, Failure.UNPAID, Failure.FORBIDDEN})


class ModelFailed(Exception):
    """The call brought no answer. `started`: the vendor had begun to answer, so `usage` was paid for.

    `retry_after`: seconds the vendor asked for. Its text is safe for a log: neither prompt nor answer is in it.
    """

    def __init__(
        self,
        failure: Failure,
        status: int = 0,
        retry_after: float | None = None,
        *,
        started: bool = False,
        usage: Usage | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(f"{failure.value} (status {status or 'none'}, request {request_id or 'unknown'})")
        self.failure = failure
        self.status = status
        self.retry_after = retry_after
        self.started = started
        self.usage = usage or Usage()
        self.request_id = request_id


@dataclass(frozen=True, slots=True)
class Hearing:
    """What is heard while an answer comes in: that it began, with the usage of its prompt, and its raw text."""

    started: Callable[[str, Usage], Awaitable[None]] | None = None
    text: Callable[[str], Awaitable[None]] | None = None


DEAF = Hearing()


class Model(Protocol):
    """A language model. It has no tools: it can only answer."""

    async def ask(self, call: ModelCall, hearing: Hearing = DEAF) -> ModelReply:
        """One request, never repeated by itself. Raises ModelFailed; may be cancelled at any await."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Models:
    """Which model each purpose is asked of."""

    turn: str = "claude-sonnet-5-5"
    package: str = "claude-sonnet-5-5"
    briefing: str = "claude-sonnet-5-5"
    note: str = "claude-haiku-5-5"
    ticket: str = "claude-haiku-5-5"
    check: str = field(default="claude-haiku-5-5")

    def of(self, purpose: Purpose) -> str:
        return str(getattr(self, purpose.value))
