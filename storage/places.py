"""Places where Sessions live in chat, and the cards drawn for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import accounts, ai_sessions, messages, places

LATEST = 6
PRIVATE = {"slack": ("D", "U", "W"), "teams": ("user:",)}
CHANGE = text("nextval('message_changes')")
# Whoever follows `since`, as the console does, would pass over a change drawn earlier and committed later: there
# they are drawn one at a time within the Account, until the transaction ends. A message that is sent is not followed.
KEEP = text("""
with alone as (
    select a.id from accounts a
    where a.id = :account and exists (select 1 from places p where p.id = :place and p.platform = 'console')
    for no key update
)
insert into messages (account_id, place_id, key, external_ref, card, change)
select coalesce(alone.id, :account), :place, :key, :ref, cast(:card as jsonb), nextval('message_changes')
from (values (1)) one(n) left join alone on true
on conflict (place_id, key) do update set card = excluded.card, change = nextval('message_changes'),
    external_ref = coalesce(excluded.external_ref, messages.external_ref)
""")


@dataclass(frozen=True, slots=True)
class Place:
    """`kind`: `thread` of a Session, `direct` to one person, `escalations` of an Account, `closed` to us. `link`
    leads there from elsewhere.
    """

    id: UUID
    kind: str
    platform: str
    workspace: str
    channel: str
    thread: str
    session_id: UUID | None = None
    link: str = ""

    @property
    def is_private(self) -> bool:
        """Between one person and us. How an address begins tells it."""
        return self.channel.startswith(PRIVATE.get(self.platform, ()))


@dataclass(frozen=True, slots=True)
class Message:
    id: int
    place_id: UUID
    key: str
    card: dict[str, Any]
    external_ref: str | None
    change: int


def _place(row: Any) -> Place:
    return Place(
        row.id, row.kind, row.platform, row.workspace, row.channel, row.thread, row.session_id, row.link
    )


def _message(row: Any) -> Message:
    return Message(row.id, row.place_id, row.key, row.card, row.external_ref, row.change)


def _message_of(row: Any) -> Message | None:
    """The message in a row of a Place with its message."""
    if row.message_id is None:
        return None
    return Message(
        row.message_id,
        row.id,
        row.message_key,
        row.message_card,
        row.message_external_ref,
        row.message_change,
    )


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

    async def where(self, *conditions: ColumnElement[bool]) -> tuple[Place, ...]:
        query = select(places).where(places.c.account_id == self._account, *conditions)
        return tuple(_place(row) for row in await self._db.execute(query))

    async def of_session(self, session_id: UUID) -> tuple[Place, ...]:
        query = (
            select(places)
            .where(places.c.session_id == session_id, places.c.account_id == self._account)
            .order_by(places.c.created_at, places.c.id)
        )
        return tuple(_place(row) for row in await self._db.execute(query))

    async def threads(self, session_id: UUID, key: str) -> tuple[tuple[Place, Message | None], ...]:
        """Where the Session lives, and what is shown there under this key."""
        shown = (messages.c.place_id == places.c.id) & (messages.c.account_id == places.c.account_id)
        query = (
            select(places, *(column.label(f"message_{column.name}") for column in messages.c))
            .outerjoin(messages, shown & (messages.c.key == key))
            .where(places.c.session_id == session_id, places.c.account_id == self._account)
            .where(places.c.kind == "thread")
            .order_by(places.c.created_at, places.c.id)
        )
        return tuple((_place(row), _message_of(row)) for row in await self._db.execute(query))

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
        return _message(row) if row else None

    async def by_ref(self, platform: str, workspace: str, ref: str) -> tuple[Place, Message] | None:
        """What the platform knows under this reference, and where it is; the latest, should several have it."""
        query = (
            select(messages)
            .join(places, places.c.id == messages.c.place_id)
            .where(messages.c.external_ref == ref, messages.c.account_id == self._account)
            .where(places.c.platform == platform, places.c.workspace == workspace)
            .order_by(messages.c.id.desc())
            .limit(1)
        )
        row = (await self._db.execute(query)).first()
        place = await self.get(row.place_id) if row else None
        return (place, _message(row)) if place else None

    async def keep(
        self, place_id: UUID, key: str, card: dict[str, Any], external_ref: str | None = None
    ) -> None:
        """Remember what is shown under this key, so that it can be edited in place."""
        given = {"place": place_id, "key": key, "ref": external_ref, "card": json.dumps(card)}
        await self._db.execute(KEEP, {**given, "account": self._account})

    async def _draw_alone(self) -> None:
        """See KEEP."""
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
        return tuple(_message(row) for row in rows)

    async def move_to(self, place_id: UUID, session_id: UUID) -> None:
        await self._db.execute(
            update(places)
            .where(places.c.id == place_id, places.c.account_id == self._account)
            .values(session_id=session_id)
        )

    async def settle(self, place_id: UUID, channel: str, thread: str, workspace: str = "") -> None:
        """The Place has this address from now on, and no link yet; in another workspace, if one is given. LookupError
        where another Place has it already.
        """
        given = {"channel": channel, "thread": thread, "link": ""}
        if workspace:
            given["workspace"] = workspace
        free = update(places).where(places.c.id == place_id, places.c.account_id == self._account)
        try:
            async with self._db.begin_nested():
                await self._db.execute(free.values(given))
        except IntegrityError as taken:
            raise LookupError("another place has this address") from taken

    async def keep_link(self, place_id: UUID, link: str) -> None:
        mine = (places.c.id == place_id) & (places.c.account_id == self._account)
        await self._db.execute(update(places).where(mine).values(link=link))

    async def link_of(self, session_id: UUID) -> str:
        """Leads to the Session's thread for anybody who reads it; empty where no platform has given such a link."""
        found = await self.of_session(session_id)
        return next((p.link for p in found if p.link and not p.is_private), "")

    async def begun_fresh(self, session_id: UUID) -> tuple[Place, ...] | None:
        """The Places of the Session that goes on from this one; None where there is no such Session."""
        query = (
            select(ai_sessions.c.id)
            .where(ai_sessions.c.parent_session_id == session_id, ai_sessions.c.account_id == self._account)
            .order_by(ai_sessions.c.created_at)
            .limit(1)
        )
        child = (await self._db.execute(query)).scalar()
        return await self.of_session(child) if child is not None else None

    async def retire(self, place_id: UUID) -> None:
        """An escalation channel that is closed to us."""
        mine = (places.c.id == place_id) & (places.c.account_id == self._account)
        await self._db.execute(
            update(places).where(mine, places.c.kind == "escalations").values(kind="closed")
        )

    async def reopen(self, platform: str, workspace: str, channel: str) -> None:
        """An escalation channel that was closed to us is open again."""
        there = (
            (places.c.platform == platform)
            & (places.c.workspace == workspace)
            & (places.c.channel == channel)
        )
        mine = (places.c.account_id == self._account) & (places.c.kind == "closed")
        await self._db.execute(update(places).where(there, mine).values(kind="escalations"))

    async def forget_messages(self, place_id: UUID) -> None:
        """What was drawn there is gone; the next cards are posted anew."""
        mine = (messages.c.place_id == place_id) & (messages.c.account_id == self._account)
        await self._db.execute(delete(messages).where(mine))
