"""What a button, a menu or a window of ours carries through Slack and back: a verb and its arguments."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from bot.card import Choice
from bot.forms_opened import OPENS_A_FORM as OPENS_A_FORM

PREFIX = "fp:"
CALLBACK = "fp"
FIELD = "f:"
PART = "~"
"""Stands between a long text's name and the number of its part."""
MORE = "fp:more"
VALUE_LIMIT = 150
"""What an option of a menu may carry; a button may carry more, but a verb may stand in either."""


@dataclass(frozen=True, slots=True)
class Click:
    verb: str
    args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a view carries: the verb of its submission and the order key of what it belongs to."""

    verb: str = ""
    args: Mapping[str, str] = field(default_factory=dict)
    order: str = ""


def action_id(verb: str, n: int) -> str:
    return f"{PREFIX}{verb}:{n}"


def value(choice: Choice) -> str:
    """Raises ValueError for arguments that no menu can carry."""
    found = urlencode({"v": choice.verb, **choice.args})
    if len(found) > VALUE_LIMIT:
        raise ValueError(f"{choice.verb} carries more than {VALUE_LIMIT} characters")
    return found


def click(action: Mapping[str, Any]) -> Click | None:
    """The verb of a clicked button or a chosen option; None where it is none of ours."""
    if not str(action.get("action_id", "")).startswith(PREFIX):
        return None
    carried = action.get("value")
    if carried is None:
        carried = (action.get("selected_option") or {}).get("value")
    try:
        given = dict(parse_qsl(str(carried or ""), keep_blank_values=True, max_num_fields=20))
    except ValueError:
        return None
    verb = given.pop("v", "")
    return Click(verb, given) if verb else None


def metadata(verb: str = "", args: Mapping[str, str] | None = None, order: str = "") -> str:
    return json.dumps({"verb": verb, "args": dict(args or {}), "order": order})


def from_metadata(text: str) -> Metadata:
    """Empty for a view that is none of ours."""
    try:
        found = json.loads(text)
        return Metadata(
            str(found["verb"]), {str(k): str(v) for k, v in found["args"].items()}, str(found["order"])
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return Metadata()


def external_id(trigger_id: str) -> str:
    """How web and worker name the same view without a word between them."""
    return f"fp-{hashlib.sha256(trigger_id.encode()).hexdigest()[:32]}"
