"""The inputs of a form in a Slack window: one input block per field, several for a text too long for one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.card import Field, Form
from bot.slack import actions
from bot.slack.markup import Json, plain, unstarred
from bot.words import say

ACTION = "fp:field"
TICKET_SEARCH = "fp:ticket_search"
LONGEST = 3_000
"""Characters of one input."""
_PART = 2_500
"""Of a text over several inputs, so that each can still be added to."""
_LABEL, _HINT, _PLACEHOLDER, _OPTION = 2_000, 2_000, 150, 75
_OPTIONS, _RADIOS = 100, 5
_BLOCK_ID = 255
_FILES = 10
FILE_TYPES = ("log", "txt", "evtx", "csv", "json", "png", "jpg", "jpeg", "gif", "webp")
TICKED = "yes"


def inputs(form: Form) -> list[Json]:
    """Raises ValueError for a name or an option's value that Slack cannot carry."""
    return [block for field in form.fields for block in _input(field)]


def parts(text: str) -> list[str]:
    """The text in pieces that one input holds, cut at line ends where that is possible; joined they are the text."""
    if len(text) <= LONGEST:
        return [text]
    found, left = [], text
    while len(left) > _PART:
        at = left.rfind("\n", 0, _PART) + 1 or _PART
        found.append(left[:at])
        left = left[at:]
    return [*found, left] if left else found


def _input(field: Field) -> list[Json]:
    if field.kind not in {"text", "long_text", "time"} and (field.kind != "choice" or field.options):
        return [_block(field, field.name, _element(field), field.label)]
    pieces = parts(field.value)
    return [
        _block(
            field,
            field.name if number == 1 else f"{field.name}{actions.PART}{number}",
            _typed(field, piece),
            _numbered(field.label, number, len(pieces)),
            first=number == 1,
            last=number == len(pieces),
        )
        for number, piece in enumerate(pieces, 1)
    ]


def _numbered(label: str, number: int, count: int) -> str:
    return label if count == 1 else say("slack.part", label=label, number=number, count=count)


def _block(
    field: Field, name: str, element: Json, label: str, *, first: bool = True, last: bool = True
) -> Json:
    block_id = f"{actions.FIELD}{name}"
    if len(block_id) > _BLOCK_ID or _part(field.name)[1] > 1:
        raise ValueError(f"the field {name[:40]} has a name that does not come back as it is")
    made: Json = {
        "type": "input",
        "block_id": block_id,
        "label": plain(unstarred(label), _LABEL),
        "element": {"action_id": f"{ACTION}:{name}"[:_BLOCK_ID], **element},
        "optional": not (field.required and first),
    }
    hint = _hint(field)
    return made | {"hint": plain(hint, _HINT)} if hint and last else made


def _hint(field: Field) -> str:
    """Slack writes “(optional)” beside the label itself, and its channels are chosen, not typed."""
    if field.kind == "channel":
        return say("slack.channel_hint")
    return unstarred(field.hint.removeprefix(say("form.optional"))).strip()


def _typed(field: Field, value: str) -> Json:
    """A value with line ends gets several lines whatever its kind: one line would lose them."""
    lines = field.kind == "long_text" or "\n" in value or len(field.value) > LONGEST
    made: Json = {"type": "plain_text_input", "multiline": lines, "max_length": LONGEST}
    return made | {"initial_value": value} if value else made


def _element(field: Field) -> Json:
    match field.kind:
        case "tick":
            return _tick(field)
        case "ticket":
            return _ticket(field)
        case "channel":
            return _channel(field)
        case "file":
            return {"type": "file_input", "filetypes": list(FILE_TYPES), "max_files": _FILES}
        case _:
            return _choice(field)


def _choice(field: Field) -> Json:
    """All options at a glance where they are few; what is chosen is always among those a long menu shows."""
    options = _listed(field)
    chosen = [each for each in options if each["value"] == field.value]
    few = len(options) <= _RADIOS and all(len(label) <= _OPTION for _, label in field.options)
    made: Json = {"type": "radio_buttons" if few else "static_select", "options": options}
    if not few:
        made["placeholder"] = plain(say("slack.choose"), _PLACEHOLDER)
    return made | {"initial_option": chosen[0]} if chosen else made


def _listed(field: Field) -> list[Json]:
    given = dict(field.options)
    values = list(given)[:_OPTIONS]
    if field.value in given and field.value not in values:
        values = [*values[: _OPTIONS - 1], field.value]
    return [_option(value, given[value]) for value in values]


def _option(value: str, label: str) -> Json:
    if not 0 < len(value) <= actions.VALUE_LIMIT:
        raise ValueError(f"an option carries 1 to {actions.VALUE_LIMIT} characters, not {len(value)}")
    return {"text": plain(label, _OPTION), "value": value}


def _tick(field: Field) -> Json:
    option = _option(TICKED, say("slack.tick"))
    made: Json = {"type": "checkboxes", "options": [option]}
    return made | {"initial_options": [option]} if field.value else made


def _ticket(field: Field) -> Json:
    """Where the person has tickets of his own, they are asked for as soon as the menu opens."""
    made: Json = {
        "type": "external_select",
        "action_id": TICKET_SEARCH,
        "min_query_length": 0 if field.options else 1,
        "placeholder": plain(say("slack.ticket"), _PLACEHOLDER),
    }
    if not field.value:
        return made
    label = dict(field.options).get(field.value) or say("slack.ticket_chosen", ticket=field.value)
    return made | {"initial_option": _option(field.value, label)}


def _channel(field: Field) -> Json:
    """Only channels of this workspace alone: what is posted there is an account's own."""
    made: Json = {
        "type": "conversations_select",
        "placeholder": plain(say("slack.channel"), _PLACEHOLDER),
        "filter": {
            "include": ["public", "private"],
            "exclude_external_shared_channels": True,
            "exclude_bot_users": True,
        },
    }
    given = re.fullmatch(r"(?:T[A-Z0-9]{2,30}:)?([CG][A-Z0-9]{2,30})", field.value)
    return made | {"initial_conversation": given[1]} if given else made


# ── What was filled in ──────────────────────────────────────────────────────────────────────────────────────


def values(state: Mapping[str, Any]) -> dict[str, str]:
    """Name → value out of a view's `state.values`; the parts of one text joined. Blocks of others are left out."""
    found: dict[str, dict[int, str]] = {}
    for block_id, elements in state.items():
        if not block_id.startswith(actions.FIELD):
            continue
        name, number = _part(block_id.removeprefix(actions.FIELD))
        found.setdefault(name, {})[number] = "".join(_given(element) for element in elements.values())
    return {name: "".join(pieces[n] for n in sorted(pieces)) for name, pieces in found.items()}


def _part(name: str) -> tuple[str, int]:
    part = re.fullmatch(rf"(.+){re.escape(actions.PART)}([2-9]|[1-9][0-9]+)", name)
    return (part[1], int(part[2])) if part else (name, 1)


def _given(element: Mapping[str, Any]) -> str:
    match element.get("type"):
        case "static_select" | "radio_buttons" | "external_select":
            return str((element.get("selected_option") or {}).get("value") or "")
        case "checkboxes":
            return TICKED if element.get("selected_options") else ""
        case "conversations_select":
            return str(element.get("selected_conversation") or "")
        case "file_input":
            return ",".join(str(file["id"]) for file in element.get("files") or [])
        case _:
            return str(element.get("value") or "")


def block_of(name: str, blocks: Sequence[Mapping[str, Any]]) -> str:
    """The block id of the input of that name, else of the first input, else nothing."""
    ids = [str(block.get("block_id", "")) for block in blocks if block.get("type") == "input"]
    wanted = f"{actions.FIELD}{name}"
    return wanted if wanted in ids else next(iter(ids), "")
