"""Opens the database for a command, and finds the Account and the person it names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from bot.cli_screen import CommandFailed, Here
from bot.settings import required
from storage.accounts import User
from storage.administration import accounts_named, all_accounts, everyone
from storage.store import Store, Unit
from storage.vault import Vault


@asynccontextmanager
async def opened(here: Here) -> AsyncIterator[Store]:
    """The database as the application's role, which must not be one that sees around the row policies."""
    required(here.settings, "database_url", "keys")
    store = Store(here.settings.database_url, Vault(here.settings.key_ring), pool_size=1)
    try:
        await store.refuse_unsafe_role()
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def within(here: Here) -> AsyncIterator[Unit]:
    """One transaction of the Account that the command names."""
    async with opened(here) as store:
        account = await account_of(store, here.given.account)
        async with store.transaction(account) as unit:
            yield unit


async def account_of(store: Store, name: str | None) -> UUID:
    """The Account with this name, or the only one. Raises CommandFailed saying which there are."""
    if name is not None:
        found = await accounts_named(store, name)
        if len(found) > 1:
            raise CommandFailed(f"Several accounts are called {name}. Nothing was changed.")
        if found:
            return found[0]
    known = await all_accounts(store)
    if name is None and len(known) == 1:
        return known[0]
    if not known:
        raise CommandFailed(
            "There is no account yet. Make the first one: flowpilot accounts create NAME --admin EMAIL"
        )
    names = ", ".join(sorted([await name_of(store, account) for account in known]))
    begins = f"There is no account called {name}." if name else "There are several accounts; say which."
    raise CommandFailed(f"{begins} Nothing was changed. Use --account with one of: {names}.")


async def name_of(store: Store, account: UUID) -> str:
    async with store.transaction(account) as unit:
        return await unit.accounts.name()


async def user_named(unit: Unit, email: str) -> User:
    """The person with this e-mail. Raises CommandFailed saying who is known."""
    found = await unit.accounts.user_by_email(email.strip())
    if found is None:
        known = ", ".join(user.email for user in await everyone(unit) if user.email)
        raise CommandFailed(f"Nobody here has the e-mail {email}. Known are: {known or 'nobody yet'}.")
    return found
