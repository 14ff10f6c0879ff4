"""What only an administrator asks of the database: who has a token, everyone of an Account, keys under a new key."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update

from storage.accounts import User
from storage.linking import named, unlinked_ids
from storage.store import Store, Unit
from storage.tables import accounts, identities, psa_connections, users, workspaces
from storage.vault import KeysUnusable, Vault


async def accounts_named(store: Store, name: str) -> tuple[UUID, ...]:
    rows = await store.rows("select account_id from fp_account_named(:name)", name=name)
    return tuple(row.account_id for row in rows)


async def all_accounts(store: Store) -> tuple[UUID, ...]:
    return tuple(row.account_id for row in await store.rows("select account_id from fp_accounts()"))


async def create_account(unit: Unit, name: str, settings: dict[str, Any]) -> None:
    """The Account this transaction is bound to comes to be."""
    await unit.accounts.create(name)
    if settings:
        await unit.accounts.change_settings(settings)


async def created_at(unit: Unit) -> Any:
    query = select(accounts.c.created_at).where(accounts.c.id == unit.account)
    return (await unit.connection.execute(query)).scalar_one()


async def everyone(unit: Unit) -> tuple[User, ...]:
    """Inactive people too, by name."""
    query = select(users.c.id).where(users.c.account_id == unit.account).order_by(users.c.name, users.c.id)
    found = [await unit.accounts.user(row.id) for row in await unit.connection.execute(query)]
    return tuple(user for user in found if user is not None)


async def revoke_tokens(unit: Unit, user: UUID) -> int:
    """His console tokens open nothing from now on; how many there were."""
    statement = (
        delete(identities)
        .where(identities.c.account_id == unit.account, identities.c.user_id == user)
        .where(identities.c.platform == "console")
        .returning(identities.c.id)
    )
    return len((await unit.connection.execute(statement)).all())


async def rename(unit: Unit, user: UUID, name: str) -> None:
    statement = update(users).where(users.c.id == user, users.c.account_id == unit.account)
    await unit.connection.execute(statement.values(name=name))


async def rotate_keys(unit: Unit, vault: Vault) -> int:
    """Every PSA connection's keys under the newest key; how many. Raises KeysUnusable where none of the keys fits.

    The keys of its chat workspaces too, and, because no Account's turn ever comes for those, of the ones of nobody;
    what was masked and pictured in its Sessions, and what was said of their steps, as far as a key fits.
    """
    query = select(psa_connections.c.id, psa_connections.c["keys"])
    mine = psa_connections.c.account_id == unit.account
    rows = (await unit.connection.execute(query.where(mine).with_for_update())).all()
    for row in rows:
        statement = update(psa_connections).where(mine, psa_connections.c.id == row.id)
        await unit.connection.execute(statement.values(keys=vault.rotate(row.keys)))
    await _rotate_workspaces(unit, vault)
    await unit.masks.renew(vault)
    await unit.pictures.renew(vault)
    await unit.feedback.renew(vault)
    return len(rows)


async def _rotate_workspaces(unit: Unit, vault: Vault) -> None:
    mine = select(workspaces).where(workspaces.c.account_id == unit.account)
    await _rotate_found(unit, vault, mine)
    for workspace_id in await unlinked_ids(unit.connection):
        # What belongs to nobody and no key opens is lost already, and stops nobody else's renewal.
        with suppress(KeysUnusable):
            await _rotate_found(unit, vault, await named(unit.connection, workspace_id))


async def _rotate_found(unit: Unit, vault: Vault, query: Any) -> None:
    for row in (await unit.connection.execute(query.with_for_update())).all():
        if row.credentials is not None:
            statement = update(workspaces).where(workspaces.c.id == row.id)
            await unit.connection.execute(statement.values(credentials=vault.rotate(row.credentials)))
