"""Where conversations in Teams are reached from here, and which channel an Account escalates to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.card import Card, Choice, Text
from bot.teams.port import Reference
from bot.words import say
from storage.references import Stored
from storage.store import Unit

SETTING = "escalation_channel_teams"
NAME = "escalation_channel_teams_name"
"""What the channel was called when it was chosen: its id says nothing to anybody."""
OF_THE_FORM = "escalation_channel"
"""The form has one field for it, whichever platform shows it."""
MOST_OFFERED = 100
LONGEST_LABEL = 90
_BAR = "|"


def reference(stored: Stored) -> Reference:
    """What was stored, as the connector takes it."""
    return Reference(
        stored.tenant, stored.conversation, stored.kind, stored.raw, stored.person, stored.team, stored.name,
        stored.hears,
    )  # fmt: skip


async def escalation_channel(unit: Unit) -> tuple[str, str]:
    """Tenant and channel, both empty where none is chosen."""
    chosen = str((await unit.accounts.settings()).get(SETTING) or "")
    tenant, _, channel = chosen.partition(_BAR)
    return (tenant, channel) if tenant and channel else ("", "")


async def chosen_in(unit: Unit, tenant: str, fields: Mapping[str, str]) -> Mapping[str, str]:
    """The settings as submitted from this tenant: its channel is a setting of its own. Only a channel that was offered
    counts, and an empty choice says nothing about the channel of another tenant.
    """
    others = {name: value for name, value in fields.items() if name not in (OF_THE_FORM, SETTING, NAME)}
    given = fields.get(OF_THE_FORM)
    if given is None:
        return others
    if given.strip():
        known = dict(await _offered(unit, tenant))
        label = known.get(given.strip())
        return others if label is None else {**others, SETTING: given.strip(), NAME: label}
    there, _ = await escalation_channel(unit)
    return {**others, SETTING: "", NAME: ""} if there == tenant else others


async def offered_in(unit: Unit, tenant: str, card: Card) -> Card:
    """A card as this tenant can show it: wherever one of its forms asks for a channel, those that we are in."""
    if not _asks(card):
        return card
    there, channel = await escalation_channel(unit)
    value = f"{there}{_BAR}{channel}" if there == tenant else ""
    options = await _offered(unit, tenant)
    if value and value not in {each for each, _ in options}:
        kept = str((await unit.accounts.settings()).get(NAME) or channel)
        options = (*options, (value, kept[:LONGEST_LABEL]))
    return _with(card, value, options, elsewhere=there not in ("", tenant))


def _asks(card: Card) -> bool:
    own = card.form is not None and any(f.kind == "channel" for f in card.form.fields)
    return own or any(choice.form is not None and _asks(choice.form) for choice in card.choices)


def _with(card: Card, value: str, options: tuple[tuple[str, str], ...], *, elsewhere: bool) -> Card:
    def choice(one: Choice) -> Choice:
        inside = one.form
        return replace(one, form=_with(inside, value, options, elsewhere=elsewhere)) if inside else one

    changed = replace(card, choices=tuple(choice(one) for one in card.choices))
    if card.form is None or not any(f.kind == "channel" for f in card.form.fields):
        return changed
    fields = tuple(
        replace(f, value=value, options=options) if f.kind == "channel" else f for f in card.form.fields
    )
    told = (Text(say("teams.channel_elsewhere"), tone="muted"),) if elsewhere else ()
    return replace(changed, blocks=(*card.blocks, *told), form=replace(card.form, fields=fields))


async def _offered(unit: Unit, tenant: str) -> tuple[tuple[str, str], ...]:
    """(value, label) of the channels we are in."""
    known = (await unit.references.channels(tenant))[:MOST_OFFERED]
    return tuple(
        (f"{tenant}{_BAR}{each.conversation}", (each.name or each.conversation)[:LONGEST_LABEL])
        for each in known
    )
