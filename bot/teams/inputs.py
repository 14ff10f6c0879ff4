"""The inputs of a form in an Adaptive Card: one per field, its hint in a quiet line below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.card import Field, Form
from bot.teams.clicks import SEARCHED
from bot.teams.markup import Json, calm, plain, rich, runs, sound, unstarred
from bot.words import say

TICKED = "yes"
_EXPANDED, _SHORT = 4, 40
"""So many options, none of them longer, are seen at once."""
_OPTIONS = 100
_TICKETS = 25

Hits = Sequence[tuple[int | str, str]]
"""Tickets that were found, as (number, label)."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much of what can be cut is shown: bytes of a title or a label, hints, and the way for clients that do not
    know Action.Execute. What is filled in already is never cut.
    """

    title: int = 300
    hints: bool = True
    fallback: bool = True


ROOMS = (
    Room(),
    Room(fallback=False),
    Room(120, hints=False, fallback=False),
    Room(40, hints=False, fallback=False),
)


def input_id(form: str, name: str) -> str:
    return f"f{form}:{name}"


def inputs(form: Form, number: str, room: Room, hits: Hits | None = None) -> list[Json]:
    return [each for field in form.fields for each in _field(field, number, room, hits)]


def searches(form: Form) -> bool:
    return any(field.kind == "ticket" for field in form.fields)


def _field(field: Field, number: str, room: Room, hits: Hits | None) -> list[Json]:
    named = plain(unstarred(field.label), 200, room.title * 2)
    if field.kind == "file":
        return [rich(*runs(named, bold=True)), _quiet(say("teams.attach"))]
    said = say("teams.channel_hint") if field.kind == "channel" else field.hint
    hint = [_quiet(said)] if said.strip() and room.hints else []
    if field.kind == "ticket":
        return [*_ticket(field, number, named, room, hits), *hint]
    element = _element(field, room)
    given: Json = {**element, "id": input_id(number, field.name), "label": named}
    if field.required:
        given |= {"isRequired": True, "errorMessage": say("teams.blank")}
    return [given, *hint]


def _quiet(text: str) -> Json:
    return rich(*runs(text, isSubtle=True, size="Small"), spacing="Small")


def _element(field: Field, room: Room) -> Json:
    match field.kind:
        case "tick":
            return _tick(field)
        case "choice" | "channel" if field.options:
            return _choice(field, room)
        case _:
            return _typed(field)


def _typed(field: Field) -> Json:
    """A value with line ends gets several lines whatever its kind: one line would lose them."""
    made: Json = {"type": "Input.Text"}
    if field.kind == "long_text" or "\n" in field.value:
        made["isMultiline"] = True
    return made | {"value": sound(field.value)} if field.value else made


def _tick(field: Field) -> Json:
    """Its words stand in the label: a title beside the box would be read as markdown."""
    title, on = say("teams.tick"), TICKED if field.value else ""
    return {
        "type": "Input.Toggle",
        "title": title,
        "valueOn": TICKED,
        "valueOff": "",
        "value": on,
        "wrap": True,
    }


def _choice(field: Field, room: Room) -> Json:
    """What is chosen is always among the options of a long list. Where options are seen at once, their words would be
    read as markdown, so only calm ones are.
    """
    listed = list(dict(field.options).items())
    shown = listed[:_OPTIONS]
    if field.value in dict(listed) and field.value not in dict(shown):
        shown = [*shown[: _OPTIONS - 1], (field.value, dict(listed)[field.value])]
    few = len(shown) <= _EXPANDED and all(len(label) <= _SHORT and calm(label) for _, label in shown)
    return _listed(shown, field.value, "expanded" if few else "compact", room)


def _listed(options: Sequence[tuple[str, str]], value: str, style: str, room: Room) -> Json:
    choices = [{"title": plain(label, 75, room.title), "value": sound(key)} for key, label in options]
    made: Json = {"type": "Input.ChoiceSet", "style": style, "choices": choices, "wrap": True}
    if style == "compact":
        made["placeholder"] = say("teams.choose")
    return made | {"value": sound(value)} if value in dict(options) else made


def _ticket(field: Field, number: str, named: str, room: Room, hits: Hits | None) -> list[Json]:
    """The tickets at hand as a list, and an input for a number or for words to look for; what is typed there counts
    where nothing was chosen.
    """
    at = input_id(number, field.name)
    options = [(str(key), label) for key, label in (field.options if hits is None else hits)][:_TICKETS]
    if field.value and field.value not in dict(options):
        told = dict(field.options).get(field.value) or say("teams.ticket_chosen", ticket=field.value)
        options = [(field.value, told), *options[: _TICKETS - 1]]
    listed = [{**_listed(options, field.value, "compact", room), "id": at, "label": named}] if options else []
    searched: Json = {
        "type": "Input.Text",
        "id": f"{at}{SEARCHED}",
        "label": say("teams.search_label") if listed else named,
        "placeholder": say("teams.search_placeholder"),
    }
    return [*listed, searched]
