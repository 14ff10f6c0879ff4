"""Elements as a person meets them: finding what is visible, filling it in, what Slack reports of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from demo.slack_refusals import Impossible, Json
from demo.slack_rules import elements_of
from demo.slack_rules_elements import all_options
from demo.slack_text import typed
from demo.slack_world import World

STRINGS = {
    "plain_text_input": "value",
    "email_text_input": "value",
    "url_text_input": "value",
    "number_input": "value",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
}
LISTS = {
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
}
ONE = {"static_select", "external_select", "radio_buttons", "overflow"}
SEVERAL = {"multi_static_select", "multi_external_select", "checkboxes"}
BUTTONS = {"button", "workflow_button", "icon_button", "feedback_buttons"}


def clickable(blocks: Sequence[Json]) -> Iterator[tuple[Json, Json]]:
    """(block, element) of everything that sends block_actions."""
    for block in blocks:
        if block["type"] != "input" or block.get("dispatch_action"):
            for element in elements_of(block):
                yield block, element


def label_of(element: Json) -> str:
    return str((element.get("text") or element.get("placeholder") or {}).get("text", ""))


def find(blocks: Sequence[Json], label: str, action_id: str, option: str) -> tuple[Json, Json, str] | None:
    """(block, element, option) of what is meant: by action_id, by label, or by the label of an option."""
    for block, element in clickable(blocks):
        if action_id and element.get("action_id") != action_id:
            continue
        if action_id or (label and label_of(element) == label):
            return block, element, option
    for block, element in clickable(blocks):
        if not action_id and any(
            label in (one["text"]["text"], one["value"]) for one in all_options(element)
        ):
            return block, element, label
    return None


def labels(blocks: Sequence[Json]) -> list[str]:
    """What can be clicked, by its words; for the explanation of a click that cannot be."""
    found = []
    for _, element in clickable(blocks):
        found += [label_of(element), *(one["text"]["text"] for one in all_options(element))]
    return [one for one in found if one]


def chosen(element: Json, wanted: Any, suggested: Sequence[Json] = ()) -> Json:
    """The option of a menu meant by its value or its text. Raises Impossible."""
    if isinstance(wanted, dict):
        wanted = wanted.get("value")
    for one in [*all_options(element), *suggested]:
        if wanted in (one["value"], one["text"]["text"]):
            return one
    texts = [one["text"]["text"] for one in [*all_options(element), *suggested]]
    raise Impossible(f"there is no option {wanted!r}; there are {texts}")


def state_of(element: Json, given: Any, suggested: Sequence[Json] = ()) -> Json:
    """What Slack reports in state.values and actions for an element set to `given`."""
    kind = element["type"]
    found: Json = {"type": kind}
    if kind in STRINGS:
        found[STRINGS[kind]] = _text(element, given)
    elif kind in LISTS:
        found[LISTS[kind]] = list(given or [])
    elif kind in ONE:
        found["selected_option"] = chosen(element, given, suggested) if given not in (None, "") else None
    elif kind in SEVERAL:
        found["selected_options"] = _several(element, given, suggested)
    elif kind == "file_input":
        found["files"] = list(given or [])
    elif kind == "rich_text_input":
        block = typed(str(given or ""), {}, "b")[1]
        found["rich_text_value"] = {"type": "rich_text", "elements": block[0]["elements"]} if block else None
    return found


def _text(element: Json, given: Any) -> Any:
    if element["type"] == "datetimepicker":
        return int(given) if given else None
    text = None if given in (None, "") else str(given)
    if text and len(text) > int(element.get("max_length") or 3000) and element["type"] == "plain_text_input":
        raise Impossible(f"only {element.get('max_length') or 3000} characters can be typed there")
    return text


def _several(element: Json, given: Any, suggested: Sequence[Json]) -> list[Json]:
    """A tick may be given as yes or True, none as "" or False."""
    if given in (None, "", False, "no"):
        return []
    if given in (True, "yes") and len(all_options(element)) == 1:
        return all_options(element)
    return [chosen(element, one, suggested) for one in (given if isinstance(given, list) else [given])]


def initial(element: Json) -> Any:
    """What an element holds before anybody touched it, in the form `state_of` takes."""
    if element.get("initial_option"):
        return element["initial_option"]["value"]
    if element.get("initial_options"):
        return [one["value"] for one in element["initial_options"]]
    for name in ("value", "date", "time", "date_time", "user", "conversation", "channel"):
        if element.get(f"initial_{name}") is not None:
            return element[f"initial_{name}"]
    for name in ("users", "conversations", "channels"):
        if element.get(f"initial_{name}"):
            return element[f"initial_{name}"]
    return None


def current(world: World, view: Json, given: Json) -> dict[str, dict[str, Json]]:
    """state.values of a window after `given` ({name, label, block_id or action_id: value}) was filled in."""
    left, values = dict(given), dict[str, dict[str, Json]]()
    before = view["state"]["values"]
    for block in view["blocks"]:
        for element in elements_of(block):
            if element["type"] in BUTTONS or element["type"] == "overflow":
                continue
            action = element["action_id"]
            key = next((one for one in _names(block, element) if one in left), None)
            known = before.get(block["block_id"], {}).get(action)
            if key is not None:
                suggested = world.suggestions.get((view["id"], action), [])
                known = state_of(element, left.pop(key), suggested)
            elif known is None and (block["type"] == "input" or initial(element) is not None):
                known = state_of(element, initial(element))
            if known is not None:
                values.setdefault(block["block_id"], {})[action] = known
    if left:
        fields = [name for block in view["blocks"] if block["type"] == "input" for name in _names(block, {})]
        raise Impossible(f"there is no field {sorted(left)}; there are {fields}")
    return values


def _names(block: Json, element: Json) -> list[str]:
    """What a field may be called: block_id, its part after the last colon, its label, its action_id."""
    name = str(block["block_id"])
    label = str((block.get("label") or {}).get("text", ""))
    found = [name, name.rpartition(":")[2], label, str(element.get("action_id", ""))]
    return [one for one in dict.fromkeys(found) if one]


def missing(view: Json, values: dict[str, dict[str, Json]]) -> dict[str, str]:
    """What Slack itself complains of before it sends anything: empty required fields, texts too short."""
    found = {}
    for block in view["blocks"]:
        if block["type"] != "input":
            continue
        element = block["element"]
        state = values[block["block_id"]][element["action_id"]]
        held = [value for name, value in state.items() if name != "type"]
        if not any(held) and not block.get("optional"):
            found[block["block_id"]] = "Please complete this required field."
        elif state.get("value") and len(str(state["value"])) < int(element.get("min_length") or 0):
            found[block["block_id"]] = f"Must be at least {element['min_length']} characters."
    return found


def action_of(block: Json, element: Json, option: Any, stamp: str, suggested: Sequence[Json]) -> Json:
    """One entry of `actions` in block_actions."""
    found: Json = {"action_id": element["action_id"], "block_id": block["block_id"], "action_ts": stamp}
    found["type"] = element["type"]
    if element["type"] == "feedback_buttons":
        sides = [element["positive_button"], element["negative_button"]]
        side = next((one for one in sides if option in (one["value"], one["text"]["text"])), sides[0])
        return found | {"text": side["text"], "value": side["value"]}
    if element["type"] in BUTTONS:
        found["text"] = element.get("text")
        for name in ("value", "style", "url"):
            if element.get(name) is not None:
                found[name] = element[name]
        return found
    if element["type"] in ONE and option in (None, ""):
        raise Impossible(f"say which option: {[one['text']['text'] for one in all_options(element)]}")
    if element.get("placeholder"):
        found["placeholder"] = element["placeholder"]
    return found | state_of(element, option, suggested)
