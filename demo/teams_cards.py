"""Adaptive Cards as Teams takes them: what it refuses, and which buttons and inputs a person sees."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from demo.teams_refusals import Json, Refused

CARD_TYPE = "application/vnd.microsoft.card.adaptive"
LARGEST_CARD = 28 * 1024
NEWEST = (1, 5)
MOST_ACTIONS = 6
"""Teams shows so many primary actions at the foot of a card; those of mode secondary stand under "…"."""

HOLDS = {
    "Container": "items",
    "Column": "items",
    "TableCell": "items",
    "ColumnSet": "columns",
    "Table": "rows",
    "TableRow": "cells",
    "ImageSet": "images",
}
"""Elements that hold elements, and where."""
NEEDS = {
    "TextBlock": ("text",),
    "RichTextBlock": ("inlines",),
    "Image": ("url",),
    "Media": ("sources",),
    "FactSet": ("facts",),
    "ActionSet": ("actions",),
    "Container": ("items",),
    "Column": (),
    "ColumnSet": (),
    "ImageSet": ("images",),
    "Table": (),
    "TableRow": (),
    "TableCell": ("items",),
    "Input.Text": ("id",),
    "Input.Number": ("id",),
    "Input.Date": ("id",),
    "Input.Time": ("id",),
    "Input.Toggle": ("id", "title"),
    "Input.ChoiceSet": ("id",),
}
ACTIONS = {
    "Action.Execute": (),
    "Action.Submit": (),
    "Action.OpenUrl": ("url",),
    "Action.ShowCard": ("card",),
    "Action.ToggleVisibility": ("targetElements",),
}
INSIDE = {"ColumnSet": "Column", "Table": "TableRow", "TableRow": "TableCell", "ImageSet": "Image"}
"""What the type of an inner element is where it is not named."""


@dataclass(frozen=True, slots=True)
class Button:
    """Something to press. `path`: the titles of the cards that were opened to see it. `inputs`: those whose values go
    with it, of its own card and of the cards around it.
    """

    title: str
    action: Json
    path: tuple[str, ...]
    inputs: tuple[Json, ...]

    @property
    def kind(self) -> str:
        return str(self.action["type"])


def check_card(content: Any) -> None:
    """Raises Refused (BadSyntax, MessageSizeTooBig) for a card that Teams would not show."""
    if not isinstance(content, dict) or content.get("type") != "AdaptiveCard":
        raise Refused("BadSyntax", "The content of the card is no AdaptiveCard.")
    if len(json.dumps(content, ensure_ascii=False).encode()) > LARGEST_CARD:
        raise Refused("MessageSizeTooBig", "The card is larger than 28 KB.")
    _check_version(content)
    names: set[str] = set()
    _check_inner(content, names, "card")


def _check_version(content: Json) -> None:
    parts = str(content.get("version", "")).split(".")
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        raise Refused("BadSyntax", "The card names no version.")
    if (int(parts[0]), int(parts[1])) > NEWEST:
        raise Refused("BadSyntax", f"The version {content['version']} of the card is not supported.")


def _check_inner(card: Json, names: set[str], place: str) -> None:
    """A card, the one of a ShowCard as well."""
    for number, one in enumerate(_listed(card.get("body"), f"{place}/body")):
        _check_element(one, names, f"{place}/body/{number}")
    for number, one in enumerate(_listed(card.get("actions"), f"{place}/actions")):
        _check_action(one, names, f"{place}/actions/{number}")
    if "selectAction" in card:
        _check_action(card["selectAction"], names, f"{place}/selectAction", selected=True)


def _check_element(element: Any, names: set[str], place: str, kind: str = "") -> None:
    if not isinstance(element, dict):
        raise Refused("BadSyntax", f"{place} is no element.")
    kind = str(element.get("type") or kind)
    if kind not in NEEDS:
        if element.get("fallback"):
            return
        raise Refused("BadSyntax", f"{place}: unknown element type {kind!r}.")
    _has(element, NEEDS[kind], place)
    _named(element, names, place)
    if kind == "Input.ChoiceSet" and "choices.data" not in element:
        _check_choices(element, place)
    held = HOLDS.get(kind)
    if held:
        for number, one in enumerate(_listed(element.get(held), f"{place}/{held}")):
            _check_element(one, names, f"{place}/{held}/{number}", INSIDE.get(kind, ""))
    for number, one in enumerate(_listed(element.get("actions"), place) if kind == "ActionSet" else ()):
        _check_action(one, names, f"{place}/actions/{number}")
    _check_selected(element, kind, names, place)


def _check_selected(element: Json, kind: str, names: set[str], place: str) -> None:
    for key in ("selectAction", "inlineAction"):
        if key in element:
            _check_action(element[key], names, f"{place}/{key}", selected=True)
    if kind == "RichTextBlock":
        for number, run in enumerate(_listed(element["inlines"], place)):
            if isinstance(run, dict) and (run.get("type") != "TextRun" or "text" not in run):
                raise Refused("BadSyntax", f"{place}/inlines/{number} is no TextRun with a text.")
            if isinstance(run, dict) and "selectAction" in run:
                _check_action(run["selectAction"], names, f"{place}/inlines/{number}", selected=True)


def _check_action(action: Any, names: set[str], place: str, *, selected: bool = False) -> None:
    kind = action.get("type") if isinstance(action, dict) else None
    if kind not in ACTIONS:
        if isinstance(action, dict) and action.get("fallback"):
            return
        raise Refused("BadSyntax", f"{place}: unknown action type {kind!r}.")
    if selected and kind == "Action.ShowCard":
        raise Refused("BadSyntax", f"{place}: Action.ShowCard is not allowed here.")
    _has(action, ACTIONS[kind], place)
    _named(action, names, place)
    if kind == "Action.OpenUrl" and not str(action["url"]).startswith(("https://", "http://", "msteams:")):
        raise Refused("BadSyntax", f"{place}: this address cannot be opened.")
    if kind == "Action.ShowCard":
        if (
            not isinstance(action["card"], dict)
            or action["card"].get("type", "AdaptiveCard") != "AdaptiveCard"
        ):
            raise Refused("BadSyntax", f"{place}: what it shows is no card.")
        _check_inner(action["card"], names, f"{place}/card")


def _check_choices(element: Json, place: str) -> None:
    choices = _listed(element.get("choices"), f"{place}/choices")
    if any(not isinstance(one, dict) or "title" not in one or "value" not in one for one in choices):
        raise Refused("BadSyntax", f"{place}: every choice needs a title and a value.")


def _has(given: Json, needed: Sequence[str], place: str) -> None:
    missing = [name for name in needed if given.get(name) is None]
    if missing:
        raise Refused("BadSyntax", f"{place} lacks {', '.join(missing)}.")


def _named(given: Json, names: set[str], place: str) -> None:
    name = given.get("id")
    if name is None:
        return
    if not isinstance(name, str) or name in names:
        raise Refused("BadSyntax", f"{place}: collision of the id {name!r}.")
    names.add(name)


def _listed(value: Any, place: str) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Refused("BadSyntax", f"{place} is no list.")
    return value


def buttons(card: Json, path: tuple[str, ...] = (), around: tuple[Json, ...] = ()) -> Iterator[Button]:
    """Everything that can be pressed, those of cards that a button shows after the button itself."""
    elements = list(_elements(card.get("body") or ()))
    inputs = (*around, *(one for one in elements if str(one.get("type", "")).startswith("Input.")))
    found = [action for one in elements for action in _actions_of(one)]
    found += [card["selectAction"]] if "selectAction" in card else []
    for action in (*found, *_shown(card.get("actions") or ())):
        if not action.get("isEnabled", True):
            continue
        title = str(action.get("title", ""))
        yield Button(title, action, path, () if action.get("associatedInputs") == "none" else inputs)
        if action["type"] == "Action.ShowCard":
            yield from buttons(action["card"], (*path, title), inputs)


def _shown(actions: Sequence[Json]) -> list[Json]:
    known = [one if one["type"] in ACTIONS else one["fallback"] for one in actions if _drawn(one)]
    first = [one for one in known if one.get("mode") != "secondary"]
    return [*first[:MOST_ACTIONS], *(one for one in known if one.get("mode") == "secondary")]


def _drawn(action: Json) -> bool:
    return action["type"] in ACTIONS or isinstance(action.get("fallback"), dict)


def _elements(body: Sequence[Json]) -> Iterator[Json]:
    """Elements with what they hold; those that cannot be seen are left out."""
    for one in body:
        if not one.get("isVisible", True):
            continue
        yield one
        held = HOLDS.get(str(one.get("type") or ""))
        inner = one.get(held) if held else (one.get("items") or one.get("cells"))
        yield from _elements(inner or ())


def _actions_of(element: Json) -> list[Json]:
    if element.get("type") == "ActionSet":
        return _shown(element["actions"])
    runs = [run for run in element.get("inlines") or () if isinstance(run, dict)]
    holders = [element, *runs]
    return [one[key] for one in holders for key in ("selectAction", "inlineAction") if key in one]


def find(cards: Sequence[Json], path: Sequence[str], filled: Sequence[str]) -> list[Button]:
    """The buttons a person may mean by the last of `path`: those behind the buttons before it, the least hidden first
    where only its own title is given; `filled` are ids or labels of inputs that go with it.
    """
    every = [one for card in cards for one in buttons(card)]
    named = [one for one in every if one.title == path[-1] and one.kind != "Action.ToggleVisibility"]
    if len(path) > 1:
        return [one for one in named if one.path[-len(path) + 1 :] == tuple(path[:-1])]
    fitting = [one for one in named if all(any(called(each, key) for each in one.inputs) for key in filled)]
    named = fitting or named
    nearest = min((len(one.path) for one in named), default=0)
    return [one for one in named if len(one.path) == nearest]


def called(element: Json, key: str) -> bool:
    """Whether an input has this id or label; a toggle's title is its label too."""
    return key in (element["id"], element.get("label")) or (
        element["type"] == "Input.Toggle" and key == element.get("title")
    )
