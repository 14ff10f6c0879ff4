"""`flowpilot link`, `unlink` and `workspaces`: which chat workspace belongs to which account."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from bot.cli_account import name_of, opened, user_named, within
from bot.cli_screen import CommandFailed, Here
from engine.session import Role
from storage.accounts import User
from storage.administration import all_accounts
from storage.workspaces import CODE_LASTS, Workspace, Workspaces, make_code

CONNECT = {"slack": "/flowpilot connect", "teams": "@FlowPilot connect"}
"""What a person types on the platform, before the code."""
CALLED = {"slack": ("Slack", "workspace"), "teams": ("Teams", "organisation")}
"""The platform, and what is connected there."""


async def link(here: Here) -> int:
    """A code that connects one workspace to the account, for an Admin to type there."""
    platform = here.given.platform
    called, whole = CALLED[platform]
    async with within(here) as unit:
        admin = _admin(await user_named(unit, here.given.by))
        code = await make_code(unit, platform, admin.id)
        account = await unit.accounts.name()
        zone = (await unit.accounts.settings()).get("time_zone") or "UTC"
        until = (unit.now + CODE_LASTS).astimezone(ZoneInfo(zone))
    here.screen.say(
        f"Code: {code}",
        f"It connects one {called} {whole} with the account {account}, once, until {until:%H:%M} ({zone}).",
        f"In {called}, type: {CONNECT[platform]} {code}",
        "It is shown only this once; FlowPilot keeps nothing but its hash.",
    )
    return 0


def _admin(user: User) -> User:
    if user.active and Role.ADMIN in user.roles:
        return user
    raise CommandFailed(
        f"{user.email} is not an active Admin of this account, so no code was made. "
        f"Change that with: flowpilot users set {user.email} --active --roles technician,admin"
    )


async def unlink(here: Here) -> int:
    platform, team = here.given.platform, here.given.workspace.strip()
    called, whole = CALLED[platform]
    async with opened(here) as store:
        chats = Workspaces(store)
        account = await chats.unlink(platform, team)
        if account is None:
            raise CommandFailed(await _why_not(chats, platform, team))
        name = await name_of(store, account)
    here.screen.say(
        f"The {called} {whole} {team} belongs to no account now; it was {name}'s. "
        "Its people are not known there any more; Sessions and tickets stay.",
        f"To connect it again: flowpilot link {platform} --account NAME --by EMAIL",
    )
    return 0


async def _why_not(chats: Workspaces, platform: str, team: str) -> str:
    called, whole = CALLED[platform]
    if await chats.find(platform, team) is None:
        return (
            f"There is no {called} {whole} {team}. Nothing was changed. "
            "See which there are: flowpilot workspaces"
        )
    return f"The {called} {whole} {team} belongs to no account. Nothing was changed."


async def workspaces(here: Here) -> int:
    """Every workspace or organisation that installed FlowPilot, with its account; no keys."""
    rows: list[dict[str, Any]] = []
    async with opened(here) as store:
        chats = Workspaces(store)
        for account in await all_accounts(store):
            name = await name_of(store, account)
            rows += [_row(workspace, name) for workspace in await chats.of_account(account)]
        rows += [_row(workspace, None) for workspace in await chats.unlinked()]
    rows.sort(key=lambda row: (row["platform"], row["id"]))
    empty = "No chat workspace has installed FlowPilot yet."
    here.listed(("platform", "id", "name", "account", "state"), rows, empty)
    return 0


def _row(workspace: Workspace, account: str | None) -> dict[str, Any]:
    return {
        "platform": workspace.platform,
        "id": workspace.external_id,
        "name": workspace.name,
        "account": account,
        "state": workspace.state,
    }
