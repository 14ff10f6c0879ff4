"""The verbs of an Admin: settings, the ConnectWise connection, people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from bot.inbound import Inbound
from engine.business_hours import HoursInvalid, parse
from engine.effects import CheckConnection, Show
from engine.ports import Act
from engine.psa_settings import SettingsInvalid, parse_settings
from engine.session import Role

ACCOUNT_SETTINGS = ("time_zone", "business_hours", "leads_only")
_YES = ("yes", "true", "1", "on")


def _show(asked: Inbound, what: str, draft: UUID | None = None) -> Sequence[Act]:
    shown = Show(to=asked.person.id, what=what, place=asked.place.id, draft=draft)
    return (Act(asked.person.id, effects=(shown,)),)


async def _settings(asked: Inbound) -> Sequence[Act]:
    """Shown to everyone, changed by an Admin; a value that cannot be is refused with its sentence."""
    if not asked.fields or not asked.person.is_admin:
        return _show(asked, "settings" if not asked.fields else "notice:admin_only")
    known = await asked.unit.accounts.connection()
    try:
        account = _account_settings(asked.fields)
        if known is not None:
            chosen = parse_settings({**known.settings, **_psa_settings(asked.fields)})
            await asked.unit.accounts.change_connection(known.id, flowpilot_settings=chosen.to_json())
    except (SettingsInvalid, HoursInvalid) as invalid:
        return _show(asked, f"sentence:{getattr(invalid, 'sentence', str(invalid))}")
    await asked.unit.accounts.change_settings(account)
    return _show(asked, "settings_kept")


def _account_settings(given: Any) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    if given.get("time_zone", "").strip():
        changed["time_zone"] = given["time_zone"].strip()
    if "business_hours" in given:
        parse(given["business_hours"])
        changed["business_hours"] = given["business_hours"].strip()
    if "leads_only" in given:
        changed["leads_only"] = given["leads_only"].strip().casefold() in _YES
    return changed


def _psa_settings(given: Any) -> dict[str, Any]:
    chosen: dict[str, Any] = {
        name: given[name].strip()
        for name in ("auto_push", "note_visibility", "time_entries")
        if given.get(name, "").strip()
    }
    if "review_before_push" in given:
        chosen["review_before_push"] = given["review_before_push"].strip().casefold() in _YES
    if given.get("time_rounding_minutes", "").strip().isdigit():
        chosen["time_rounding_minutes"] = int(given["time_rounding_minutes"])
    for name in ("resolved_status", "escalated_status"):
        if name in given:
            chosen[name] = _by_board(name, given[name])
    return chosen


def _by_board(name: str, text: str) -> dict[str, int]:
    """`board=status` pairs of ids, separated by commas; empty leaves every status alone."""
    found: dict[str, int] = {}
    for pair in (p.strip() for p in text.split(",") if p.strip()):
        board, _, status = pair.partition("=")
        if not (board.strip().isdigit() and status.strip().isdigit()):
            raise SettingsInvalid(name, "Write it as board=status with their numbers, for example 1=6.")
        found[board.strip()] = int(status)
    return found


async def _connect(asked: Inbound) -> Sequence[Act]:
    """Keys are encrypted before anything is remembered; the check follows and reports by itself."""
    if not asked.person.is_admin:
        return _show(asked, "notice:admin_only")
    given = {name: asked.fields.get(name, "").strip() for name in ("host", "company", "public_key", "private_key", "client_id")}
    if not all(given[name] for name in ("host", "company", "public_key", "private_key")):
        return _show(asked, "form:connect")
    keys = {name: given[name] for name in ("public_key", "private_key", "client_id")}
    connection = await asked.unit.accounts.connect(given["host"], given["company"], keys)
    check = CheckConnection(connection_id=connection, to=asked.person.id, place=asked.place.id)
    return (Act(connection, effects=(check,)), *_show(asked, "notice:checking"))


async def _people(asked: Inbound) -> Sequence[Act]:
    """One person's roles, Teams and Member, changed by an Admin; everyone may look."""
    who = asked.args.get("user") or asked.fields.get("user", "")
    if not who:
        return _show(asked, "people")
    if not asked.person.is_admin:
        return _show(asked, "notice:admin_only")
    try:
        user = await asked.unit.accounts.user(UUID(who))
    except ValueError:
        user = None
    if user is None:
        return _show(asked, "notice:no_such_person")
    if not asked.fields.keys() & {"roles", "teams", "member"}:
        draft = await asked.unit.drafts.keep(asked.person.id, "person", {"user": str(user.id)})
        return _show(asked, "form:person", draft)
    await _change_person(asked, user.id)
    return _show(asked, "people")


async def _change_person(asked: Inbound, user: UUID) -> None:
    accounts, given = asked.unit.accounts, asked.fields
    if "roles" in given:
        wanted = {r.strip().casefold() for r in given["roles"].split(",") if r.strip()}
        roles = [role for role in Role if role.value in wanted] or [Role.TECHNICIAN]
        if user == asked.person.id and Role.ADMIN not in roles:
            roles.append(Role.ADMIN)  # an Admin cannot lock himself out
        await accounts.set_roles(user, roles)
    if "teams" in given:
        names = [t.strip() for t in given["teams"].split(",") if t.strip()]
        await accounts.set_teams(user, [await accounts.add_team(name[:80]) for name in names])
    known = await accounts.connection()
    if "member" in given and known is not None:
        number, _, name = given["member"].strip().partition(" ")
        if number.isdigit():
            await accounts.map_member(known.id, user, int(number), name.strip() or f"member {number}", "admin")
        elif not number:
            await accounts.unmap_member(known.id, user)


VERBS = {"settings": _settings, "connect": _connect, "people": _people}
