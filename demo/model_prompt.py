"""Reads a request the way the practice model needs it: purpose, texts, the newest turn, pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from demo.model_cache import Block, blocks_of
from demo.model_refusals import Json

# purpose → property names of which each must be in the schema
PURPOSES: Mapping[str, frozenset[str]] = {
    "turn": frozenset({"say", "flow"}),
    "package": frozenset({"situation", "assessment"}),
    "briefing": frozenset({"sentences"}),
    "note": frozenset({"fix", "verification"}),
    "ticket": frozenset({"problem", "said"}),
}
UNTRUSTED = re.compile(r"<(untrusted-[\w-]+)\b[^>]*>(.*?)</\1\s*>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Prompt:
    """`turn` is the text of the newest user message, `exchange` how many answers came before it."""

    body: Json
    blocks: tuple[Block, ...]
    schema: Json
    purpose: str
    system: tuple[str, ...]
    turn: str
    exchange: int
    pictures: int
    text: str

    @property
    def around(self) -> str:
        """The newest turn without what is quoted in it."""
        return UNTRUSTED.sub(" ", self.turn)

    @property
    def quoted(self) -> tuple[str, ...]:
        """What stands in untrusted blocks of the newest turn."""
        return tuple(found[1] for found in UNTRUSTED.findall(self.turn))


def read_prompt(body: Json) -> Prompt:
    blocks = blocks_of(body)
    config = body.get("output_config") or {}
    schema = (config.get("format") or {}).get("schema") or {}
    last = body["messages"][-1]["content"]
    pieces = [{"type": "text", "text": last}] if isinstance(last, str) else last
    return Prompt(
        body=body,
        blocks=blocks,
        schema=schema,
        purpose=purpose_of(schema),
        system=tuple(_text(b.content) for b in blocks if b.role == "system"),
        turn="\n".join(piece["text"] for piece in pieces if piece["type"] == "text"),
        exchange=sum(1 for one in body["messages"] if one["role"] == "assistant"),
        pictures=sum(1 for piece in pieces if piece["type"] == "image"),
        text="\n".join(_text(block.content) for block in blocks),
    )


def _text(content: Json) -> str:
    return str(content["text"]) if content.get("type") == "text" else ""


def purpose_of(schema: Json) -> str:
    """What a call is for, by the names in its schema; "" where nothing fits."""
    names = set(schema.get("properties") or ())
    return next((purpose for purpose, wanted in PURPOSES.items() if wanted <= names), "")
