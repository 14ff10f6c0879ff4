"""Puts the forms of a card's buttons into the card itself, where a platform shows forms there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from bot.card import Card, Choice, to_json
from bot.delivery import Shown
from bot.finding import Found
from bot.forms import Drawing, Forms, NotKnown, Wanted
from bot.forms_opened import opens
from engine.psa import PsaFailure
from engine.session import Session

OWNERS = frozenset({"resolve", "pause", "escalate", "note", "link", "abandon", "rate", "already_tried"})
"""Drawn as the Session's owner would see them: nobody else may fill them in, or they are the same for everybody."""
ANYBODYS = frozenset({"pick_up", "advise", "postpone", "decline", "take_over"})
"""Drawn for nobody in particular: whoever reads the card may be the one who presses."""

Drawn = Mapping[Wanted, Card]


async def with_forms(
    shown: Sequence[Shown], inline: Collection[str], forms: Forms, account: UUID, session: Session
) -> list[Shown]:
    """`inline`: the platforms whose cards bring their forms along; all others stay as they are.

    A button whose form cannot be drawn now, because it is shut or the PSA is away, opens it when it is pressed. Takes
    transactions of its own. What stands there already with the same forms counts as the same.
    """
    here = [one for one in shown if one.place.platform in inline]
    wanted = {_wanted(choice, session) for one in here for choice in _opening(one.card, session)}
    drawing = await forms.drawing(account, session.id, wanted) if wanted else None
    if drawing is None:
        return list(shown)
    drawn = await _all(drawing, wanted)
    return [_enriched(one, drawn, session) if one.place.platform in inline else one for one in shown]


async def _all(drawing: Drawing, wanted: Collection[Wanted]) -> dict[Wanted, Card]:
    found = {}
    for name, reader in wanted:
        try:
            card = await drawing.draw(name, reader)
        except (NotKnown, PsaFailure):
            continue
        if card is not None and card.form is not None:
            found[name, reader] = card
    return found


def _opening(card: Card, session: Session) -> Iterator[Choice]:
    """The buttons of this Session whose form can be drawn beforehand."""
    for choice in card.choices:
        ours = choice.args.get("session") == str(session.id)
        if ours and choice.verb in OWNERS | ANYBODYS and opens(choice.verb, choice.args):
            yield choice


def _wanted(choice: Choice, session: Session) -> Wanted:
    """Who declines differs by whether it is the one who was asked by name."""
    if choice.verb in OWNERS:
        return choice.verb, session.owner_id
    named = session.escalation.to.user if choice.verb == "decline" and session.escalation else None
    return choice.verb, named


def _enriched(one: Shown, drawn: Drawn, session: Session) -> Shown:
    opening = {id(choice) for choice in _opening(one.card, session)}
    choices = tuple(
        replace(choice, form=drawn.get(_wanted(choice, session))) if id(choice) in opening else choice
        for choice in one.card.choices
    )
    card = replace(one.card, choices=choices)
    stands = one.stands if isinstance(one, Found) and one.ref is not None else None
    return replace(one, card=card, same=stands is not None and _steady(stands) == _steady(to_json(card)))


def _steady(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A stored card without what only the clock changes: the example beside a time."""
    choices = [
        {**choice, "form": {**form, "form": _without_examples(form["form"])}}
        if (form := choice.get("form")) and form.get("form")
        else choice
        for choice in stored.get("choices", ())
    ]
    return {**stored, "choices": choices}


def _without_examples(form: Mapping[str, Any]) -> dict[str, Any]:
    fields = [{**each, "hint": ""} if each.get("kind") == "time" else each for each in form["fields"]]
    return {**form, "fields": fields}
