"""What was masked for the model, Session by Session: encrypted, and only until it expires."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.redact import Mask, MaskKind, Masks
from storage.codec import storable
from storage.tables import ai_sessions, session_vaults
from storage.vault import KeysUnusable, Vault

log = logging.getLogger("flowpilot.storage")


class SessionMasks:
    """The masks of one Account's Sessions. Whoever adds to some holds the Session: the last one to write wins."""

    def __init__(self, connection: AsyncConnection, account: UUID, vault: Vault, now: datetime) -> None:
        self._db = connection
        self._account = account
        self._vault = vault
        self._now = now

    async def read(self, session_id: UUID) -> Masks:
        """() where nothing was masked, or it has expired. Raises KeysUnusable."""
        query = select(session_vaults.c.sealed).where(
            session_vaults.c.session_id == session_id,
            session_vaults.c.account_id == self._account,
            session_vaults.c.expires_at > self._now,
        )
        row = (await self._db.execute(query)).first()
        return _opened(self._vault.open(row.sealed)) if row is not None else ()

    async def secrets(self, session_id: UUID) -> tuple[str, ...]:
        """The values no text for others may hold. None where the vault cannot be opened: the rules must do then."""
        try:
            masks = await self.read(session_id)
        except KeysUnusable as wrong:
            log.warning("masks of a session cannot be opened, secrets go by rules: %s", type(wrong).__name__)
            return ()
        return tuple(mask.value for mask in masks if mask.kind is MaskKind.SECRET)

    async def write(self, session_id: UUID, masks: Masks, keep: timedelta) -> None:
        """In the place of what was there; it expires `keep` from now. Raises LookupError for a Session of others."""
        shown = [[mask.placeholder, mask.kind.value, mask.value] for mask in masks]
        row = {
            "session_id": session_id,
            "account_id": self._account,
            "sealed": self._vault.seal(json.dumps(storable(shown)).encode()),
            "expires_at": self._now + keep,
        }
        changed = {"sealed": row["sealed"], "expires_at": row["expires_at"]}
        statement = insert(session_vaults).values(row)
        ours = session_vaults.c.account_id == self._account
        upsert = statement.on_conflict_do_update(index_elements=["session_id"], set_=changed, where=ours)
        if (await self._db.execute(upsert.returning(session_vaults.c.session_id))).first() is None:
            raise LookupError("these are the masks of another account")

    async def hand_down(self, parent: UUID, child: UUID) -> None:
        """The child begins with the parent's masks, as they are sealed, until they would have expired there. One that
        has its own already, or was never begun, stays as it is.
        """
        ours = (ai_sessions.c.id == child, ai_sessions.c.account_id == self._account)
        kept = select(
            literal(child, session_vaults.c.session_id.type),
            session_vaults.c.account_id,
            session_vaults.c.sealed,
            session_vaults.c.expires_at,
        ).where(
            session_vaults.c.session_id == parent,
            session_vaults.c.account_id == self._account,
            session_vaults.c.expires_at > self._now,
            exists().where(*ours),
        )
        names = ["session_id", "account_id", "sealed", "expires_at"]
        copied = insert(session_vaults).from_select(names, kept)
        await self._db.execute(copied.on_conflict_do_nothing(index_elements=["session_id"]))

    async def renew(self, vault: Vault) -> int:
        """All of the Account's under the newest key; how many. What no key opens stays as it is."""
        mine = session_vaults.c.account_id == self._account
        query = select(session_vaults.c.session_id, session_vaults.c.sealed).where(mine).with_for_update()
        renewed = 0
        for row in (await self._db.execute(query)).all():
            try:
                sealed = vault.rotate(row.sealed)
            except KeysUnusable:
                continue
            this = session_vaults.c.session_id == row.session_id
            await self._db.execute(update(session_vaults).where(mine, this).values(sealed=sealed))
            renewed += 1
        return renewed


def _opened(content: bytes) -> Masks:
    return tuple(Mask(placeholder, MaskKind(kind), value) for placeholder, kind, value in json.loads(content))
