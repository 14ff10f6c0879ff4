"""Adds up the events of one streamed answer: its text, its usage and why it ended; what it does not know it ignores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.clients.claude_faults import Fault, TooMuch, identity
from engine.model import ModelFailed, ModelReply, StopReason, Usage

MOST_TEXT = 200_000
"""Characters of an answer. Ours are a hundredth of it."""
_COUNTS = {
    "input": "input_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_write": "cache_creation_input_tokens",
    "output": "output_tokens",
}
_STOPS = {
    "end_turn": StopReason.END_TURN,
    "max_tokens": StopReason.MAX_TOKENS,
    "refusal": StopReason.REFUSAL,
}


@dataclass(slots=True)
class Heard:
    """What one answer said so far. `started`: the vendor began to answer; `ended`: it said that it is complete."""

    request_id: str = ""
    message_id: str = ""
    model: str = ""
    usage: Usage = field(default_factory=Usage)
    stop: StopReason = StopReason.OTHER
    started: bool = False
    ended: bool = False
    length: int = 0
    parts: list[str] = field(default_factory=list)
    _texts: set[int] = field(default_factory=set)

    def take(self, event: Mapping[str, Any]) -> str:
        """The text that this event adds, "" for most. Raises TooMuch."""
        match event:
            case {"type": "message_start", "message": dict(message)} if not self.started:
                self.started = True
                self.message_id = identity(message.get("id"))
                self.model = identity(message.get("model"))
                self._count(message.get("usage"))
            case {
                "type": "content_block_start",
                "index": int(index),
                "content_block": {"type": "text", **block},
            }:
                self._texts.add(index)
                return self._said(block.get("text"))
            case {
                "type": "content_block_delta",
                "index": int(index),
                "delta": {"type": "text_delta", **delta},
            }:
                return self._said(delta.get("text")) if index in self._texts else ""
            case {"type": "message_delta"}:
                self._count(event.get("usage"))
                self._stopped(event.get("delta"))
            case {"type": "message_stop"}:
                self.ended = True
        return ""

    def reply(self) -> ModelReply:
        return ModelReply(
            "".join(self.parts), self.stop, self.usage, self.message_id, self.request_id, self.model
        )

    def failed(self, fault: Fault) -> ModelFailed:
        return ModelFailed(
            fault.failure,
            fault.status,
            fault.retry_after,
            started=self.started,
            usage=self.usage,
            request_id=fault.request_id or self.request_id,
        )

    def _said(self, text: object) -> str:
        if not isinstance(text, str):
            return ""
        self.length += len(text)
        if self.length > MOST_TEXT:
            raise TooMuch
        self.parts.append(text)
        return text

    def _count(self, given: object) -> None:
        """Counts are cumulative: what comes later repeats or exceeds what came before."""
        if isinstance(given, dict):
            told = {name: _whole(given.get(theirs)) for name, theirs in _COUNTS.items()}
            self.usage = Usage(
                **{name: max(count, getattr(self.usage, name)) for name, count in told.items()}
            )

    def _stopped(self, delta: object) -> None:
        reason = delta.get("stop_reason") if isinstance(delta, dict) else None
        if isinstance(reason, str):
            self.stop = _STOPS.get(reason, StopReason.OTHER)


def events_of(message: object) -> list[Mapping[str, Any]]:
    """The events that would have brought this message; none where it is no message."""
    match message:
        case {"type": "message", "content": list(blocks), **rest}:
            opened = [
                {"type": "content_block_start", "index": index, "content_block": block}
                for index, block in enumerate(blocks)
            ]
            start = {"type": "message_start", "message": rest}
            end = {"type": "message_delta", "delta": rest, "usage": rest.get("usage")}
            return [start, *opened, end, {"type": "message_stop"}]
    return []


def _whole(given: object) -> int:
    return given if isinstance(given, int) and not isinstance(given, bool) and given >= 0 else 0
