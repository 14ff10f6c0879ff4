"""What can be pressed in an Adaptive Card: rows of buttons, "More", forms that open inside the card, the box for words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from bot.card import Card, Choice, Form
from bot.teams.clicks import BACK, OURS, SAY, SEARCH
from bot.teams.inputs import ROOMS, Hits, Room, inputs, searches
from bot.teams.markup import Json, plain, rich, runs
from bot.words import say

TITLE = 75
ROW = 5
"""Buttons of one row; Teams shows six and hides the others."""
TOP = "0"
"""The number of a card's own form; the form of a choice has the choice's place, from 1."""
STYLES = {"primary": "positive", "danger": "destructive"}

Body = Callable[[Card], list[Json]]
"""Draws the blocks of a form that opens inside a card."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How the buttons of a card are drawn. `forms`: places of the choices whose forms are drawn inside the card."""

    body: Body
    forms: Collection[int] = ()
    room: Room = ROOMS[0]
    hits: Hits | None = None
    box: bool = True
    note: str = ""
    opened: str = ""


def number_of(place: int) -> str:
    return str(place + 1)


def with_form(card: Card) -> list[int]:
    """Places of the choices whose forms may stand in the card, those first that shall keep theirs longest.

    None beside a form of its own that asks for something: what is submitted inside would wait for that, too.
    """
    if card.form is not None and any(field.required for field in card.form.fields):
        return []
    found = [place for place, choice in enumerate(card.choices) if choice.form and choice.form.form]
    return sorted(
        found, key=lambda place: (card.choices[place].style != "primary", card.choices[place].more, place)
    )


def controls(card: Card, shown: Shown) -> list[Json]:
    """The answers of a Step, the box for words, then the verbs with More. Nothing for a card without any."""
    answers: list[Json] = []
    verbs: list[Json] = []
    more: list[Json] = []
    for place, choice in enumerate(card.choices):
        if shown.opened == number_of(place):
            continue
        row = more if choice.more else answers if choice.verb == "answer" else verbs
        row.append(button(choice, place, shown))
    if more:
        verbs.append(_show(say("teams.more"), rows(more)))
    return [*rows(answers), *_box(card, shown), *rows(verbs)]


def rows(actions: Sequence[Json]) -> list[Json]:
    """One row more than five only where More would else stand alone in it."""
    longest = ROW + 1 if len(actions) == ROW + 1 else ROW
    return [
        {"type": "ActionSet", "actions": list(actions[at : at + longest])}
        for at in range(0, len(actions), longest)
    ]


def button(choice: Choice, place: int, shown: Shown) -> Json:
    title = _title(choice.label, shown.room)
    if choice.form and choice.form.form and place in shown.forms:
        asked = [rich(*runs(choice.confirm))] if choice.confirm else []
        inside = [*asked, *shown.body(choice.form), *form(choice.form, number_of(place), shown)]
        return _show(title, inside, choice.style)
    if choice.confirm:
        sure = execute(say("teams.yes"), choice.verb, choice.args, shown.room, style=choice.style)
        return _show(title, [rich(*runs(choice.confirm)), *rows([sure])], choice.style)
    return execute(title, choice.verb, choice.args, shown.room, style=choice.style)


def form(card: Card, number: str, shown: Shown, *, back: bool = False, beside: bool = True) -> list[Json]:
    """The inputs of the card's form, its search, its submit and the way back; then the choices beside it."""
    if card.form is None:
        return []
    asked = inputs(card.form, number, shown.room, shown.hits)
    named = {**card.form.args, "form": number}
    search = execute(say("teams.search"), SEARCH, named, shown.room, gathers=True)
    send = execute(
        _title(card.form.submit, shown.room), card.form.verb, card.form.args, shown.room, style="primary",
        form=number, gathers=True,
    )  # fmt: skip
    again = [execute(say("teams.back"), BACK, named, shown.room)] if back else []
    others = [button(choice, -1, shown) for choice in card.choices] if beside else []
    return [*_searched(asked, card.form, search), *rows([send, *again]), *rows(others)]


def _searched(asked: list[Json], given: Form, search: Json) -> list[Json]:
    """The search stands right below its input."""
    if not searches(given):
        return asked
    found: list[Json] = []
    for each in asked:
        found.append(each)
        if str(each.get("id", "")).endswith("~search"):
            found += rows([search])
    return found


def _box(card: Card, shown: Shown) -> list[Json]:
    """Not required: a form that opens inside the card is submitted with it, and must not wait for it. None beside a
    form of the card's own, for whose inputs it would wait.
    """
    if not card.box:
        return []
    note = [rich(*runs(shown.note, isSubtle=True, size="Small"))] if shown.note.strip() else []
    if not shown.box or card.form is not None:
        return note
    typed: Json = {
        "type": "Input.Text",
        "id": SAY,
        "label": say("teams.say_label"),
        "placeholder": say("teams.say_placeholder"),
        "isMultiline": True,
    }
    send = execute(say("teams.send"), SAY, card.box, shown.room, gathers=True)
    return [*note, typed, *rows([send])]


# ── One action ──────────────────────────────────────────────────────────────────────────────────────────────


def execute(
    title: str,
    verb: str,
    args: Mapping[str, str],
    room: Room,
    *,
    style: str = "plain",
    form: str = "",
    gathers: bool = False,
) -> Json:
    """`gathers`: it takes the inputs with it and waits for those that are required; other buttons never do."""
    ours: Json = {"verb": verb, "args": dict(args)}
    if form:
        ours["form"] = form
    same: Json = {"title": title, "data": {OURS: ours}, "associatedInputs": "auto" if gathers else "none"}
    if style in STYLES:
        same["style"] = STYLES[style]
    made: Json = {"type": "Action.Execute", "verb": OURS, **same}
    return made | {"fallback": {"type": "Action.Submit", **same}} if room.fallback else made


def _show(title: str, body: list[Json], style: str = "plain") -> Json:
    made: Json = {"type": "Action.ShowCard", "title": title, "card": {"type": "AdaptiveCard", "body": body}}
    return made | {"style": STYLES[style]} if style in STYLES else made


def _title(label: str, room: Room) -> str:
    return plain(label, TITLE, room.title)
