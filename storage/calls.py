"""A conversation's messages and calls as they are kept, and what can be wrong when one goes on with it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from engine.model import Failure, ModelReply, Purpose, StopReason, Usage
from engine.session import Json
from storage.codec import storable


class CallState(StrEnum):
    """`unknown`: nobody knows whether it was answered; its reply may still come."""

    IN_FLIGHT = "in_flight"
    ANSWERED = "answered"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Piece:
    """A message as it is sent. `content`: JSON text of its blocks. Number 0 is the system, the only one of its role.

    `covers`: what of the Session it tells.
    """

    number: int
    role: str
    content: str
    covers: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chapter:
    """A conversation from its system on, in order; compaction begins a new one."""

    number: int
    messages: tuple[Piece, ...]

    @property
    def last(self) -> int:
        """The number of the newest message."""
        return self.messages[-1].number


@dataclass(frozen=True, slots=True)
class NewCall:
    """`upto`: messages 0..upto of the chapter are sent; both are 0 where no conversation is. `masked`: by kind, the
    placeholders that stand in what is newly sent.
    """

    session_id: UUID
    purpose: Purpose
    turn: int
    model: str
    max_tokens: int
    chapter: int = 0
    upto: int = 0
    cached: bool = False
    schema_version: str = ""
    masked: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call as it stands. `attempt` counts those of the same messages. `cost`: microdollars. `reply`: raw text."""

    id: UUID
    session_id: UUID
    purpose: Purpose
    turn: int
    attempt: int
    chapter: int
    upto: int
    model: str
    max_tokens: int
    cached: bool
    schema_version: str
    state: CallState
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    usage: Usage
    cost: int
    stop_reason: StopReason | None
    failure: Failure | None
    status: int
    message_id: str
    request_id: str
    reply: str
    used: bool
    masked: Mapping[str, Sequence[str]]

    def as_reply(self) -> ModelReply | None:
        """What came back; None where nothing did."""
        if self.state is not CallState.ANSWERED or self.stop_reason is None:
            return None
        return ModelReply(
            self.reply, self.stop_reason, self.usage, self.message_id, self.request_id, self.model
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """What a turn has to know before it asks: `chapter`, `of_turn`, `last_times` and `spent_since` as of one moment."""

    chapter: Chapter | None
    calls: tuple[CallRow, ...]
    times: tuple[datetime, ...]
    spent: Usage


class ConversationMoved(Exception):
    """Somebody else went on with this conversation since it was read; the transaction is lost, read it again."""


class CallUnderWay(ConversationMoved):
    """A call for the same turn is in flight already; the transaction is lost."""


REFUSED = re.compile(r"[\x00\ud800-\udfff]|\\u0000|\\u[dD][89a-fA-F]")
"""Where JSON text may stand for something that PostgreSQL refuses."""


def fit(content: str) -> str:
    """JSON text as the database keeps it: the same bytes, unless a text in it holds NULs or half characters."""
    if REFUSED.search(content) is None:
        return content
    found = json.loads(content, strict=False)
    kept = storable(found)
    return content if kept == found else json.dumps(kept, ensure_ascii=False)


def call_from(row: Mapping[str, Any]) -> CallRow:
    """From a row of `ai_calls`, or from one as JSON."""
    given = {name: row[name] for name in CallRow.__dataclass_fields__ if name in row}
    tokens = (row[f"{kind}_tokens"] for kind in ("input", "cache_read", "cache_write", "output"))
    read = {
        "id": UUID(str(row["id"])),
        "session_id": UUID(str(row["session_id"])),
        "purpose": Purpose(row["purpose"]),
        "state": CallState(row["state"]),
        "stop_reason": StopReason(row["stop_reason"]) if row["stop_reason"] else None,
        "failure": Failure(row["failure"]) if row["failure"] else None,
        "usage": Usage(*tokens),
        "cost": row["cost_microdollars"],
    }
    times = {name: _time(row[name]) for name in ("created_at", "started_at", "ended_at")}
    return CallRow(**{**given, **read, **times})


def _time(given: datetime | str | None) -> datetime | None:
    return datetime.fromisoformat(given) if isinstance(given, str) else given
