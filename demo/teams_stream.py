"""Messages that grow while they are written: in personal chats, once a second, for two minutes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from demo.teams_refusals import Json, Refused
from demo.teams_world import Conversation, World

TOLERANCE = 0.1
"""Of the gap between two updates."""


def stream_of(activity: Json) -> Json:
    """Its stream entity, or nothing."""
    for one in activity.get("entities") or []:
        if str(one.get("type", "")).lower() == "streaminfo":
            found: Json = one
            return found
    return {}


@dataclass(slots=True)
class _Stream:
    begun: float
    last: float
    sequence: int
    done: bool = False


@dataclass(slots=True)
class Streams:
    _world: World
    _open: dict[tuple[str, str], _Stream] = field(default_factory=dict)

    def take(self, conversation: Conversation, activity: Json) -> tuple[int, Any]:
        """201 with the id for the first piece, 202 for each later one; raises Refused."""
        stream = stream_of(activity)
        if conversation.kind != "personal":
            raise Refused("ContentStreamNotAllowed", "Content stream is not allowed")
        final = activity["type"] == "message"
        if final != (stream.get("streamType") == "final"):
            raise Refused("BadRequest", "A final piece is a message, every other one is typing")
        if not str(activity.get("text") or "").strip() and not (final and activity.get("attachments")):
            raise Refused("BadRequest", "Streaming activities should include text")
        if not final and activity.get("attachments"):
            raise Refused("BadRequest", "Only the final piece may carry attachments")
        if not stream.get("streamId"):
            return self._begin(conversation, activity, stream)
        return self._go_on(conversation, activity, stream, final=final)

    def _begin(self, conversation: Conversation, activity: Json, stream: Json) -> tuple[int, Any]:
        if stream.get("streamSequence") != 1:
            raise Refused("BadRequest", "Start streaming activities should have the streamSequence 1")
        made = self._world.put(conversation, "", activity)
        made.streaming = True
        now = self._world.clock()
        self._open[conversation.id, made.id] = _Stream(now, now, 1)
        return 201, {"id": made.id}

    def _go_on(
        self, conversation: Conversation, activity: Json, stream: Json, *, final: bool
    ) -> tuple[int, Any]:
        name = str(stream["streamId"])
        known = self._open.get((conversation.id, name))
        if known is None:
            raise Refused("BadRequest", "There is no such stream")
        self._check_time(known, final=final)
        sequence = stream.get("streamSequence")
        if final and sequence is not None:
            raise Refused("BadRequest", "The final piece has no streamSequence")
        if not final and not isinstance(sequence, int):
            raise Refused("BadRequest", "streamSequence is missing")
        if isinstance(sequence, int) and sequence <= known.sequence:
            code = "ContentStreamSequenceOrderPreConditionFailed"
            why = "PreCondition failed exception when processing streaming activity."
            return 202, {"error": {"code": code, "message": why}}
        known.sequence = sequence if isinstance(sequence, int) else known.sequence
        known.last, known.done = self._world.clock(), final
        message = conversation.messages[name]
        message.activity, message.streaming = activity, not final
        return 202, {}

    def _check_time(self, known: _Stream, *, final: bool) -> None:
        now, settings = self._world.clock(), self._world.settings
        if known.done:
            why = "Content stream is not allowed on an already completed streamed message"
            raise Refused("ContentStreamNotAllowed", why)
        if now - known.begun > settings.stream_seconds:
            why = "Content stream finished due to exceeded streaming time."
            raise Refused("ContentStreamNotAllowed", why)
        if not final and now - known.last < settings.stream_gap - TOLERANCE:
            raise Refused("Throttled", "API calls quota exceeded", headers={"Retry-After": "1"})
