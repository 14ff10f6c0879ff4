"""Names, filters, sorting, paging and field selection of the lists ConnectWise answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from demo.psa_conditions import parse, read_date
from demo.psa_refusals import Complaint, Json, Reply, bad_boolean, bad_condition, invalid, refusal

DEFAULT_PAGE, LARGEST_PAGE = 25, 1000
INFO_NAMES = {"lastUpdated", "updatedBy", "dateEntered", "enteredBy"}
CHILD_NAMES = {
    "id",
    "name",
    "identifier",
    "summary",
    "type",
    "level",
    "sort",
    "lastUpdated",
    "deviceIdentifier",
}
# Accepted in conditions although the record itself has no such field (singular, and for tickets only).
VIRTUAL_REFERENCES = {"ticket": {"configuration"}}


@dataclass(frozen=True, slots=True)
class Names:
    """The fields of one kind of record: name → type letter, as written in psa_names.yaml."""

    kind: str
    types: Mapping[str, str]

    def check(self, name: str) -> None:
        """Refuses what is no filterable name of this kind."""
        root, _, rest = name.partition("/")
        letter = "r" if root in VIRTUAL_REFERENCES.get(self.kind, ()) else self.types.get(root, "")
        letter = letter or (
            "s" if root in INFO_NAMES and not rest else "r" if root == "_info" and rest else ""
        )
        child_known = not rest or rest in CHILD_NAMES or root == "_info"
        if letter[:1] in ("", "l") or (letter == "r") != bool(rest) or not child_known:
            raise bad_condition(f"{name} is not a recognized name.")

    def finder(self, name: str) -> Callable[[Json], list[Any]]:
        self.check(name)
        path = name.split("/")
        return lambda record: values_at(record, path)

    def child_finder(self, name: str) -> Callable[[Json], list[Any]]:
        """For childConditions: names that pass through a list, such as communicationItems/value."""
        if self.types.get(name.partition("/")[0]) != "l" or "/" not in name:
            raise bad_condition(f"{name} is not a recognized name.")
        path = name.split("/")
        return lambda record: values_at(record, path)


def values_at(record: Any, path: list[str]) -> list[Any]:
    """All values at `path`; several when a list lies on the way, none when a part is missing."""
    if isinstance(record, list):
        return [value for one in record for value in values_at(one, path)]
    if not path:
        return [] if record is None else [record]
    if not isinstance(record, dict):
        return []
    head, rest = path[0], path[1:]
    if head not in record and head in INFO_NAMES:
        return values_at(record.get("_info", {}).get(head), rest)
    if head not in record and "_practice" in record:
        return values_at(record["_practice"].get(head), rest)
    return values_at(record.get(head), rest)


@lru_cache(maxsize=1)
def _written() -> Mapping[str, Any]:
    text = Path(__file__).with_name("psa_names.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@lru_cache(maxsize=64)
def names_of(kind: str) -> Names:
    """The names of one kind of record; small reference tables have id, name and identifier."""
    text = _written().get(kind, "id:i name:s identifier:s inactiveFlag:b")
    return Names(kind, dict(pair.split(":") for pair in text.split()))


def page_of(
    kind: str, records: list[Json], query: Mapping[str, str], headers: Mapping[str, str], url: str
) -> Reply:
    """One page of `records` after conditions and orderBy, with its Link header; `url` is its address."""
    names = names_of(kind)
    chosen = filtered(names, records, query)
    size = min(_positive(query, "pageSize", DEFAULT_PAGE), LARGEST_PAGE)
    if headers.get("pagination-type", "").lower() == "forward-only":
        return _forward_page(names, chosen, query, size, url)
    page = _positive(query, "page", 1)
    ordered = _sorted(names, chosen, query.get("orderBy", ""))
    rows = ordered[(page - 1) * size : page * size]
    last = max(1, -(-len(ordered) // size))
    links = []
    if page < last:
        links += [
            _link(url, query, size, "page", page + 1, "next"),
            _link(url, query, size, "page", last, "last"),
        ]
    if page > 1:
        links += [
            _link(url, query, size, "page", page - 1, "prev"),
            _link(url, query, size, "page", 1, "first"),
        ]
    return Reply(200, selected(rows, query), headers=(("Link", ", ".join(links)),) if links else ())


def filtered(names: Names, records: list[Json], query: Mapping[str, str]) -> list[Json]:
    """The records that pass `conditions` and `childConditions`."""
    chosen = records
    if text := query.get("conditions", "").strip():
        test = parse(text, names.finder)
        chosen = [record for record in chosen if test(record)]
    if text := query.get("childConditions", "").strip():
        test = parse(text, names.child_finder)
        chosen = [record for record in chosen if test(record)]
    return chosen


def _forward_page(names: Names, records: list[Json], query: Mapping[str, str], size: int, url: str) -> Reply:
    if query.get("orderBy"):
        raise refusal(400, "InvalidParameter", "orderBy is not supported with forward-only pagination.")
    after = _positive(query, "pageId", 1) if query.get("pageId") else 0
    left = sorted((one for one in records if one["id"] > after), key=lambda one: int(one["id"]))
    rows = left[:size]
    headers = [("pagination-type", "forward-only")]
    if len(left) > size:
        headers.append(("Link", _link(url, query, size, "pageId", rows[-1]["id"], "next")))
    return Reply(200, selected(rows, query), headers=tuple(headers))


def _link(url: str, query: Mapping[str, str], size: int, key: str, value: int, rel: str) -> str:
    kept = {name: text for name, text in query.items() if name not in ("page", "pageId", "pageSize")}
    return f'<{url}?{urlencode({**kept, "pageSize": size, key: value})}>; rel="{rel}"'


def _positive(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 2**31:
        raise refusal(400, "InvalidParameter", f"{name} must be a positive integer.")
    return int(text)


def _sorted(names: Names, records: list[Json], order: str) -> list[Json]:
    ordered = sorted(records, key=lambda one: int(one["id"]))
    for part in reversed([one.split() for one in order.split(",") if one.strip()]):
        if len(part) > 2 or (len(part) == 2 and part[1].lower() not in ("asc", "desc")):
            raise bad_condition(f"{' '.join(part)} is not a recognized order.")
        values_of = names.finder(part[0])
        ordered.sort(
            key=lambda one, values_of=values_of: _sort_key(values_of(one)),  # type: ignore[misc]
            reverse=len(part) == 2 and part[1].lower() == "desc",
        )
    return ordered


def _sort_key(values: list[Any]) -> tuple[int, float, str]:
    """Missing first, then numbers, then text without case: one type, so that mixed columns still sort."""
    if not values:
        return 0, 0.0, ""
    value = values[0]
    return (1, float(value), "") if isinstance(value, (int, float)) else (2, 0.0, str(value).lower())


def selected(rows: list[Json], query: Mapping[str, str]) -> list[Json]:
    """The rows cut to `fields`; `_info` only comes back when it is named."""
    paths = [part.strip().split("/") for part in query.get("fields", "").split(",") if part.strip()]
    return [_cut(row, paths) for row in rows] if paths else rows


def _cut(row: Json, paths: list[list[str]]) -> Json:
    kept: Json = {"_practice": row["_practice"]} if "_practice" in row else {}
    for path in paths:
        source: Any = row.get(path[0])
        if source is None:
            continue
        if len(path) == 1 or not isinstance(source, dict):
            kept[path[0]] = source
        elif path[1] in source:
            held = kept.setdefault(path[0], {})
            if held is not source:
                held[path[1]] = source[path[1]]
    return kept


def checked_body(kind: str, resource: str, body: Any) -> tuple[Json, list[str]]:
    """A POST body whose fields have the right types, and the names in it that ConnectWise does not know.

    Unknown names are ignored, as the real one does; the journal shows them so that a typing error is seen.
    """
    if not isinstance(body, dict):
        raise invalid(resource, Complaint("InvalidObject", "The request body is not a JSON object.", ""))
    types = names_of(kind).types
    for name, value in body.items():
        if value is not None and name in types:
            check_field(resource, name, types[name], value)
    unknown = [name for name in body if name not in types and name != "_info"]
    return {name: value for name, value in body.items() if value is not None and name in types}, unknown


def check_field(resource: str, name: str, letter: str, value: Any) -> None:
    """Refuses a value of the wrong type, too long, or outside its list."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if letter == "b" and not isinstance(value, bool) and str(value).lower() not in ("true", "false"):
        raise bad_boolean()
    if letter in ("i", "n") and not (number and (letter == "n" or isinstance(value, int))):
        raise invalid(resource, Complaint("InvalidField", f"The field {name} must be a number.", name))
    if letter == "r" and not isinstance(value, dict):
        raise invalid(resource, Complaint("InvalidField", f"The field {name} must be a reference.", name))
    if letter[:1] in ("s", "d", "e") and not isinstance(value, str):
        raise invalid(resource, Complaint("InvalidField", f"The field {name} must be a string.", name))
    if letter == "d" and (read_date(value) is None or "." in value or not value.endswith("Z")):
        raise invalid(
            resource, Complaint("InvalidField", "String was not recognized as a valid DateTime.", name)
        )
    if letter[:1] == "s" and letter[1:] and len(value) > int(letter[1:]):
        message = f"The field {name} must be a string with a maximum length of {letter[1:]}."
        raise invalid(resource, Complaint("MaxLengthField", message, name))
    if letter == "e" and value not in _written()["enums"].get(name, [value]):
        raise invalid(
            resource, Complaint("InvalidField", f"Enum value supplied for {name} was invalid.", name)
        )
