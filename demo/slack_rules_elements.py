"""What Slack refuses in one text or one element: a button, a menu, an input."""

from __future__ import annotations

from typing import Any, Protocol

from demo.slack_refusals import Json

STYLES = (None, "primary", "danger")


class Complaints(Protocol):
    characters: int

    def complain(self, place: str, message: str) -> None: ...


def count(found: Complaints, place: str, text: Any, most: int, least: int = 1) -> None:
    """Complains about a string that is none, or too long, or too short."""
    if not isinstance(text, str):
        found.complain(place, "must be a string")
    elif len(text) > most:
        found.complain(place, f"must be less than {most + 1} characters")
    elif len(text) < least:
        found.complain(place, f"must be more than {least - 1} characters")


def wants(found: Complaints, place: str, given: Any, least: int, most: int) -> None:
    """Complains about a list with too few or too many items."""
    if not isinstance(given, list):
        found.complain(place, "must be an array")
    elif len(given) > most:
        found.complain(place, f"no more than {most} items allowed")
    elif len(given) < least:
        found.complain(place, f"no fewer than {least} items allowed")


def text_object(found: Complaints, place: str, given: Any, most: int, *, plain: bool = False) -> None:
    kinds = ("plain_text",) if plain else ("plain_text", "mrkdwn")
    if not isinstance(given, dict) or given.get("type") not in kinds:
        found.complain(place, f"must be a text object of type {' or '.join(kinds)}")
        return
    count(found, f"{place}/text", given.get("text"), most)
    if isinstance(given.get("text"), str):
        found.characters += len(given["text"])


def check_element(found: Complaints, element: Json, place: str) -> None:
    """Every rule of one element, by its type."""
    kind = str(element["type"])
    if element.get("placeholder") is not None:
        text_object(found, f"{place}/placeholder", element["placeholder"], 150, plain=True)
    if element.get("confirm") is not None:
        _confirm(found, element["confirm"], f"{place}/confirm")
    if kind in {"button", "workflow_button"}:
        _button(found, element, place)
    elif kind == "overflow":
        _options(found, element, place, 1, 5, required=True)
    elif kind in {"static_select", "multi_static_select"}:
        _static(found, element, place)
    elif kind in {"radio_buttons", "checkboxes"}:
        _options(found, element, place, 1, 10, required=True)
        _initial(found, element, place)
    elif kind == "plain_text_input":
        _plain_text(found, element, place)
    elif kind == "image":
        count(found, f"{place}/alt_text", element.get("alt_text"), 2000)
    elif kind == "number_input" and not isinstance(element.get("is_decimal_allowed"), bool):
        found.complain(f"{place}/is_decimal_allowed", "missing required field")
    elif kind == "file_input" and not 1 <= int(element.get("max_files", 10)) <= 10:
        found.complain(f"{place}/max_files", "must be between 1 and 10")


def _button(found: Complaints, element: Json, place: str) -> None:
    text_object(found, f"{place}/text", element.get("text"), 75, plain=True)
    if element.get("value") is not None:
        count(found, f"{place}/value", element["value"], 2000)
    if element.get("url") is not None:
        count(found, f"{place}/url", element["url"], 3000)
    if element.get("style") not in STYLES:
        found.complain(f"{place}/style", "must be one of: primary, danger")


def _confirm(found: Complaints, given: Any, place: str) -> None:
    if not isinstance(given, dict):
        found.complain(place, "must be an object")
        return
    text_object(found, f"{place}/title", given.get("title"), 100, plain=True)
    text_object(found, f"{place}/text", given.get("text"), 300)
    text_object(found, f"{place}/confirm", given.get("confirm"), 30, plain=True)
    text_object(found, f"{place}/deny", given.get("deny"), 30, plain=True)


def _option(found: Complaints, option: Any, place: str) -> None:
    if not isinstance(option, dict):
        found.complain(place, "must be an object")
        return
    text_object(found, f"{place}/text", option.get("text"), 75)
    count(found, f"{place}/value", option.get("value"), 150)
    if option.get("description") is not None:
        text_object(found, f"{place}/description", option["description"], 75)


def _options(found: Complaints, element: Json, place: str, least: int, most: int, *, required: bool) -> None:
    options = element.get("options")
    if options is None and not required:
        return
    wants(found, f"{place}/options", options, least, most)
    values = []
    for number, one in enumerate(options if isinstance(options, list) else []):
        _option(found, one, f"{place}/options/{number}")
        values.append(one.get("value") if isinstance(one, dict) else None)
    if len(set(values)) != len(values):
        found.complain(f"{place}/options", "options must have unique values")


def _static(found: Complaints, element: Json, place: str) -> None:
    groups = element.get("option_groups")
    if (groups is None) == (element.get("options") is None):
        found.complain(place, "exactly one of options and option_groups is required")
    _options(found, element, place, 1, 100, required=False)
    if groups is not None:
        wants(found, f"{place}/option_groups", groups, 1, 100)
        for number, group in enumerate(groups if isinstance(groups, list) else []):
            text_object(found, f"{place}/option_groups/{number}/label", group.get("label"), 75, plain=True)
            _options(found, group, f"{place}/option_groups/{number}", 1, 100, required=True)
    _initial(found, element, place)


def all_options(element: Json) -> list[Json]:
    """The options of a menu, whether or not they stand in groups."""
    grouped = [one for group in element.get("option_groups") or [] for one in group.get("options", [])]
    return [*(element.get("options") or []), *grouped]


def _initial(found: Complaints, element: Json, place: str) -> None:
    given = [element["initial_option"]] if element.get("initial_option") else []
    for one in [*given, *(element.get("initial_options") or [])]:
        if one not in all_options(element):
            found.complain(f"{place}/initial_option", "initial_option is not one of the options")


def _plain_text(found: Complaints, element: Json, place: str) -> None:
    most = element.get("max_length", 3000)
    if not isinstance(most, int) or not 1 <= most <= 3000:
        found.complain(f"{place}/max_length", "must be between 1 and 3000")
        return
    if element.get("initial_value") is not None:
        count(found, f"{place}/initial_value", element["initial_value"], most, least=0)
