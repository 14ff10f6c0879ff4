"""Which schemas the practice model takes, and how an answer is made to follow one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from demo.model_refusals import Json, Refused, wrong

MOST_OPTIONAL = 24
DEEPEST = 12
KNOWN = frozenset(
    {
        *(
            "type",
            "properties",
            "required",
            "additionalProperties",
            "items",
            "enum",
            "const",
            "anyOf",
            "allOf",
        ),
        *("description", "title", "default", "format", "$ref", "$defs", "definitions", "minItems", "$schema"),
    }
)
TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})
WHERE = "output_config.format.schema"


def check_schema(schema: Any) -> None:
    """Raises Refused (400) for a schema the real one would not compile, and for any optional property."""
    if not isinstance(schema, dict):
        raise wrong(f"{WHERE}: Input should be a valid dictionary")
    optional = [name for part in _parts(schema, schema, 0) for name in _checked(part)]
    if len(optional) > MOST_OPTIONAL:
        raise wrong(
            "The compiled grammar is too large, which would cause performance issues. "
            "Simplify your tool schemas or reduce the number of strict tools."
        )
    if optional:
        raise wrong(f"{WHERE}: every property must be listed in 'required'; missing: {', '.join(optional)}")


def _parts(schema: Any, root: Json, depth: int) -> Iterator[Json]:
    """The schema and every schema inside it."""
    if depth > DEEPEST:
        raise wrong(f"{WHERE}: Circular or too deep schemas are not supported")
    if not isinstance(schema, dict):
        raise wrong(f"{WHERE}: a schema must be an object, additionalProperties excepted")
    if "$ref" in schema:
        schema = resolved(schema, root)
    yield schema
    inner = list((schema.get("properties") or {}).values())
    inner += schema.get("anyOf") or []
    inner += schema.get("allOf") or []
    if "items" in schema:
        inner.append(schema["items"])
    for one in inner:
        yield from _parts(one, root, depth + 1)


def _checked(schema: Json) -> list[str]:
    """The optional properties of one schema; refuses what the real one cannot compile."""
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if unknown := [kind for kind in kinds if kind not in TYPES]:
        raise wrong(f"{WHERE}: unknown type {unknown[0]!r}")
    if unknown := sorted(set(schema) - KNOWN):
        raise wrong(f"{WHERE}: For '{', '.join(kinds)}' type, property '{unknown[0]}' is not supported")
    if schema.get("minItems", 0) not in (0, 1):
        raise wrong(f"{WHERE}: For 'array' type, 'minItems' values other than 0 or 1 are not supported")
    if "enum" in schema and (not isinstance(schema["enum"], list) or not schema["enum"]):
        raise wrong(f"{WHERE}: 'enum' must be a list that is not empty")
    if "object" not in kinds:
        return []
    if schema.get("additionalProperties") is not False:
        raise wrong(f"{WHERE}: For 'object' type, 'additionalProperties' must be explicitly set to false")
    properties, required = schema.get("properties") or {}, schema.get("required") or []
    if stray := [name for name in required if name not in properties]:
        raise wrong(f"{WHERE}: 'required' names {stray[0]!r}, which is no property")
    return [name for name in properties if name not in required]


def resolved(schema: Json, root: Json) -> Json:
    """The schema a `$ref` of this document leads to."""
    place: Any = root
    for word in str(schema["$ref"]).removeprefix("#/").split("/"):
        place = place.get(word) if isinstance(place, dict) else None
    if not isinstance(place, dict):
        raise wrong(f"{WHERE}: cannot resolve {schema['$ref']!r}")
    return place


def fitted(schema: Json, wish: Any, root: Json | None = None) -> Any:
    """A value that follows the schema: the wish where it fits, else the plainest value there is."""
    root = root or schema
    if "$ref" in schema:
        return fitted(resolved(schema, root), wish, root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return wish if _among(wish, schema["enum"]) else _plainest(schema["enum"])
    if "anyOf" in schema:
        return _fitted_choice(schema["anyOf"], wish, root)
    kinds = schema.get("type", "string")
    kind = next((k for k in kinds if is_a(k, wish)), kinds[0]) if isinstance(kinds, list) else kinds
    match kind:
        case "object":
            given = wish if isinstance(wish, dict) else {}
            return {
                name: fitted(one, given.get(name), root)
                for name, one in (schema.get("properties") or {}).items()
            }
        case "array":
            rows = list(wish) if isinstance(wish, (list, tuple)) else []
            if not rows and schema.get("minItems"):
                rows = [None]
            return [fitted(schema.get("items") or {}, row, root) for row in rows]
        case "string":
            return wish if isinstance(wish, str) else ""
        case "integer":
            return wish if is_a("integer", wish) else 0
        case "number":
            return wish if is_a("number", wish) else 0
        case "boolean":
            return wish if isinstance(wish, bool) else False
        case _:
            return None


def _plainest(allowed: list[Any]) -> Any:
    return "" if "" in allowed else allowed[0]


def _among(wish: Any, allowed: list[Any]) -> bool:
    return any(type(wish) is type(one) and wish == one for one in allowed)


def _fitted_choice(choices: list[Json], wish: Any, root: Json) -> Any:
    for one in choices:
        if fits(one, wish, root):
            return fitted(one, wish, root)
    return fitted(choices[0], wish, root)


def is_a(kind: str, value: Any) -> bool:
    match kind:
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case _:
            return value is None


def fits(schema: Json, value: Any, root: Json | None = None) -> bool:
    """Whether a value already follows the schema."""
    try:
        return bool(fitted(schema, value, root) == value)
    except Refused:
        return False
