"""The commands for accounts, Teams and the people in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from bot.cli_account import name_of, opened, user_named, within
from bot.cli_psa import client_for, failure_sentence
from bot.cli_screen import CommandFailed, Here
from bot.cli_zones import time_zone
from bot.tokens import new_token, token_id
from engine.psa import Member, PsaFailure
from engine.session import Role
from storage import administration
from storage.accounts import User
from storage.store import Unit

KEEP_IT = "It is shown only this once; FlowPilot keeps nothing but its hash."


@dataclass(frozen=True, slots=True)
class Choice:
    """The Member an Admin chose for somebody; None: nobody."""

    connection: UUID
    member: Member | None


async def accounts_create(here: Here) -> int:
    """A new Account with its first Admin and his console token."""
    given = here.given
    name, email = given.name.strip(), _email(given.admin)
    if not name:
        raise CommandFailed("An account needs a name. Nothing was made.")
    settings = {"time_zone": time_zone(given.time_zone)} if given.time_zone else {}
    token = new_token()
    async with opened(here) as store:
        if await administration.accounts_named(store, name):
            raise CommandFailed(f"There is an account called {name} already. Nothing was changed.")
        async with store.transaction(uuid4()) as unit:
            await administration.create_account(unit, name, settings)
            admin = await unit.accounts.add_user(
                given.admin_name or _name_from(email), email, (Role.TECHNICIAN, Role.ADMIN)
            )
            await unit.accounts.add_identity(admin, "console", "console", token_id(token))
    here.screen.say(
        f"The account {name} is ready. {email} is its Admin.",
        f"Console token of {email}: {token}",
        KEEP_IT,
        "Next: flowpilot connect connectwise, and flowpilot users add for your colleagues.",
    )
    return 0


async def accounts_list(here: Here) -> int:
    rows: list[dict[str, Any]] = []
    async with opened(here) as store:
        for account in await administration.all_accounts(store):
            name = await name_of(store, account)
            async with store.transaction(account) as unit:
                people = await unit.accounts.users()
                known = await unit.accounts.connections()
                settings = await unit.accounts.settings()
                rows.append(
                    {
                        "name": name,
                        "people": len(people),
                        "PSA": [f"{c.company} ({c.state})" for c in known],
                        "time_zone": settings.get("time_zone") or "UTC",
                        "id": account,
                        "created_at": await administration.created_at(unit),
                    }
                )
    empty = "There is no account yet. Make the first one: flowpilot accounts create NAME --admin EMAIL"
    here.listed(("name", "people", "PSA", "time_zone"), sorted(rows, key=lambda row: row["name"]), empty)
    return 0


async def users_list(here: Here) -> int:
    async with within(here) as unit:
        people = await administration.everyone(unit)
        teams = await unit.accounts.teams()
        known = await unit.accounts.connection()
        members = await unit.accounts.members(known.id) if known else {}
    rows = [_row(user, teams, members) for user in people]
    here.listed(("name", "email", "roles", "teams", "member", "active"), rows, "Nobody is here yet.")
    if not here.given.json and not any(user.active and Role.LEAD in user.roles for user in people):
        here.screen.say("", "There is no Lead yet: flowpilot users set EMAIL --roles technician,lead")
    return 0


def _row(user: User, teams: dict[UUID, str], members: dict[UUID, tuple[int, str]]) -> dict[str, Any]:
    member = members.get(user.id)
    return {
        "name": user.name,
        "email": user.email,
        "roles": [role.value for role in Role if role in user.roles],
        "teams": sorted(teams[team] for team in user.team_ids),
        "member": f"{member[0]} {member[1]}" if member else None,
        "active": user.active,
        "id": user.id,
    }


async def users_add(here: Here) -> int:
    given, email = here.given, _email(here.given.email)
    roles = _roles(given.roles) if given.roles else (Role.TECHNICIAN,)
    choice = await _chosen_member(here)
    async with within(here) as unit:
        if await unit.accounts.user_by_email(email):
            raise CommandFailed(
                f"{email} is here already. Nothing was changed; use: flowpilot users set {email}"
            )
        teams = await _teams(unit, given.team or ())
        user = await unit.accounts.add_user(given.name or _name_from(email), email, roles)
        await unit.accounts.set_teams(user, teams)
        mapped = await _map(unit, user, choice)
    here.screen.say(
        f"{email} is now a {_words(roles)}.{mapped} For the console: flowpilot users token {email}"
    )
    return 0


async def users_set(here: Here) -> int:
    """Changes what is named and nothing else; all of it or nothing."""
    given = here.given
    asked = (given.name, given.roles, given.team, given.map, given.active)
    if all(value is None for value in asked):
        raise CommandFailed("Say what to change: --name, --roles, --team, --map, --active or --inactive.")
    roles = _roles(given.roles) if given.roles else None
    choice = await _chosen_member(here)
    done: list[str] = []
    async with within(here) as unit:
        user = await user_named(unit, given.email)
        if given.name is not None:
            await administration.rename(unit, user.id, _name(given.name))
            done.append(f"is called {given.name.strip()}")
        if roles is not None:
            await unit.accounts.set_roles(user.id, roles)
            done.append(f"is a {_words(roles)}")
        if given.team is not None:
            await unit.accounts.set_teams(user.id, await _teams(unit, given.team))
            done.append("has new teams" if given.team != ["none"] else "is in no team")
        if given.active is not None:
            await unit.accounts.set_active(user.id, given.active)
            done.append("is active" if given.active else "is inactive, and his tokens open nothing")
        mapped = await _map(unit, user.id, choice)
        warning = await _missing_admin(unit)
    here.screen.say(f"{user.email} {', '.join(done)}.{mapped}" if done else f"{user.email}:{mapped}")
    if warning:
        here.screen.warn(warning)
    return 0


async def _missing_admin(unit: Unit) -> str:
    people = await unit.accounts.users()
    if any(Role.ADMIN in user.roles for user in people):
        return ""
    return "Nobody here is Admin now. Make someone one: flowpilot users set EMAIL --roles technician,admin"


async def _chosen_member(here: Here) -> Choice | None:
    """Whom `--map` names: asked of the PSA before anything is changed. None where it was not given."""
    wanted = here.given.map
    if wanted is None:
        return None
    async with within(here) as unit:
        known = await unit.accounts.connection()
    if known is None:
        raise CommandFailed(
            "No PSA is connected yet, so nothing was changed. Use: flowpilot connect connectwise"
        )
    if wanted == "none":
        return Choice(known.id, None)
    if not re.fullmatch(r"[1-9][0-9]{0,9}", wanted):
        raise CommandFailed(f"--map takes the number of a member, or none; {wanted} is neither.")
    try:
        async with client_for(here, known) as psa:
            members = {member.id: member for member in await psa.members()}
    except PsaFailure as failure:
        raise CommandFailed(f"{failure_sentence(failure)} Nothing was changed.") from failure
    if int(wanted) not in members:
        there = ", ".join(f"{m.id} {m.name}" for m in list(members.values())[:20])
        raise CommandFailed(
            f"ConnectWise has no active member {wanted}. Nothing was changed. There are: {there}."
        )
    return Choice(known.id, members[int(wanted)])


async def _map(unit: Unit, user: UUID, choice: Choice | None) -> str:
    """What was done, in words."""
    if choice is None:
        return ""
    if choice.member is None:
        await unit.accounts.unmap_member(choice.connection, user)
        return " He is mapped to nobody in ConnectWise."
    member = choice.member
    await unit.accounts.map_member(choice.connection, user, member.id, member.name, "admin")
    return f" He is {member.name} ({member.id}) in ConnectWise."


async def users_token(here: Here) -> int:
    token = new_token()
    async with within(here) as unit:
        user = await user_named(unit, here.given.email)
        if not user.active:
            raise CommandFailed(f"{user.email} is inactive, so no token was made. First: users set --active")
        gone = await administration.revoke_tokens(unit, user.id) if here.given.revoke else 0
        await unit.accounts.add_identity(user.id, "console", "console", token_id(token))
    here.screen.say(f"Console token of {user.email}: {token}", KEEP_IT)
    if here.given.revoke:
        here.screen.say(f"Older tokens that open nothing any more: {gone}.")
    return 0


async def teams_add(here: Here) -> int:
    name = _name(here.given.name)
    async with within(here) as unit:
        known = name in (await unit.accounts.teams()).values()
        await unit.accounts.add_team(name)
    here.screen.say(f"There is a team {name} already." if known else f"There is a team {name} now.")
    return 0


async def teams_list(here: Here) -> int:
    async with within(here) as unit:
        teams = await unit.accounts.teams()
        people = await unit.accounts.users()
    rows = [
        {"name": name, "people": [user.name for user in people if team in user.team_ids], "id": team}
        for team, name in teams.items()
    ]
    here.listed(("name", "people"), rows, "There is no team yet: flowpilot teams add NAME")
    return 0


async def _teams(unit: Unit, names: Sequence[str]) -> list[UUID]:
    if list(names) == ["none"]:
        return []
    known = {name.casefold(): team for team, name in (await unit.accounts.teams()).items()}
    if unknown := [name for name in names if name.strip().casefold() not in known]:
        there = ", ".join((await unit.accounts.teams()).values()) or "none yet"
        raise CommandFailed(
            f"There is no team {unknown[0]}; there are: {there}. Nothing was changed. Use: flowpilot teams add"
        )
    return [known[name.strip().casefold()] for name in names]


def _roles(text: str) -> tuple[Role, ...]:
    """Roles from words; everyone who works here is a Technician as well."""
    wanted = {word.strip().casefold() for word in text.split(",") if word.strip()}
    if unknown := wanted - {role.value for role in Role}:
        raise CommandFailed(f"There is no role {min(unknown)}. Choose of: technician, lead, admin.")
    return tuple(role for role in Role if role.value in wanted | {"technician"})


def _words(roles: Sequence[Role]) -> str:
    return " and ".join(role.value.capitalize() for role in roles)


def _email(text: str) -> str:
    email = text.strip()
    if not re.fullmatch(r"[^@\s]{1,64}@[^@\s]{1,190}", email) or not email.isprintable():
        raise CommandFailed(f"{text} is not an e-mail address. Nothing was changed.")
    return email


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > 80 or not name.isprintable():
        raise CommandFailed("A name has 1 to 80 characters. Nothing was changed.")
    return name


def _name_from(email: str) -> str:
    """anna.keller@… is Anna Keller until somebody says otherwise."""
    words = re.split(r"[._+-]+", email.partition("@")[0])
    return " ".join(word.capitalize() for word in words if word) or email
