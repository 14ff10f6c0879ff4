"""What a transaction asks of workspaces before an Account is known: whose one is, and whether a code links it."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import workspaces
from storage.vault import Vault

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without the letters that are read as another one; 12 of them are 60 bits of chance."""
LOOKALIKES = str.maketrans("OIL", "011")
CODE_LENGTH = 12
LONGEST_TYPED = 100

NAME_IT = text("select set_config('app.workspace_id', :id, true)")
WHERE_IS = text("select workspace_id, account_id from fp_workspace(:platform, :external_id)")
REDEEM = text("select account_id, taken from fp_redeem(:platform, :external_id, :code_hash)")


class WorkspaceTaken(Exception):
    """The workspace belongs to another Account; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """`credentials` are the opened keys, hidden from the repr: token, refresh, expires_at (iso). Empty once uninstalled.

    `account_id` None until somebody linked it. `state`: installed | uninstalled.
    """

    id: UUID
    platform: str
    external_id: str
    account_id: UUID | None
    name: str
    bot_user_id: str
    bot_id: str
    app_id: str
    credentials: dict[str, Any] = field(repr=False)
    state: str
    scopes: str = ""


async def find(
    connection: AsyncConnection, vault: Vault, platform: str, external_id: str
) -> Workspace | None:
    """Works before an Account is known. In a transaction of one, another Account's workspace is None."""
    at = (await connection.execute(WHERE_IS, {"platform": platform, "external_id": external_id})).first()
    if at is None:
        return None
    row = (await connection.execute(await named(connection, at.workspace_id))).first()
    return opened(row, vault) if row else None


async def unlinked_ids(connection: AsyncConnection) -> tuple[UUID, ...]:
    rows = await connection.execute(text("select workspace_id from fp_unlinked_workspaces()"))
    return tuple(row.workspace_id for row in rows)


async def named(connection: AsyncConnection, workspace_id: UUID) -> Any:
    """The query for this workspace; from now on this transaction may see it, as the row policy has it."""
    await connection.execute(NAME_IT, {"id": str(workspace_id)})
    return select(workspaces).where(workspaces.c.id == workspace_id)


async def redeem(connection: AsyncConnection, platform: str, external_id: str, typed: str) -> UUID | None:
    """Link the workspace to the code's Account, which it gives; None where the code is unknown, used or too old.

    Raises WorkspaceTaken, with the code still good, where the workspace is another Account's, and LookupError where
    nobody installed it.
    """
    given = {"platform": platform, "external_id": external_id}
    if (await connection.execute(WHERE_IS, given)).first() is None:
        raise LookupError("this workspace is not installed")
    row = (await connection.execute(REDEEM, {**given, "code_hash": code_hash(normal(typed))})).first()
    if row is None:
        return None
    if row.taken:
        raise WorkspaceTaken(
            "This workspace is connected to another FlowPilot account, and that stays as it is. Your code is still "
            f"good. Ask the operator to run `flowpilot unlink {platform} {external_id}` first, then try again."
        )
    found: UUID = row.account_id
    return found


def normal(typed: str) -> str:
    """A code as it was made, from what people type: any case, spaces, other dashes or none, O for 0."""
    plain = unicodedata.normalize("NFKC", typed[:LONGEST_TYPED]).upper()
    letters = "".join(letter for letter in plain if letter.isascii() and letter.isalnum())
    if len(letters) == CODE_LENGTH + 2:
        letters = letters.removeprefix("FP")
    return letters.translate(LOOKALIKES)


def code_hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def opened(row: Any, vault: Vault) -> Workspace:
    return Workspace(
        row.id,
        row.platform,
        row.external_id,
        row.account_id,
        row.name,
        row.bot_user_id,
        row.bot_id,
        row.app_id,
        json.loads(vault.open(row.credentials)) if row.credentials else {},
        row.state,
        row.scopes,
    )
