"""Who reads where in an Account with one workspace of Slack or several, and which of them its escalation channel is in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from sqlalchemy import select

from bot.card import Card, Text
from bot.slack.api import Api
from bot.words import say
from storage.store import Unit
from storage.tables import workspaces

SETTING = "escalation_channel"
DIRECT = ("D", "U", "W")
"""How the id of a direct message, or of the person it is with, begins."""
_BARE = re.compile(r"[CG][A-Z0-9]{2,30}")
_PAGES = 20


async def identity(unit: Unit, user: UUID, prefer: str = "") -> tuple[str, str] | None:
    """The workspace and the id he is known by: in `prefer`, where he is known there, else wherever he was first."""
    known = [
        (team, known_as) for p, team, known_as in await unit.accounts.identities_of(user) if p == "slack"
    ]
    return next((each for each in known if each[0] == prefer), known[0] if known else None)


async def escalation_channel(unit: Unit) -> tuple[str, str]:
    """Workspace and channel, both empty where none is chosen. The setting names it as `T…:C…`, or as `C…` alone, which
    is one of the workspace that was linked first.
    """
    chosen = str((await unit.accounts.settings()).get(SETTING) or "")
    team, _, channel = chosen.rpartition(":")
    if not channel.startswith(("C", "G")):
        return "", ""
    team = team or await _first_team(unit)
    return (team, channel) if team else ("", "")


async def _first_team(unit: Unit) -> str:
    mine = (workspaces.c.account_id == unit.account) & (workspaces.c.platform == "slack")
    query = select(workspaces.c.external_id, workspaces.c.state).where(mine)
    first = (
        await unit.connection.execute(
            query.order_by(workspaces.c.linked_at, workspaces.c.external_id).limit(1)
        )
    ).first()
    return str(first.external_id) if first is not None and first.state == "installed" else ""


async def chosen_in(unit: Unit, team: str, fields: Mapping[str, str]) -> Mapping[str, str]:
    """The settings as submitted from this workspace. Its channels get its name; an empty choice says nothing about the
    channel of another one, because a window can only offer its own.
    """
    given = fields.get(SETTING)
    if given is None:
        return fields
    if _BARE.fullmatch(given.strip()):
        return {**fields, SETTING: f"{team}:{given.strip()}"}
    there, _ = await escalation_channel(unit)
    if not given.strip() and there not in ("", team):
        return {name: value for name, value in fields.items() if name != SETTING}
    return fields


async def offered_in(unit: Unit, team: str, card: Card) -> Card:
    """A form as this workspace can show it: another one's channel cannot be chosen there, so the form says it stays."""
    if card.form is None or not any(f.kind == "channel" and f.value for f in card.form.fields):
        return card
    there, _ = await escalation_channel(unit)
    if there in ("", team):
        return card
    fields = tuple(replace(f, value="") if f.kind == "channel" else f for f in card.form.fields)
    told = Text(say("slack.channel_elsewhere"), tone="muted")
    return replace(card, blocks=(*card.blocks, told), form=replace(card.form, fields=fields))


async def is_public(api: Api, channel: str) -> bool:
    """Whether everybody in the workspace reads there. Raises Refused and Away."""
    if channel.startswith(DIRECT):
        return False
    found = (await api.call("conversations.info", channel=channel))["channel"]
    return not (found.get("is_private") or found.get("is_im") or found.get("is_mpim"))


async def is_member(api: Api, channel: str, person: str) -> bool:
    """Raises Refused and Away."""
    cursor = ""
    for _ in range(_PAGES):
        listed = await api.call("conversations.members", channel=channel, limit=1000, cursor=cursor or None)
        if person in (listed.get("members") or ()):
            return True
        cursor = str((listed.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor:
            break
    return False
