"""What a button or a form of our cards carries through Teams and back: a verb, its arguments and what was filled in."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.inbound import storable

OURS = "fp"
"""The key of our part in a card's data, and the verb of every Action.Execute of ours."""
SAY = "say"
"""The box for words: its input's id and its verb. What was typed stands in `fields["text"]`."""
SEARCH = "search_tickets"
"""The words looked for stand in `fields["search"]`."""
BACK = "back"
SEARCHED = "~search"
"""Ends the id of the input in which tickets are looked for; the field itself is the list of what was found."""
MOST_ARGS = 30
MOST_FIELDS = 60
LONGEST_NAME = 120
LONGEST_ARG = 2_000
LONGEST_FIELD = 100_000
"""Characters; Teams itself sends no message above 100 KB."""
_VERB = re.compile(r"[a-z][a-z_]{0,39}")
_FORM = re.compile(r"[0-9]{1,3}")


@dataclass(frozen=True, slots=True)
class Pressed:
    """`submitted`: a form's own button; `form` is then its number in the card. A search and its way back name the form
    they belong to as well. `fields` are those of that form alone, without their number.
    """

    verb: str
    args: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    submitted: bool = False
    form: str = ""


def read(value: Any) -> Pressed | None:
    """From an invoke's value, where the data stands under its action, or from a message's; None for none of ours."""
    given = _carried(value)
    ours = given.get(OURS)
    if not isinstance(ours, dict):
        return None
    verb = ours.get("verb")
    if not isinstance(verb, str) or not _VERB.fullmatch(verb):
        return None
    args = _args(ours.get("args"))
    if verb == SAY:
        return Pressed(verb, args, {"text": _text(given.get(SAY), LONGEST_FIELD)})
    named = _number(ours.get("form"))
    form = named or _number(args.get("form"))
    fields = _fields(given, form, searching=verb == SEARCH) if form else {}
    return Pressed(verb, args, fields, bool(named) and verb not in (SEARCH, BACK), form)


def _carried(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        return {}
    action = value.get("action")
    if OURS not in value and isinstance(action, dict):
        inside = action.get("data")
        return inside if isinstance(inside, dict) else {}
    return value


def _args(given: Any) -> dict[str, str]:
    if not isinstance(given, dict):
        return {}
    found = list(given.items())[:MOST_ARGS]
    return {_name(name): _text(value, LONGEST_ARG) for name, value in found if _is_plain(value)}


def _fields(given: Mapping[str, Any], form: str, *, searching: bool) -> dict[str, str]:
    """The inputs of one form. Where nothing was chosen, what was typed to look for it stands for it."""
    prefix = f"f{form}:"
    inputs = [
        (str(name).removeprefix(prefix), value)
        for name, value in given.items()
        if str(name).startswith(prefix) and _is_plain(value)
    ][:MOST_FIELDS]
    found: dict[str, str] = {}
    typed: dict[str, str] = {}
    for name, value in inputs:
        into = typed if name.endswith(SEARCHED) else found
        into[_name(name.removesuffix(SEARCHED))] = _text(value, LONGEST_FIELD)
    for name, words in typed.items():
        if searching:
            found["search"] = words
        elif words.strip() and not found.get(name, "").strip():
            found[name] = words
    return found


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | bool | int | float)


def _name(given: Any) -> str:
    return storable(str(given)[:LONGEST_NAME])


def _text(value: Any, longest: int) -> str:
    """A tick may come as a truth value."""
    match value:
        case str():
            return storable(value[:longest])
        case bool():
            return "yes" if value else ""
        case int():
            return str(value) if abs(value) < 10**18 else ""
        case float():
            return f"{value:g}" if math.isfinite(value) else ""
    return ""


def _number(given: Any) -> str:
    text = (
        str(given) if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < 1000 else given
    )
    return text if isinstance(text, str) and _FORM.fullmatch(text) and text.isascii() else ""
