"""What Slack refuses in blocks, elements and windows: types, places, lengths, numbers, doubled ids."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from demo.slack_refusals import Json, Refused, invalid
from demo.slack_rules_elements import check_element, count, text_object, wants

MESSAGE, MODAL, HOME = "message", "modal", "home"
EVERYWHERE = (MESSAGE, MODAL, HOME)
# Block → where it may stand.
BLOCKS: dict[str, tuple[str, ...]] = {
    "section": EVERYWHERE,
    "header": EVERYWHERE,
    "divider": EVERYWHERE,
    "context": EVERYWHERE,
    "actions": EVERYWHERE,
    "image": EVERYWHERE,
    "rich_text": EVERYWHERE,
    "video": EVERYWHERE,
    "input": EVERYWHERE,
    "markdown": (MESSAGE,),
    "table": (MESSAGE,),
    "file": (MESSAGE,),
    "context_actions": (MESSAGE,),
    "task_card": (MESSAGE,),
    "plan": (MESSAGE,),
    "alert": (MODAL,),
}
MOST = {MESSAGE: 50, MODAL: 100, HOME: 100}
SECTION_TAKES = {
    *("button", "overflow", "static_select", "external_select", "users_select", "conversations_select"),
    *("channels_select", "multi_static_select", "multi_external_select", "multi_users_select"),
    *("multi_conversations_select", "multi_channels_select", "datepicker", "timepicker", "checkboxes"),
    *("radio_buttons", "image", "workflow_button"),
}
ACTIONS_TAKE = (SECTION_TAKES - {"image"}) | {"datetimepicker", "rich_text_input"}
INPUT_TAKES = (SECTION_TAKES - {"button", "overflow", "image", "workflow_button"}) | {
    *("plain_text_input", "email_text_input", "url_text_input", "number_input", "rich_text_input"),
    *("datetimepicker", "file_input"),
}
MODAL_ONLY = {"file_input"}
TEXT_MOST = 13_200


@dataclass(slots=True)
class Checked:
    """What the checks found: `complaints` with their place, and the ids seen."""

    surface: str
    complaints: list[str] = field(default_factory=list)
    block_ids: set[str] = field(default_factory=set)
    action_ids: set[str] = field(default_factory=set)
    characters: int = 0

    def complain(self, place: str, message: str) -> None:
        self.complaints.append(f"{message} [json-pointer:{place}]")


def checked_blocks(given: Any, surface: str, ids: Iterator[int], place: str = "/blocks") -> list[Json]:
    """The blocks as Slack keeps them, with made-up ids where none were given. Raises Refused."""
    found = Checked(surface)
    if not isinstance(given, list):
        raise invalid("invalid_blocks_format", f"must be an array [json-pointer:{place}]")
    if len(given) > MOST[surface]:
        found.complain(place, f"no more than {MOST[surface]} items allowed")
    for number, block in enumerate(given):
        _check_block(found, block, f"{place}/{number}")
    if sum(isinstance(one, dict) and one.get("type") == "table" for one in given) > 1:
        found.complain(place, "only_one_table_allowed")
    if found.complaints:
        raise invalid("invalid_blocks" if surface == MESSAGE else "invalid_arguments", *found.complaints)
    if surface == MESSAGE and found.characters > TEXT_MOST:
        raise Refused("msg_blocks_too_long")
    kept: list[Json] = json.loads(json.dumps(given))
    for block in kept:
        _give_ids(block, ids)
    return kept


def elements_of(block: Json) -> list[Json]:
    """Every element of a block that carries an action_id, or may."""
    inside = [*(block.get("elements") or []), block.get("accessory"), block.get("element")]
    if block.get("type") in {"rich_text", "context"}:
        return []
    return [one for one in inside if isinstance(one, dict) and one.get("type") != "image"]


def _complete(value: Any) -> None:
    """Slack writes out what was left to it in texts and inputs."""
    if isinstance(value, list):
        for inner in value:
            _complete(inner)
    elif isinstance(value, dict):
        match value.get("type"):
            case "plain_text":
                value.setdefault("emoji", True)
            case "mrkdwn":
                value.setdefault("verbatim", False)
            case "input":
                value.setdefault("optional", False)
                value.setdefault("dispatch_action", False)
        for inner in list(value.values()):
            _complete(inner)


def _give_ids(block: Json, ids: Iterator[int]) -> None:
    _complete(block)
    block.setdefault("block_id", f"b{next(ids):04x}")
    for one in elements_of(block):
        one.setdefault("action_id", f"a{next(ids):04x}")


def _check_block(found: Checked, block: Any, place: str) -> None:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        found.complain(place, "must be an object with a type")
        return
    kind = block["type"]
    if kind not in BLOCKS:
        found.complain(f"{place}/type", f"unsupported type: {kind}")
        return
    if found.surface not in BLOCKS[kind]:
        found.complain(f"{place}/type", f"block type {kind} is not allowed in a {found.surface}")
    name = block.get("block_id")
    if name is not None:
        count(found, f"{place}/block_id", name, 255)
        if name in found.block_ids:
            found.complain(f"{place}/block_id", f"block_id {name!r} already exists")
        found.block_ids.add(str(name))
    check = CHECKS.get(kind)
    if check:
        check(found, block, place)


def _section(found: Checked, block: Json, place: str) -> None:
    if not block.get("text") and not block.get("fields"):
        found.complain(place, "missing required field: text or fields")
    if "text" in block:
        text_object(found, f"{place}/text", block["text"], 3000)
    fields = block.get("fields")
    if fields is not None:
        wants(found, f"{place}/fields", fields, 1, 10)
        for number, one in enumerate(fields if isinstance(fields, list) else []):
            text_object(found, f"{place}/fields/{number}", one, 2000)
    if "accessory" in block:
        _element(found, block["accessory"], f"{place}/accessory", SECTION_TAKES)


def _header(found: Checked, block: Json, place: str) -> None:
    text_object(found, f"{place}/text", block.get("text"), 150, plain=True)


def _context(found: Checked, block: Json, place: str) -> None:
    wants(found, f"{place}/elements", block.get("elements"), 1, 10)
    for number, one in enumerate(_listed(block.get("elements"))):
        if isinstance(one, dict) and one.get("type") == "image":
            check_element(found, one, f"{place}/elements/{number}")
        else:
            text_object(found, f"{place}/elements/{number}", one, 3000)


def _actions(found: Checked, block: Json, place: str) -> None:
    wants(found, f"{place}/elements", block.get("elements"), 1, 25)
    for number, one in enumerate(_listed(block.get("elements"))):
        _element(found, one, f"{place}/elements/{number}", ACTIONS_TAKE)


def _context_actions(found: Checked, block: Json, place: str) -> None:
    wants(found, f"{place}/elements", block.get("elements"), 1, 5)
    for number, one in enumerate(_listed(block.get("elements"))):
        _element(found, one, f"{place}/elements/{number}", {"feedback_buttons", "icon_button"})


def _input(found: Checked, block: Json, place: str) -> None:
    text_object(found, f"{place}/label", block.get("label"), 2000, plain=True)
    if block.get("hint"):
        text_object(found, f"{place}/hint", block["hint"], 2000, plain=True)
    # An input stands alone in its block, so inputs may share an action_id: block_id tells them apart.
    _element(found, block.get("element"), f"{place}/element", INPUT_TAKES, alone=True)


def _image(found: Checked, block: Json, place: str) -> None:
    if not block.get("image_url") and not block.get("slack_file"):
        found.complain(place, "missing required field: image_url or slack_file")
    count(found, f"{place}/alt_text", block.get("alt_text"), 2000)
    if block.get("title"):
        text_object(found, f"{place}/title", block["title"], 2000, plain=True)


def _markdown(found: Checked, block: Json, place: str) -> None:
    text = block.get("text")
    count(found, f"{place}/text", text, 12_000)
    found.characters += len(text) if isinstance(text, str) else 0


def _rich_text(found: Checked, block: Json, place: str) -> None:
    allowed = {"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"}
    wants(found, f"{place}/elements", block.get("elements"), 1, 1000)
    for number, one in enumerate(_listed(block.get("elements"))):
        if not isinstance(one, dict) or one.get("type") not in allowed:
            found.complain(f"{place}/elements/{number}/type", "unsupported rich text element")
        elif not isinstance(one.get("elements"), list):
            found.complain(f"{place}/elements/{number}", "missing required field: elements")
    found.characters += sum(len(text) for text in _texts(block))


def _table(found: Checked, block: Json, place: str) -> None:
    wants(found, f"{place}/rows", block.get("rows"), 1, 100)
    for number, row in enumerate(_listed(block.get("rows"))):
        wants(found, f"{place}/rows/{number}", row, 1, 20)
    if sum(len(text) for text in _texts(block)) > 10_000:
        found.complain(f"{place}/rows", "no more than 10000 characters allowed in all cells")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _element(found: Checked, element: Any, place: str, allowed: set[str], *, alone: bool = False) -> None:
    kind = element.get("type") if isinstance(element, dict) else None
    if kind not in allowed:
        found.complain(f"{place}/type", f"element type {kind} is not allowed here")
        return
    if kind in MODAL_ONLY and found.surface != MODAL:
        found.complain(f"{place}/type", f"element type {kind} is only allowed in a modal")
    check_element(found, element, place)
    name = element.get("action_id")
    if name is not None:
        count(found, f"{place}/action_id", name, 255)
        if name in found.action_ids and not alone:
            found.complain(f"{place}/action_id", f"action_id {name!r} already exists")
        if not alone:
            found.action_ids.add(str(name))


def _alert(found: Checked, block: Json, place: str) -> None:
    text_object(found, f"{place}/text", block.get("text"), 3000)


def _task_card(found: Checked, block: Json, place: str) -> None:
    count(found, f"{place}/task_id", block.get("task_id"), 255)
    count(found, f"{place}/title", block.get("title"), 255)


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []


CHECKS = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "context_actions": _context_actions,
    "input": _input,
    "image": _image,
    "markdown": _markdown,
    "rich_text": _rich_text,
    "table": _table,
    "alert": _alert,
    "task_card": _task_card,
}
