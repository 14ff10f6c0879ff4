"""One answer of the practice model in the vendor's shapes: a message, or the events that build it up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from demo.model_cache import Usage, tokens_of
from demo.model_refusals import Json

DELTA = 48  # characters
THOUGHT = "The technician reported something; the cheapest telling check comes next."
REFUSED_WHY = "This request looks like it may concern the misuse of computer systems."


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model answers. `before` are whole content blocks that come ahead of its text; `usage` is final."""

    id: str
    model: str
    text: str
    stop_reason: str
    usage: Usage
    stop_sequence: str | None = None
    before: tuple[Json, ...] = ()

    @property
    def blocks(self) -> list[Json]:
        text = [{"type": "text", "text": self.text, "citations": None}] if self.text else []
        return [*self.before, *text]

    @property
    def thinking_tokens(self) -> int:
        return sum(tokens_of(str(one.get("thinking", ""))) for one in self.before)

    @property
    def ending(self) -> Json:
        details = {"type": "refusal", "category": "cyber", "explanation": REFUSED_WHY}
        return {
            "stop_reason": self.stop_reason,
            "stop_sequence": self.stop_sequence,
            "stop_details": details if self.stop_reason == "refusal" else None,
            "container": None,
        }

    def usage_json(self) -> Json:
        shown = self.usage.as_json()
        return {**shown, "output_tokens_details": {"thinking_tokens": self.thinking_tokens}}

    def message(self) -> Json:
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": self.blocks,
            **self.ending,
            "usage": self.usage_json(),
        }

    @property
    def begun(self) -> Usage:
        """What message_start tells: the whole prompt, and one token of the answer."""
        return replace(self.usage, output=1)


def thinking_block() -> Json:
    return {"type": "thinking", "thinking": THOUGHT, "signature": "cHJhY3RpY2Utc2lnbmF0dXJl"}


def unknown_block() -> Json:
    return {"type": "aura", "aura": "blue", "id": "aura_01"}


def events(reply: Reply) -> Iterator[tuple[Json, Usage]]:
    """Every event with the usage the caller knows once he has read it."""
    begun, known = reply.message(), reply.begun
    begun |= {"content": [], "stop_reason": None, "stop_sequence": None, "stop_details": None}
    begun["usage"] = known.as_json()
    yield {"type": "message_start", "message": begun}, known
    yield {"type": "ping"}, known
    for index, block in enumerate(reply.blocks):
        yield {"type": "content_block_start", "index": index, "content_block": _opened(block)}, known
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}, known
        yield {"type": "content_block_stop", "index": index}, known
    usage = reply.usage_json()
    del usage["cache_creation"], usage["service_tier"]
    yield {"type": "message_delta", "delta": reply.ending, "usage": usage}, reply.usage
    yield {"type": "message_stop"}, reply.usage


def _opened(block: Json) -> Json:
    match block["type"]:
        case "text":
            return {"type": "text", "text": "", "citations": None}
        case "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}
        case _:
            return block


def _deltas(block: Json) -> Iterator[Json]:
    match block["type"]:
        case "text":
            text = block["text"]
            for at in range(0, len(text), DELTA):
                yield {"type": "text_delta", "text": text[at : at + DELTA]}
        case "thinking":
            yield {"type": "thinking_delta", "thinking": block["thinking"]}
            yield {"type": "signature_delta", "signature": block["signature"]}
        case kind:
            yield {"type": f"{kind}_delta", kind: block.get(kind)}


def written(event: Json) -> bytes:
    """One event as it stands in the stream."""
    body = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return f"event: {event['type']}\ndata: {body}\n\n".encode()
