"""The verbs of an Admin: settings, the ConnectWise connection, people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from bot.claude import budget
from bot.cli_screen import CommandFailed
from bot.cli_zones import time_zone
from bot.inbound import Inbound, number
from bot.psa_door import keys_kind
from bot.showing_lines import people_lines, people_named
from bot.words import say
from engine.business_hours import HoursInvalid, parse
from engine.effects import CheckConnection, Show
from engine.ports import Act
from engine.psa_settings import SettingsInvalid, parse_settings
from engine.session import Role
from storage.accounts import User

_YES = ("yes", "true", "1", "on")


def _show(asked: Inbound, what: str, draft: UUID | None = None) -> Sequence[Act]:
    shown = Show(to=asked.person.id, what=what, place=asked.place.id, draft=draft)
    return (Act(asked.person.id, effects=(shown,)),)


async def _settings(asked: Inbound) -> Sequence[Act]:
    """Shown to everyone, changed by an Admin; a value that cannot be is refused with its sentence."""
    if not asked.fields:
        return _show(asked, _which_settings(asked))
    if not asked.person.is_admin:
        return _show(asked, "notice:admin_only")
    known = await asked.unit.accounts.connection()
    try:
        account = _account_settings(asked.fields, await asked.unit.accounts.settings())
        if known is not None:
            changed = _psa_settings(asked.fields, known.settings, asked.args.get("board", ""))
            chosen = parse_settings({**known.settings, **changed})
            await asked.unit.accounts.change_connection(known.id, flowpilot_settings=chosen.to_json())
    except (SettingsInvalid, HoursInvalid, budget.BudgetInvalid, CommandFailed) as invalid:
        return _show(asked, f"sentence:{getattr(invalid, 'sentence', str(invalid))}")
    await asked.unit.accounts.change_settings(account)
    return _show(asked, "settings")


def _which_settings(asked: Inbound) -> str:
    """Typed: the list. A button on it: the form, or the statuses of one board."""
    board = asked.args.get("board", "")
    if asked.kind == "say" or not asked.person.is_admin:
        return "settings"
    return f"form:board:{board}" if number(board) is not None else "form:settings"


def _account_settings(given: Any, kept: Mapping[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    if given.get("time_zone", "").strip():
        changed["time_zone"] = time_zone(given["time_zone"])
    if "business_hours" in given:
        changed["business_hours"] = str(parse(given["business_hours"]))
    if "escalation_channel" in given:
        changed["escalation_channel"] = _channel(given["escalation_channel"].strip(), kept)
    if "escalation_channel_teams" in given:
        changed["escalation_channel_teams"] = _channel_in_teams(given["escalation_channel_teams"].strip())
        changed["escalation_channel_teams_name"] = given.get("escalation_channel_teams_name", "")[:200]
    if "leads_only" in given:
        changed["leads_only"] = given["leads_only"].strip().casefold() in _YES
    if budget.SETTING in given:
        changed[budget.SETTING] = budget.parse(given[budget.SETTING])
    return changed


_CHANNEL = re.compile(r"(?:T[A-Z0-9]{2,30}:)?[CG][A-Z0-9]{2,30}")
_MENTION = re.compile(r"<#([CG][A-Z0-9]{2,30})(?:\|[^<>]{0,100})?>")


def _channel(given: str, kept: Mapping[str, Any]) -> str:
    """A channel's id, alone or in its mention; empty is none, and what is kept already may stay."""
    mention = _MENTION.fullmatch(given)
    found = mention[1] if mention else given
    if found in ("", kept.get("escalation_channel")) or _CHANNEL.fullmatch(found):
        return found
    raise CommandFailed(say("notice.channel_unclear"))


_IN_TEAMS = re.compile(r"[^|\s]{1,200}\|[^|;\s]{1,300}")


def _channel_in_teams(given: str) -> str:
    """Tenant and channel, as the form there offers it; empty is none."""
    if not given or _IN_TEAMS.fullmatch(given):
        return given
    raise CommandFailed(say("notice.channel_unclear"))


def _psa_settings(given: Any, kept: Mapping[str, Any], board: str) -> dict[str, Any]:
    chosen: dict[str, Any] = {
        name: given[name].strip()
        for name in ("auto_push", "note_visibility", "time_entries")
        if given.get(name, "").strip()
    }
    if "review_before_push" in given:
        chosen["review_before_push"] = given["review_before_push"].strip().casefold() in _YES
    rounding = number(given.get("time_rounding_minutes", ""))
    if rounding is not None:
        chosen["time_rounding_minutes"] = rounding
    for name in ("resolved_status", "escalated_status"):
        if number(board) is not None and name in given:
            others = {b: status for b, status in dict(kept.get(name) or {}).items() if b != board}
            picked = number(given[name])
            chosen[name] = others if picked is None else {**others, board: picked}
    return chosen


async def _connect(asked: Inbound) -> Sequence[Act]:
    """Keys are encrypted before anything is remembered; the check follows and reports by itself.

    A connection that works keeps its keys until the new ones were accepted.
    """
    if not asked.person.is_admin:
        return _show(asked, "notice:admin_only")
    given = {
        name: asked.fields.get(name, "").strip()
        for name in ("host", "company", "public_key", "private_key", "client_id")
    }
    if not all(given[name] for name in ("host", "company", "public_key", "private_key")):
        return _show(asked, "form:connect")
    keys = {name: given[name] for name in ("public_key", "private_key", "client_id")}
    connection, draft = await _kept(asked, given["host"], given["company"], keys)
    check = CheckConnection(connection_id=connection, to=asked.person.id, place=asked.place.id, draft=draft)
    return (Act(connection, effects=(check,)), *_show(asked, "notice:checking"))


async def _kept(asked: Inbound, host: str, company: str, keys: dict[str, str]) -> tuple[UUID, UUID | None]:
    """(the connection, the draft that holds the keys where it has others that work)."""
    for known in await asked.unit.accounts.connections():
        if (known.host, known.company, known.state) == (host, company, "connected"):
            return known.id, await asked.unit.drafts.replace(asked.person.id, keys_kind(known.id), keys)
    return await asked.unit.accounts.connect(host, company, keys), None


async def _people(asked: Inbound) -> Sequence[Act]:
    """One person's roles, Teams and Member, changed by an Admin; everyone may look."""
    who = asked.args.get("user") or asked.fields.get("user", "")
    if not who:
        return _show(asked, await _named(asked, asked.fields.get("name", "").strip()))
    if not asked.person.is_admin:
        return _show(asked, "notice:admin_only")
    try:
        user = await asked.unit.accounts.user(UUID(who))
    except ValueError:
        user = None
    if user is None:
        return _show(asked, "notice:no_such_person")
    if not asked.fields:
        return _show(asked, f"form:person:{user.id}")
    return _show(asked, await _change_person(asked, user))


async def _named(asked: Inbound, name: str) -> str:
    """The one an Admin means is opened at once; several, and anybody's look, are a list."""
    if not name:
        return "people"
    found = people_named(await people_lines(asked.unit), name)
    if len(found) == 1 and asked.person.is_admin:
        return f"form:person:{found[0].id}"
    return f"people:{name[:80]}"


async def _change_person(asked: Inbound, user: User) -> str:
    """The whole form at once: what has no tick is taken away, and what did not stand in it is left alone.

    An Admin cannot lock himself out. What is shown next: a Member given by name has to be chosen first.
    """
    accounts, given = asked.unit.accounts, asked.fields
    admin = _ticked(given, "admin") or user.id == asked.person.id
    chosen = {Role.LEAD: _ticked(given, "lead"), Role.ADMIN: admin, Role.TECHNICIAN: True}
    await accounts.set_roles(user.id, [role for role, wanted in chosen.items() if wanted])
    teams = [
        team
        for team in await accounts.teams()
        if (_ticked(given, f"team:{team}") if f"team:{team}" in given else team in user.team_ids)
    ]
    if given.get("new_team", "").strip():
        teams.append(await accounts.add_team(given["new_team"].strip()[:80]))
    await accounts.set_teams(user.id, teams)
    known = await accounts.connection()
    other = given.get("other_member", "").strip()
    member = other or given.get("member", "").strip()
    chosen_member = number(member)
    if known is None:
        return "people"
    if other and chosen_member is None:
        return f"form:person:{user.id}:{other[:80]}"
    if member == "none":
        await accounts.unmap_member(known.id, user.id)
    elif (
        chosen_member is not None
        and chosen_member != (await accounts.members(known.id)).get(user.id, (0,))[0]
    ):
        await accounts.map_member(known.id, user.id, chosen_member, f"member {member}", "admin")
    return "people"


def _ticked(given: Any, name: str) -> bool:
    return str(given.get(name, "")).strip().casefold() in _YES


VERBS = {"settings": _settings, "connect": _connect, "people": _people}
