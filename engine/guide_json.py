"""Reading the raw text of an answer: the words that may be shown while it grows, and the object it ends as."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence

from engine.session import Json

LONGEST = 60_000
"""Characters of a raw answer that are looked at."""
SHOWN = 1_500
_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL | re.IGNORECASE)
_OPENING = re.compile(r'\A\s*(?:```(?:json)?\s*)?\{\s*"say"\s*:\s*"', re.IGNORECASE)
_PART = re.compile(r'[^"\\]+|\\u[0-9a-fA-F]{4}|\\["\\/bfnrt]')
_ESCAPED = {"b": "", "f": "", "n": "\n", "r": "\n", "t": " "}
_UNSEEN = {"Cc", "Cf", "Cs", "Co"}
_HALF = re.compile(r"⟦[^⟧]{0,80}\Z")


class Unusable(ValueError):
    """Why an answer cannot be used, in words that repeat nothing of it."""


# ── While it grows ──────────────────────────────────────────────────────────────────────────────────────────


def visible(partial_raw: str) -> str:
    """What a person may read of an answer that is still coming in; it only ever grows.

    The beginning of `say`, without half escapes and half placeholders; nothing where the answer begins otherwise.
    """
    opening = _OPENING.match(partial_raw)
    if opening is None:
        return ""
    parts: list[str] = []
    at = opening.end()
    # An escape takes up to six characters.
    end = min(len(partial_raw), at + SHOWN * 6)
    while at < end and (part := _PART.match(partial_raw, at, end)) is not None:
        parts.append(_decoded(part[0]))
        at = part.end()
    text = "".join(parts)
    if text and "\ud800" <= text[-1] <= "\udbff":
        text = text[:-1]
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    safe = "".join(c for c in joined if c == "\n" or unicodedata.category(c) not in _UNSEEN)[:SHOWN]
    return _HALF.sub("", safe.lstrip()).rstrip()


def _decoded(part: str) -> str:
    if part[0] != "\\":
        return part
    return chr(int(part.removeprefix("\\u"), 16)) if part[1] == "u" else _ESCAPED.get(part[1], part[1])


# ── When it is whole ────────────────────────────────────────────────────────────────────────────────────────


def read(raw: str, schema: Json) -> dict[str, object]:
    """The one JSON object of an answer, which follows the schema. Raises Unusable."""
    if len(raw) > LONGEST:
        raise Unusable("it is far too long.")
    fenced = _FENCE.match(raw)
    try:
        found = json.loads(
            fenced[1] if fenced else raw, object_pairs_hook=_once, parse_constant=_no_number, parse_int=_whole
        )
    except Unusable:
        raise
    except (ValueError, RecursionError):
        raise Unusable("it is not one complete JSON object and nothing else.") from None
    if not isinstance(found, dict):
        raise Unusable("it is not a JSON object.")
    if wrong := _wrong(found, schema, ""):
        raise Unusable(wrong)
    return found


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unusable("a field stands in it twice.")
    return found


def _no_number(_: str) -> object:
    raise Unusable("it holds a number that is none.")


def _whole(digits: str) -> int:
    if len(digits) > 12:
        raise Unusable("it holds a number that is far too big.")
    return int(digits)


def _wrong(value: object, schema: Json, path: str) -> str:
    """What does not follow the schema, named by its place; empty where everything does."""
    allowed = schema.get("enum")
    if isinstance(allowed, Sequence):
        fits = any(value == each and type(value) is type(each) for each in allowed)
        named = ", ".join(f'"{each}"' if isinstance(each, str) else str(each) for each in allowed)
        return "" if fits else f"{path} must be one of {named}."
    match schema["type"]:
        case "object":
            return _wrong_object(value, schema, path)
        case "array":
            if not isinstance(value, list):
                return f"{path} must be a list."
            items = schema["items"]
            assert isinstance(items, Mapping)  # noqa: S101 - a schema of ours
            return next(
                (w for n, each in enumerate(value[:100]) if (w := _wrong(each, items, f"{path}[{n}]"))), ""
            )
        case "integer":
            return "" if type(value) is int else f"{path} must be a whole number."
        case "boolean":
            return "" if isinstance(value, bool) else f"{path} must be true or false."
        case _:
            return "" if isinstance(value, str) else f"{path} must be a text."


def _wrong_object(value: object, schema: Json, path: str) -> str:
    properties = schema["properties"]
    assert isinstance(properties, Mapping)  # noqa: S101 - a schema of ours
    if not isinstance(value, dict):
        return f"{path} must be an object."
    missing = [name for name in properties if name not in value]
    if missing:
        return f"{', '.join(f'{path}.{name}'.strip('.') for name in missing)} is missing."
    if len(value) > len(properties):
        return f"{path or 'the answer'} has a field that is not in the format."
    checked = (
        (name, _wrong(value[name], inner, f"{path}.{name}".strip("."))) for name, inner in properties.items()
    )
    return next((wrong for _, wrong in checked if wrong), "")
