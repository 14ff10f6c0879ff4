"""Screenshots of a Session: encrypted, with what is known of them, until a while after the Session ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.codec import storable
from storage.tables import session_pictures
from storage.vault import KeysUnusable, Vault


class PictureState(StrEnum):
    """`kept`: nobody has said yet whether the model may see it."""

    KEPT = "kept"
    AGREED = "agreed"
    HELD_BACK = "held_back"


@dataclass(frozen=True, slots=True)
class Picture:
    """A screenshot without its bytes. `size`: of those, in bytes. `link`: where a person opens the original; `saw`:
    what was read in it.
    """

    id: UUID
    session_id: UUID
    name: str
    media_type: str
    width: int
    height: int
    size: int
    by: UUID
    at: datetime
    link: str = ""
    saw: str = ""
    state: PictureState = PictureState.KEPT


@dataclass(frozen=True, slots=True)
class Shot:
    """What a Session's card tells of a screenshot."""

    name: str
    link: str = ""
    saw: str = ""
    state: PictureState = PictureState.KEPT


class Pictures:
    """The pictures of one Account. `now`: the transaction's time."""

    def __init__(self, connection: AsyncConnection, account: UUID, vault: Vault, now: datetime) -> None:
        self._db = connection
        self._account = account
        self._vault = vault
        self._now = now

    async def add(
        self,
        session_id: UUID,
        by: UUID,
        name: str,
        media_type: str,
        width: int,
        height: int,
        content: bytes,
        *,
        link: str = "",
        picture_id: UUID | None = None,
        number: int = 0,
    ) -> UUID:
        """Its id. With a `picture_id` of one's own it is added once, however often that is tried. `number`: its place
        among those of one message.

        The Session may come to be later in the same transaction.
        """
        row = {
            "id": picture_id or uuid4(),
            "account_id": self._account,
            "session_id": session_id,
            "name": storable(name),
            "media_type": media_type,
            "width": width,
            "height": height,
            "size": len(content),
            "sealed": self._vault.seal(content),
            "by_id": by,
            "at": self._now + timedelta(microseconds=number),
            "link": storable(link),
        }
        await self._db.execute(insert(session_pictures).values(row).on_conflict_do_nothing())
        made: UUID = row["id"]
        return made

    async def of_session(self, session_id: UUID) -> tuple[Picture, ...]:
        """Oldest first."""
        known = (column for column in session_pictures.c if column.name not in {"account_id", "sealed"})
        query = (
            select(*known).where(*self._of(session_id)).order_by(session_pictures.c.at, session_pictures.c.id)
        )
        return tuple(_picture(dict(row)) for row in (await self._db.execute(query)).mappings())

    async def content(self, picture_id: UUID) -> bytes | None:
        """Its bytes; None where it is gone. Raises KeysUnusable."""
        return (await self.contents([picture_id])).get(picture_id)

    async def contents(self, picture_ids: Sequence[UUID]) -> dict[UUID, bytes]:
        """The bytes of those that are there, in one round trip. Raises KeysUnusable."""
        pictures = session_pictures.c
        query = select(pictures.id, pictures.sealed).where(
            pictures.account_id == self._account, pictures.id.in_(picture_ids)
        )
        return {row.id: self._vault.open(row.sealed) for row in await self._db.execute(query)}

    async def keep_saw(self, picture_id: UUID, saw: str) -> None:
        """What the model read in it."""
        mine = (session_pictures.c.id == picture_id) & (session_pictures.c.account_id == self._account)
        await self._db.execute(update(session_pictures).where(mine).values(saw=storable(saw)))

    async def agree(self, session_id: UUID) -> int:
        """The model may see those that nobody has decided about; how many."""
        return await self._decide(session_id, PictureState.AGREED)

    async def hold_back(self, session_id: UUID) -> int:
        """The model never sees those that nobody has decided about; how many."""
        return await self._decide(session_id, PictureState.HELD_BACK)

    async def _decide(self, session_id: UUID, state: PictureState) -> int:
        statement = (
            update(session_pictures)
            .where(*self._of(session_id), session_pictures.c.state == PictureState.KEPT.value)
            .values(state=state.value)
            .returning(session_pictures.c.id)
        )
        return len((await self._db.execute(statement)).all())

    async def renew(self, vault: Vault) -> int:
        """All of the Account's under the newest key, one after the other; how many. What no key opens stays."""
        mine = session_pictures.c.account_id == self._account
        renewed = 0
        for picture_id in (await self._db.execute(select(session_pictures.c.id).where(mine))).scalars().all():
            this = session_pictures.c.id == picture_id
            query = select(session_pictures.c.sealed).where(mine, this).with_for_update()
            row = (await self._db.execute(query)).first()
            sealed = _rotated(vault, row.sealed) if row is not None else None
            if sealed is not None:
                await self._db.execute(update(session_pictures).where(mine, this).values(sealed=sealed))
                renewed += 1
        return renewed

    def _of(self, session_id: UUID) -> tuple[Any, Any]:
        pictures = session_pictures.c
        return pictures.session_id == session_id, pictures.account_id == self._account


def _rotated(vault: Vault, sealed: bytes) -> bytes | None:
    try:
        return vault.rotate(sealed)
    except KeysUnusable:
        return None


def _picture(row: Mapping[str, Any]) -> Picture:
    known = {name: value for name, value in row.items() if name not in {"by_id", "state"}}
    return Picture(**known, by=row["by_id"], state=PictureState(row["state"]))
