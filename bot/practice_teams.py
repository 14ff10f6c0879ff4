"""The practice tenant of the playground, linked to the practice Account as a code typed in Teams would have done it."""

from __future__ import annotations

from uuid import UUID

from bot.practice_memory import Kept
from storage.store import Store
from storage.vault import Vault
from storage.workspaces import Workspaces, make_code

TENANT = "7a000000-0000-4000-8000-000000000002"
"""As demo/playground/people.yml has it, like the channel."""
ESCALATIONS = f"{TENANT}|channel-escalations"
SETTING = "escalation_channel_teams"


async def link(database_url: str, kept: Kept) -> None:
    """Nothing changes where it is linked already."""
    store, account = Store(database_url, Vault([kept.keys]), pool_size=2), UUID(kept.account)
    try:
        spaces = Workspaces(store)
        known = await spaces.find("teams", TENANT)
        if known is not None and known.account_id == account:
            return
        if known is None:
            await spaces.install("teams", TENANT, "Practice MSP", "", "", "", {})
        async with store.transaction(account) as unit:
            admin = next(user for user in await unit.accounts.users() if user.person.is_admin)
            code = await make_code(unit, "teams", admin.id)
            await unit.accounts.change_settings({SETTING: ESCALATIONS})
        async with store.transaction() as unit:
            await unit.redeem("teams", TENANT, code)
    finally:
        await store.close()
