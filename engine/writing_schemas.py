"""The JSON schemas of the texts that the model words beside its turns; each sentence names the Steps it rests on."""

from __future__ import annotations

from collections.abc import Mapping

from engine.model import Purpose
from engine.session import Json

_TEXT: Json = {"type": "string"}


def _object(**properties: Json) -> Json:
    """Every field is required, as in the schema of a turn."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list_of(items: Json) -> Json:
    return {"type": "array", "items": items}


_SENTENCES: Json = _list_of(_object(text=_TEXT, cites=_list_of({"type": "integer"})))

SCHEMAS: Mapping[Purpose, Json] = {
    Purpose.PACKAGE: _object(
        situation=_SENTENCES, background=_SENTENCES, assessment=_SENTENCES, recommendation=_SENTENCES
    ),
    Purpose.BRIEFING: _object(sentences=_SENTENCES),
    Purpose.NOTE: _object(fix=_SENTENCES, verification=_SENTENCES, customer=_TEXT),
    Purpose.TICKET: _object(problem=_TEXT, said=_list_of(_object(when=_TEXT, who=_TEXT, text=_TEXT))),
}
VERSION = "1"
"""Of these schemas and of the instructions that go with them."""
MOST_TOKENS: Mapping[Purpose, int] = {
    Purpose.PACKAGE: 2_500,
    Purpose.BRIEFING: 1_500,
    Purpose.NOTE: 1_500,
    Purpose.TICKET: 2_500,
}
