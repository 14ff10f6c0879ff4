"""Accounts, their Teams and Users, identities on platforms, PSA connections and member mappings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import case, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.session import Person, Role
from storage.tables import (
    accounts,
    ai_sessions,
    identities,
    psa_connections,
    psa_member_mappings,
    psa_post_log,
    team_members,
    teams,
    users,
)
from storage.vault import Vault


@dataclass(frozen=True, slots=True)
class User:
    id: UUID
    name: str
    email: str | None
    roles: frozenset[Role]
    active: bool
    team_ids: frozenset[UUID]

    @property
    def person(self) -> Person:
        return Person(self.id, self.name, self.roles, self.team_ids)


@dataclass(frozen=True, slots=True)
class PsaConnection:
    """One connected PSA. `keys` are the opened credentials; the repr hides them."""

    id: UUID
    host: str
    company: str
    codebase: str
    keys: dict[str, str]
    settings: dict[str, Any]
    state: str
    problem: str
    checked_at: datetime | None
    connected_at: datetime | None = None

    def __repr__(self) -> str:
        return f"PsaConnection({self.company!r} at {self.host!r}, {self.state}, keys hidden)"


class Accounts:
    """Who belongs to one Account and what it is connected to."""

    def __init__(self, connection: AsyncConnection, account: UUID, vault: Vault) -> None:
        self._db = connection
        self._account = account
        self._vault = vault

    async def create(self, name: str) -> None:
        await self._db.execute(insert(accounts).values(id=self._account, name=name))

    async def name(self) -> str:
        found: str = (
            await self._db.execute(select(accounts.c.name).where(accounts.c.id == self._account))
        ).scalar_one()
        return found

    async def settings(self) -> dict[str, Any]:
        query = select(accounts.c.settings).where(accounts.c.id == self._account)
        found: dict[str, Any] = (await self._db.execute(query)).scalar_one()
        return found

    async def change_settings(self, changed: dict[str, Any]) -> None:
        await self._db.execute(
            update(accounts)
            .where(accounts.c.id == self._account)
            .values(settings=accounts.c.settings.op("||")(changed))
        )

    async def add_user(
        self, name: str, email: str | None, roles: Sequence[Role] = (Role.TECHNICIAN,)
    ) -> UUID:
        """A new User; the one with this e-mail if the Account has him already."""
        if email and (known := await self.user_by_email(email)):
            return known.id
        user_id = uuid4()
        await self._db.execute(
            insert(users).values(
                id=user_id, account_id=self._account, name=name, email=email, roles=[r.value for r in roles]
            )
        )
        return user_id

    async def users(self) -> tuple[User, ...]:
        return await self._users(users.c.active)

    async def user(self, user_id: UUID) -> User | None:
        found = await self._users(users.c.id == user_id)
        return found[0] if found else None

    async def user_by_email(self, email: str) -> User | None:
        found = await self._users(func.lower(users.c.email) == email.lower())
        return found[0] if found else None

    async def _users(self, condition: Any) -> tuple[User, ...]:
        of = (
            select(func.array_agg(team_members.c.team_id))
            .where(team_members.c.user_id == users.c.id)
            .scalar_subquery()
        )
        query = (
            select(users, of.label("team_ids"))
            .where(users.c.account_id == self._account, condition)
            .order_by(users.c.name)
        )
        return tuple(
            User(
                row.id,
                row.name,
                row.email,
                frozenset(Role(r) for r in row.roles),
                row.active,
                frozenset(row.team_ids or ()),
            )
            for row in await self._db.execute(query)
        )

    async def set_roles(self, user_id: UUID, roles: Sequence[Role]) -> None:
        await self._change_user(user_id, roles=sorted({r.value for r in roles}))

    async def set_active(self, user_id: UUID, active: bool) -> None:
        await self._change_user(user_id, active=active)

    async def _change_user(self, user_id: UUID, **values: Any) -> None:
        await self._db.execute(
            update(users).where(users.c.id == user_id, users.c.account_id == self._account).values(values)
        )

    async def add_team(self, name: str) -> UUID:
        statement = insert(teams).values(id=uuid4(), account_id=self._account, name=name)
        await self._db.execute(statement.on_conflict_do_nothing())
        query = select(teams.c.id).where(teams.c.account_id == self._account, teams.c.name == name)
        found: UUID = (await self._db.execute(query)).scalar_one()
        return found

    async def teams(self) -> dict[UUID, str]:
        query = select(teams.c.id, teams.c.name).where(teams.c.account_id == self._account)
        return {row.id: row.name for row in await self._db.execute(query.order_by(teams.c.name))}

    async def set_teams(self, user_id: UUID, team_ids: Sequence[UUID]) -> None:
        mine = (team_members.c.user_id == user_id) & (team_members.c.account_id == self._account)
        await self._db.execute(delete(team_members).where(mine))
        rows = [{"team_id": t, "user_id": user_id, "account_id": self._account} for t in set(team_ids)]
        if rows:
            await self._db.execute(insert(team_members), rows)

    async def add_identity(self, user_id: UUID, platform: str, workspace: str, external_id: str) -> None:
        """Said twice it is one. LookupError where somebody else is known by it already."""
        statement = insert(identities).values(
            id=uuid4(),
            account_id=self._account,
            user_id=user_id,
            platform=platform,
            workspace=workspace,
            external_id=external_id,
        )
        await self._db.execute(statement.on_conflict_do_nothing())
        if (platform, workspace, external_id) not in await self.identities_of(user_id):
            raise LookupError("this identity belongs to somebody else")

    async def identities_of(self, user_id: UUID) -> tuple[tuple[str, str, str], ...]:
        """(platform, workspace, external id) of everywhere this person is known."""
        query = select(identities).where(
            identities.c.user_id == user_id, identities.c.account_id == self._account
        )
        return tuple((r.platform, r.workspace, r.external_id) for r in await self._db.execute(query))

    async def connect(self, host: str, company: str, keys: dict[str, str], codebase: str = "") -> UUID:
        """Keep a PSA connection with its keys sealed, or replace the keys of the one to the same company."""
        sealed = self._vault.seal(json.dumps(keys).encode())
        for known in await self.connections():
            if (known.host, known.company) == (host, company):
                await self.change_connection(known.id, keys=sealed, codebase=codebase, state="checking")
                return known.id
        connection_id = uuid4()
        await self._db.execute(
            insert(psa_connections).values(
                id=connection_id,
                account_id=self._account,
                host=host,
                company=company,
                codebase=codebase,
                keys=sealed,
            )
        )
        return connection_id

    async def change_connection(self, connection_id: UUID, **values: Any) -> None:
        """One that becomes connected is used from now on, and those that never were are removed."""
        connected = values.get("state") == "connected"
        if connected:
            values["connected_at"] = func.clock_timestamp()
        changed = await self._db.execute(
            update(psa_connections)
            .where(psa_connections.c.id == connection_id, psa_connections.c.account_id == self._account)
            .values(values)
            .returning(psa_connections.c.id)
        )
        if connected and changed.first() is not None:
            await self._forget_mistyped(connection_id)

    async def _forget_mistyped(self, kept: UUID) -> None:
        """What was owed through one of them goes through the one in use; one still being checked stays."""
        await self._db.execute(
            delete(psa_connections)
            .where(psa_connections.c.account_id == self._account, psa_connections.c.id != kept)
            .where(psa_connections.c.connected_at.is_(None), psa_connections.c.state == "failed")
        )

    async def connections(self) -> tuple[PsaConnection, ...]:
        query = select(psa_connections).where(psa_connections.c.account_id == self._account)
        rows = await self._db.execute(query.order_by(psa_connections.c.created_at))
        return tuple(self._opened(row) for row in rows)

    async def connection(self, connection_id: UUID | None = None) -> PsaConnection | None:
        """The named connection, or the one in use: connected last, or made last where none is connected. No other
        one's keys are opened.
        """
        c = psa_connections.c
        used = (c.state == "connected") & c.connected_at.is_not(None)
        query = select(psa_connections).where(c.account_id == self._account)
        if connection_id is not None:
            query = query.where(c.id == connection_id)
        # As `FOR_CARD` chooses.
        last = query.order_by(used.desc(), case((used, c.connected_at)).desc(), c.created_at.desc())
        row = (await self._db.execute(last.limit(1))).first()
        return self._opened(row) if row else None

    def _opened(self, row: Any) -> PsaConnection:
        return PsaConnection(
            row.id,
            row.host,
            row.company,
            row.codebase,
            json.loads(self._vault.open(row.keys)),
            row.flowpilot_settings,
            row.state,
            row.problem,
            row.checked_at,
            row.connected_at,
        )

    async def needed_connections(self) -> tuple[PsaConnection, ...]:
        """The one in use, and those that a Session or a part owed to the PSA still refers to."""
        used = await self.connection()
        of_sessions = select(ai_sessions.c.psa_connection_id).where(ai_sessions.c.account_id == self._account)
        of_posts = select(psa_post_log.c.connection_id).where(psa_post_log.c.account_id == self._account)
        needed = set((await self._db.execute(of_sessions.union(of_posts))).scalars())
        return tuple(c for c in await self.connections() if c.id in needed or (used and c.id == used.id))

    async def map_member(
        self, connection_id: UUID, user_id: UUID, member_id: int, member_name: str, source: str
    ) -> None:
        """Map a User to a PSA Member; what an Admin chose is not overwritten by an e-mail match."""
        statement = insert(psa_member_mappings).values(
            account_id=self._account,
            connection_id=connection_id,
            user_id=user_id,
            member_id=member_id,
            member_name=member_name,
            source=source,
        )
        changed = {"member_id": member_id, "member_name": member_name, "source": source}
        keep_admin = None if source == "admin" else psa_member_mappings.c.source != text("'admin'")
        await self._db.execute(
            statement.on_conflict_do_update(
                index_elements=["connection_id", "user_id"], set_=changed, where=keep_admin
            )
        )

    async def unmap_member(self, connection_id: UUID, user_id: UUID) -> None:
        await self._db.execute(
            delete(psa_member_mappings)
            .where(psa_member_mappings.c.connection_id == connection_id)
            .where(psa_member_mappings.c.user_id == user_id)
            .where(psa_member_mappings.c.account_id == self._account)
        )

    async def members(self, connection_id: UUID) -> dict[UUID, tuple[int, str]]:
        """User → (member id, member name)."""
        query = select(psa_member_mappings).where(
            psa_member_mappings.c.connection_id == connection_id,
            psa_member_mappings.c.account_id == self._account,
        )
        return {r.user_id: (r.member_id, r.member_name) for r in await self._db.execute(query)}
