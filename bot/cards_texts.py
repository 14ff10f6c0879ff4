"""A text too long for one window: the buttons on its form, and the windows in which it is edited part by part."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.card import Block, Card, Choice, Code
from bot.cards_forms import form_card, long_text
from bot.cards_parts import EDITABLE, Shortener, seen, texts
from bot.cards_verbs import choice
from bot.text_parts import Part, split
from bot.views import SessionView
from bot.words import say
from engine.post_writes import LIMIT

_ENDS = 600
"""Characters of a note that its last lines may take: who wrote it, the thread, the marker."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What the reader has changed of a form before it is submitted. `edited`: texts edited in parts; `changed`:
    those whose edits count no more; `fields`: a submission that was handed back.
    """

    edited: Collection[str] = ()
    changed: Collection[str] = ()
    fields: Mapping[str, str] = field(default_factory=dict)


NOTHING = UnderWay()


def too_long(
    view: SessionView, name: str, label: str, value: str, hint: str, occasion: str, under_way: UnderWay,
    short: Shortener,
) -> tuple[tuple[Block, ...], Choice]:  # fmt: skip
    """Its start, that it is posted whole, who reads it, and the button that opens its parts."""
    key = "form.in_parts" if len(value) <= LIMIT - _ENDS else "form.in_parts_beyond"
    note = say(key, label=say(f"text.{name}").lower(), count=len(value), limit=LIMIT)
    mine = say("form.in_parts_edited") if name in under_way.edited else ""
    start = say("form.part", part=label, text=short.lines(value, 400))
    blocks = (*texts(start), *texts(" ".join(part for part in (note, mine, hint) if part), tone="muted"))
    return blocks, _edit(view, name, len(split(value)), occasion)


def _edit(view: SessionView, name: str, count: int, occasion: str) -> Choice:
    button = choice("edit_text", view.session, label=f"text.edit.{name}", text=name, part=1, of=occasion)
    if count == 1:
        return button
    label = say("text.edit_parts", label=button.label, count=count)
    return Choice(label, button.verb, button.args)


def changes(under_way: UnderWay) -> tuple[Block, ...]:
    """What he edited and must edit again, because the record went on."""
    said = (say("text.changed", label=say(f"text.{name}").lower()) for name in under_way.changed)
    return texts(*said, tone="warning")


def refilled(card: Card, given: Mapping[str, str]) -> Card:
    """The form with what he had typed into the one before, wherever that still fits a field."""
    if card.form is None or not given:
        return card
    inputs = []
    for each in card.form.fields:
        value = given.get(each.name)
        known = each.kind != "choice" or value in {option for option, _ in each.options}
        fits = value is not None and len(value) <= EDITABLE and known
        inputs.append(replace(each, value=value) if fits and value is not None else each)
    return replace(card, form=replace(card.form, fields=tuple(inputs)))


def part_form(
    view: SessionView, name: str, parts: Sequence[Part], number: int, occasion: str, mark: str,
    *, changed: bool = False, typed: str = "",
) -> Card:  # fmt: skip
    """Part `number` (from 1) of a text. `mark` knows the part again; `typed` is what he wrote into an older one."""
    title = say("text.title", label=say(f"text.{name}"), number=number, count=len(parts))
    label = say("text.label", number=number, count=len(parts))
    warned = texts(say("text.changed", label=say(f"text.{name}").lower()) if changed else "", tone="warning")
    before: tuple[Block, ...] = ()
    if changed and typed.strip():
        before = (*texts(say("text.typed")), *(Code(part.text) for part in split(seen(typed))[:2]))
    blocks = (*warned, *before, *texts(say("text.note"), tone="muted"))
    inputs = [long_text("text", label, value=parts[number - 1].text)]
    return form_card(
        title, "keep_text", view.session, say("text.submit"), inputs, blocks,
        text=name, part=number, of=occasion, mark=mark,
    )  # fmt: skip
