"""What people fill into the inputs of a card, and the values that go to the bot."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from demo.teams_cards import called
from demo.teams_refusals import Impossible, Json

FORMS = {"Input.Date": r"\d{4}-\d\d-\d\d", "Input.Time": r"\d\d:\d\d", "Input.Number": r"-?\d+(\.\d+)?"}


def values(inputs: Sequence[Json], filled: Mapping[str, Any]) -> dict[str, str]:
    """The value of every input that has one, by its id. Keys of `filled` are ids or labels. Raises Impossible for an input that
    is not there, a value it cannot take, and a required one left empty.
    """
    chosen: dict[str, str] = {}
    for key, value in filled.items():
        fitting = [one for one in inputs if one["id"] == key] or [one for one in inputs if called(one, key)]
        if len(fitting) != 1:
            what = "is no input" if not fitting else "are several inputs"
            raise Impossible(f"there {what} {key!r}; there are {[_label(one) for one in inputs]}")
        chosen[fitting[0]["id"]] = _taken(fitting[0], value)
    found: dict[str, str] = {}
    for one in inputs:
        value = chosen.get(one["id"], _given(one))
        if one.get("isRequired") and (not value or _unticked(one, value)):
            raise Impossible(str(one.get("errorMessage") or f"{_label(one)} is required"))
        if value:
            found[one["id"]] = value
    return found


def _label(element: Json) -> str:
    return str(element.get("label") or element.get("title") or element["id"])


def _given(element: Json) -> str:
    """What stands in an input that nobody touched."""
    if element["type"] == "Input.Toggle":
        return str(element.get("value", element.get("valueOff", "false")))
    return str(element.get("value", ""))


def _unticked(element: Json, value: str) -> bool:
    return element["type"] == "Input.Toggle" and value != str(element.get("valueOn", "true"))


def _taken(element: Json, value: Any) -> str:
    match element["type"]:
        case "Input.Toggle":
            on, off = str(element.get("valueOn", "true")), str(element.get("valueOff", "false"))
            if value in (True, on):
                return on
            if value in (False, off):
                return off
            raise Impossible(f"{_label(element)} is a box to tick, not {value!r}")
        case "Input.ChoiceSet":
            return _choice(element, value)
        case "Input.Text":
            return _written(element, str(value))
        case kind:
            return _formed(element, kind, str(value))


def _choice(element: Json, value: Any) -> str:
    wanted = value if isinstance(value, list) else [value]
    if element.get("isMultiSelect") and isinstance(value, str):
        wanted = [one for one in value.split(",") if one]
    if len(wanted) > 1 and not element.get("isMultiSelect"):
        raise Impossible(f"{_label(element)} takes one choice")
    return ",".join(_option(element, str(one)) for one in wanted if one != "")


def _option(element: Json, wanted: str) -> str:
    choices = element.get("choices") or []
    for key in ("value", "title"):
        for one in choices:
            if str(one[key]) == wanted:
                return str(one["value"])
    if "choices.data" in element:
        return wanted
    raise Impossible(
        f"{_label(element)} has no choice {wanted!r}; it has {[one['title'] for one in choices]}"
    )


def _written(element: Json, value: str) -> str:
    most = element.get("maxLength")
    if isinstance(most, int) and most and len(value) > most:
        raise Impossible(f"{_label(element)} takes {most} characters")
    if "\n" in value and not element.get("isMultiline"):
        raise Impossible(f"{_label(element)} takes one line")
    if value and element.get("regex") and not re.search(str(element["regex"]), value):
        raise Impossible(str(element.get("errorMessage") or f"{_label(element)} does not take that"))
    return value


def _formed(element: Json, kind: str, value: str) -> str:
    if value and not re.fullmatch(FORMS[kind], value):
        raise Impossible(f"{_label(element)} does not take {value!r}")
    if value and kind == "Input.Number":
        least, most = element.get("min"), element.get("max")
        if (least is not None and float(value) < least) or (most is not None and float(value) > most):
            raise Impossible(f"{_label(element)} takes numbers from {least} to {most}")
    return value
