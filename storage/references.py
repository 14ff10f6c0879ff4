"""Where each conversation of an Account in Teams is reached, as its last message said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.codec import storable
from storage.tables import conversation_references

PLATFORM = "teams"
Kind = Literal["personal", "group", "channel"]


@dataclass(frozen=True, slots=True)
class Stored:
    """`conversation` is its base id. `person`: whose personal chat it is; `raw`: the reference as it came; `hears`:
    messages come from there without a mention.
    """

    tenant: str
    conversation: str
    kind: Kind
    raw: Mapping[str, Any] = field(repr=False)
    person: str = ""
    team: str = ""
    name: str = ""
    hears: bool = False


class References:
    """Those of one Account."""

    def __init__(self, connection: AsyncConnection, account: UUID) -> None:
        self._db = connection
        self._account = account

    async def keep(
        self,
        tenant: str,
        conversation: str,
        kind: Kind,
        raw: Mapping[str, Any],
        person: str = "",
        team: str = "",
        name: str = "",
    ) -> None:
        """In the place of what was known; nothing is written where it says the same.

        A person, team or name that is not given stays as it is known.
        """
        given = {"person": storable(person), "team": storable(team), "name": storable(name)}
        row = {
            "account_id": self._account,
            "platform": PLATFORM,
            "workspace": tenant,
            "conversation": conversation,
            "kind": kind,
            "raw": storable(dict(raw)),
            "kept_at": func.clock_timestamp(),
            **given,
        }
        now = {"kind": row["kind"], "raw": row["raw"], **{n: v for n, v in given.items() if v}}
        # A look first: even an upsert that changes nothing locks the row and writes that down, message by message.
        if await self._is_so(tenant, conversation, now):
            return
        statement = insert(conversation_references).values(row)
        changed = {**now, "kept_at": row["kept_at"]}
        await self._db.execute(
            statement.on_conflict_do_update(
                index_elements=["account_id", "platform", "workspace", "conversation"], set_=changed
            )
        )

    async def get(self, tenant: str, conversation: str) -> Stored | None:
        return await self._first(
            self._of(tenant).where(conversation_references.c.conversation == conversation)
        )

    async def personal(self, tenant: str, person: str) -> Stored | None:
        """The chat with this person; the newest, should there be several."""
        theirs = (conversation_references.c.kind == "personal", conversation_references.c.person == person)
        return await self._first(self._of(tenant).where(*theirs))

    async def latest(self, tenant: str) -> Stored | None:
        """Any conversation of the tenant: the one that was new or changed last."""
        return await self._first(self._of(tenant))

    async def channels(self, tenant: str) -> tuple[Stored, ...]:
        """By name."""
        columns = conversation_references.c
        query = self._of(tenant).where(columns.kind == "channel").order_by(None)
        rows = await self._db.execute(query.order_by(func.lower(columns.name), columns.conversation))
        return tuple(_stored(row) for row in rows)

    async def hears(self, tenant: str, conversation: str) -> None:
        """Messages come from there without a mention."""
        columns = conversation_references.c
        unheard = (columns.conversation == conversation, columns.hears.is_(False))
        statement = update(conversation_references).where(*self._mine(tenant), *unheard)
        await self._db.execute(statement.values(hears=True))

    async def forget(self, tenant: str, team: str) -> int:
        """FlowPilot was taken out of this team: its channels are reached no more; how many. 0 for a team without a name."""
        if not team:
            return 0
        columns = conversation_references.c
        # The conversation of a team's first channel has the team's own id.
        theirs = or_(columns.team == team, columns.conversation == team) & (columns.kind == "channel")
        statement = delete(conversation_references).where(*self._mine(tenant), theirs)
        return len((await self._db.execute(statement.returning(columns.conversation))).all())

    async def _is_so(self, tenant: str, conversation: str, now: Mapping[str, Any]) -> bool:
        columns = conversation_references.c
        same = [columns[name] == value for name, value in now.items()]
        query = select(columns.conversation).where(*self._mine(tenant), columns.conversation == conversation)
        return (await self._db.execute(query.where(*same))).first() is not None

    async def _first(self, query: Select[Any]) -> Stored | None:
        row = (await self._db.execute(query.limit(1))).first()
        return _stored(row) if row is not None else None

    def _of(self, tenant: str) -> Select[Any]:
        """Newest first."""
        columns = conversation_references.c
        newest = (columns.kept_at.desc(), columns.conversation)
        return select(conversation_references).where(*self._mine(tenant)).order_by(*newest)

    def _mine(self, tenant: str) -> tuple[ColumnElement[bool], ...]:
        columns = conversation_references.c
        return columns.account_id == self._account, columns.platform == PLATFORM, columns.workspace == tenant


def _stored(row: Any) -> Stored:
    return Stored(
        row.workspace, row.conversation, row.kind, row.raw, row.person, row.team, row.name, row.hears
    )
