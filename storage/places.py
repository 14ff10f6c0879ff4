"""Places where Sessions live in chat, and the cards drawn for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import accounts, messages, places

LATEST = 6
CHANGE = text("nextval('message_changes')")


@dataclass(frozen=True, slots=True)
class Place:
    """`kind`: `thread` of a Session, `direct` to one person, `escalations` of an Account."""

    id: UUID
    kind: str
    platform: str
    workspace: str
    channel: str
    thread: str
    session_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Message:
    id: int
    place_id: UUID
    key: str
    card: dict[str, Any]
    external_ref: str | None
    change: int


def _place(row: Any) -> Place:
    return Place(row.id, row.kind, row.platform, row.workspace, row.channel, row.thread, row.session_id)


class Places:
    def __init__(self, connection: AsyncConnection, account: UUID) -> None:
        self._db = connection
        self._account = account

    async def find(self, platform: str, workspace: str, channel: str, thread: str = "") -> Place | None:
        query = select(places).where(
            places.c.account_id == self._account,
            places.c.platform == platform,
            places.c.workspace == workspace,
            places.c.channel == channel,
            places.c.thread == thread,
        )
        row = (await self._db.execute(query)).first()
        return _place(row) if row else None

    async def ensure(
        self,
        kind: str,
        platform: str,
        workspace: str,
        channel: str,
        thread: str = "",
        session_id: UUID | None = None,
    ) -> Place:
        """The Place with this address, made if it is new."""
        known = await self.find(platform, workspace, channel, thread)
        if known is not None:
            return known
        statement = insert(places).values(
            id=uuid4(),
            account_id=self._account,
            kind=kind,
            platform=platform,
            workspace=workspace,
            channel=channel,
            thread=thread,
            session_id=session_id,
        )
        await self._db.execute(statement.on_conflict_do_nothing())
        found = await self.find(platform, workspace, channel, thread)
        if found is None:
            raise LookupError("this place belongs to another account")
        return found

    async def get(self, place_id: UUID) -> Place | None:
        query = select(places).where(places.c.id == place_id, places.c.account_id == self._account)
        row = (await self._db.execute(query)).first()
        return _place(row) if row else None

    async def of_session(self, session_id: UUID) -> tuple[Place, ...]:
        query = (
            select(places)
            .where(places.c.session_id == session_id, places.c.account_id == self._account)
            .order_by(places.c.created_at, places.c.id)
        )
        return tuple(_place(row) for row in await self._db.execute(query))

    async def of_kind(self, kind: str) -> tuple[Place, ...]:
        query = (
            select(places)
            .where(places.c.kind == kind, places.c.account_id == self._account)
            .order_by(places.c.created_at, places.c.id)
        )
        return tuple(_place(row) for row in await self._db.execute(query))

    async def message(self, place_id: UUID, key: str) -> Message | None:
        query = select(messages).where(
            messages.c.place_id == place_id,
            messages.c.key == key,
            messages.c.account_id == self._account,
        )
        row = (await self._db.execute(query)).first()
        if row is None:
            return None
        return Message(row.id, row.place_id, row.key, row.card, row.external_ref, row.change)

    async def keep(
        self, place_id: UUID, key: str, card: dict[str, Any], external_ref: str | None = None
    ) -> None:
        """Remember what is shown under this key, so that it can be edited in place."""
        await self._draw_alone()
        statement = insert(messages).values(
            account_id=self._account,
            place_id=place_id,
            key=key,
            card=card,
            external_ref=external_ref,
            change=CHANGE,
        )
        changed: dict[str, Any] = {"card": card, "change": CHANGE}
        if external_ref is not None:
            changed["external_ref"] = external_ref
        await self._db.execute(
            statement.on_conflict_do_update(index_elements=["place_id", "key"], set_=changed)
        )

    async def _draw_alone(self) -> None:
        """One at a time within the Account, until the transaction ends: a change drawn earlier and committed
        later would be passed over by whoever follows `since`.
        """
        mine = select(accounts.c.id).where(accounts.c.id == self._account)
        await self._db.execute(mine.with_for_update(key_share=True))

    async def show_again(self, session_id: UUID) -> None:
        """The card and the latest messages of the Session's Places count as changed, for somebody who comes in now."""
        await self._draw_alone()
        where = select(places.c.id).where(places.c.session_id == session_id)
        mine = (messages.c.account_id == self._account) & messages.c.place_id.in_(where)
        latest = select(messages.c.id).where(mine).order_by(messages.c.change.desc()).limit(LATEST)
        again = (messages.c.key == "card") | messages.c.id.in_(latest)
        await self._db.execute(update(messages).where(mine, again).values(change=CHANGE))

    async def since(self, place_ids: tuple[UUID, ...], change: int, limit: int = 200) -> tuple[Message, ...]:
        """What was drawn or redrawn in these Places after `change`, in that order."""
        query = (
            select(messages)
            .where(messages.c.account_id == self._account, messages.c.place_id.in_(place_ids))
            .where(messages.c.change > change)
            .order_by(messages.c.change)
            .limit(limit)
        )
        rows = await self._db.execute(query)
        return tuple(Message(r.id, r.place_id, r.key, r.card, r.external_ref, r.change) for r in rows)

    async def move_to(self, place_id: UUID, session_id: UUID) -> None:
        await self._db.execute(
            update(places)
            .where(places.c.id == place_id, places.c.account_id == self._account)
            .values(session_id=session_id)
        )
