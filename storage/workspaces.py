"""Workspaces of the chat platforms: who installed FlowPilot there, with which keys, and for which Account."""

from __future__ import annotations

import json
import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from storage.linking import CODE_LENGTH, LETTERS, WHERE_IS, code_hash, find, named, opened, unlinked_ids
from storage.linking import Workspace as Workspace
from storage.linking import WorkspaceTaken as WorkspaceTaken
from storage.store import Store, Unit
from storage.tables import conversation_references, identities, link_codes, workspaces

CODE_LASTS = timedelta(minutes=60)
CLOCKS_DIFFER = timedelta(seconds=5)
"""The platform's clock and the database's."""


class Workspaces:
    """Each call is a transaction of its own; none needs to know the Account."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def install(
        self,
        platform: str,
        external_id: str,
        name: str,
        bot_user_id: str,
        bot_id: str,
        app_id: str,
        credentials: dict[str, Any],
        scopes: str = "",
    ) -> Workspace:
        """The newest install counts; the link to its Account stays. `scopes` as the platform writes them."""
        values = {
            "name": name,
            "bot_user_id": bot_user_id,
            "bot_id": bot_id,
            "app_id": app_id,
            "credentials": self._sealed(credentials),
            "scopes": scopes,
            "state": "installed",
            "installed_at": func.now(),
        }
        async with self._store.transaction() as unit:
            if not await _change(unit, platform, external_id, values):
                await _begin(unit, platform, external_id)
                await _change(unit, platform, external_id, values)
            made = await find(unit.connection, self._store.vault, platform, external_id)
        if made is None:
            raise LookupError("a workspace that was just installed is gone")
        return made

    async def find(self, platform: str, external_id: str) -> Workspace | None:
        async with self._store.transaction() as unit:
            return await unit.workspace(platform, external_id)

    async def change_credentials(self, platform: str, external_id: str, credentials: dict[str, Any]) -> bool:
        """False where it is not installed: renewed keys do not bring back what was uninstalled meanwhile."""
        values = {"credentials": self._sealed(credentials)}
        async with self._store.transaction() as unit:
            installed = workspaces.c.state == "installed"
            return await _change(unit, platform, external_id, values, where=installed)

    async def revoke(self, platform: str, external_id: str, at: datetime | None = None) -> bool:
        """Uninstalled: its keys are deleted, its link stays for a later install. False where it is not known, or was
        installed again after `at`.
        """
        gone = {"credentials": None, "state": "uninstalled"}
        before = None if at is None else workspaces.c.installed_at <= at + CLOCKS_DIFFER
        async with self._store.transaction() as unit:
            return await _change(unit, platform, external_id, gone, where=before)

    async def unlink(self, platform: str, external_id: str) -> UUID | None:
        """It belongs to nobody from now on, its people are known by it no more, and nothing in it is reached any
        more. The Account it was linked to.
        """
        async with self._store.transaction() as unit:
            await _reach(unit, platform, external_id)
            if unit.account is None:
                return None
            theirs = (identities.c.platform == platform) & (identities.c.workspace == external_id)
            mine = identities.c.account_id == unit.account
            await unit.connection.execute(delete(identities).where(theirs, mine))
            reached = conversation_references.c
            there = (reached.platform == platform) & (reached.workspace == external_id)
            within = reached.account_id == unit.account
            await unit.connection.execute(delete(conversation_references).where(there, within))
            nobody = {"account_id": None, "linked_at": None, "linked_by": None}
            await _change(unit, platform, external_id, nobody)
            return unit.account

    async def of_account(self, account: UUID) -> tuple[Workspace, ...]:
        query = select(workspaces).where(workspaces.c.account_id == account)
        async with self._store.transaction(account) as unit:
            rows = await unit.connection.execute(
                query.order_by(workspaces.c.platform, workspaces.c.external_id)
            )
            return tuple(opened(row, self._store.vault) for row in rows)

    async def unlinked(self) -> tuple[Workspace, ...]:
        """Those that are installed, or were, and belong to no Account."""
        found: list[Workspace] = []
        async with self._store.transaction() as unit:
            for workspace_id in await unlinked_ids(unit.connection):
                row = (await unit.connection.execute(await named(unit.connection, workspace_id))).first()
                if row is not None:
                    found.append(opened(row, self._store.vault))
        return tuple(found)

    def _sealed(self, credentials: dict[str, Any]) -> bytes:
        return self._store.vault.seal(json.dumps(credentials).encode())


async def make_code(unit: Unit, platform: str, by: UUID) -> str:
    """A code that links one workspace to this Account, once, within CODE_LASTS. Only its hash is kept."""
    code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
    await unit.connection.execute(
        insert(link_codes).values(
            code_hash=code_hash(code),
            account_id=unit.account,
            platform=platform,
            made_by=by,
            expires_at=func.now() + CODE_LASTS,
        )
    )
    return f"FP-{code[:4]}-{code[4:8]}-{code[8:]}"


async def _reach(unit: Unit, platform: str, external_id: str) -> UUID | None:
    """Name the workspace and enter its Account, if it has one; its id."""
    given = {"platform": platform, "external_id": external_id}
    at = (await unit.connection.execute(WHERE_IS, given)).first()
    if at is None:
        return None
    await named(unit.connection, at.workspace_id)
    if at.account_id is not None:
        await unit.enter(at.account_id)
    found: UUID = at.workspace_id
    return found


async def _begin(unit: Unit, platform: str, external_id: str) -> None:
    """An empty row, unless somebody else makes it at the same time: then it is there when this returns."""
    new = uuid4()
    await named(unit.connection, new)
    row = {"id": new, "platform": platform, "external_id": external_id}
    await unit.connection.execute(insert(workspaces).values(row).on_conflict_do_nothing())


async def _change(
    unit: Unit, platform: str, external_id: str, values: dict[str, Any], *, where: Any = None
) -> bool:
    """Whether it was there to be changed. A second look, because it may be linked between the look and the change."""
    for _ in range(2):
        workspace_id = await _reach(unit, platform, external_id)
        statement = update(workspaces).where(workspaces.c.id == workspace_id).values(values)
        if where is not None:
            statement = statement.where(where)
        if workspace_id and (await unit.connection.execute(statement.returning(workspaces.c.id))).first():
            return True
    return False
