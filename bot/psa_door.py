"""Opens the PSA of an Account: its connection's keys, settings and members, and one client per connection."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.words import say
from engine.effects import CheckConnection, MapMember, Show
from engine.ports import Done, Later, Lease, OwedRow, Performed, PsaView, StillOurs
from engine.psa import Connection, Psa, PsaFailure
from engine.psa_settings import PsaSettings, SettingsInvalid, parse_settings
from storage.accounts import PsaConnection
from storage.store import Store

log = logging.getLogger("flowpilot.psa")

MakeClient = Callable[[Connection], Psa]
Mapped = tuple[UUID, int, str]
"""A User, and the number and the name of the Member he is."""


def zone_of(settings: dict[str, Any]) -> ZoneInfo:
    """The Account's time zone; UTC where none is set or the name is unknown."""
    try:
        return ZoneInfo(str(settings.get("time_zone") or "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def settings_of(stored: dict[str, Any]) -> PsaSettings:
    """The stored settings; the defaults where they cannot be read, and a line in the log."""
    try:
        return parse_settings(stored)
    except SettingsInvalid as invalid:
        log.warning("stored PSA settings are not valid: %s", invalid.field)
        return PsaSettings(auto_push="off")


class Doors:
    """Gives a PsaView per Account and connection. Clients are kept while their keys stay the same."""

    def __init__(self, store: Store, make_client: MakeClient, default_client_id: str = "") -> None:
        self._store = store
        self._make = make_client
        self._default_client_id = default_client_id
        self._clients: dict[UUID, tuple[str, Psa]] = {}

    async def open(self, account: UUID, connection_id: UUID | None) -> PsaView:
        async with self._store.transaction(account) as unit:
            found = await unit.accounts.connection(connection_id)
            zone = zone_of(await unit.accounts.settings())
            if found is None:
                return PsaView(None, PsaSettings(), {}, zone, None)
            members = await unit.accounts.members(found.id)
        return PsaView(found.id, settings_of(found.settings), members, zone, self.client(found))

    def client(self, known: PsaConnection) -> Psa:
        mark = hashlib.sha256(
            json.dumps([known.host, known.company, known.codebase, known.keys], sort_keys=True).encode()
        ).hexdigest()
        kept = self._clients.get(known.id)
        if kept is None or kept[0] != mark:
            kept = (mark, self._make(self._connection(known)))
            self._clients[known.id] = kept
        return kept[1]

    @asynccontextmanager
    async def trying(self, known: PsaConnection) -> AsyncIterator[Psa]:
        """A client for keys that may be wrong: it takes no other's place and is closed after."""
        client = self._make(self._connection(known))
        try:
            yield client
        finally:
            await _closed(client)

    def _connection(self, known: PsaConnection) -> Connection:
        return Connection(
            host=known.host,
            company=known.company,
            public_key=known.keys.get("public_key", ""),
            private_key=known.keys.get("private_key", ""),
            client_id=known.keys.get("client_id") or self._default_client_id,
            codebase=known.codebase,
        )

    async def close(self) -> None:
        for _, client in self._clients.values():
            await _closed(client)


async def _closed(client: Psa) -> None:
    close = getattr(client, "close", None)
    if close is not None:
        await close()


def keys_kind(connection: UUID) -> str:
    """The kind of draft that holds the new keys of a connection until they were checked."""
    return f"keys:{connection}"


PATIENCE = timedelta(minutes=5)
LONGEST_MAPPING = timedelta(days=1)


class Checking:
    """Performs CheckConnection and MapMember: try the keys, map Members by e-mail, say what was found."""

    def __init__(self, store: Store, doors: Doors) -> None:
        self._store = store
        self._doors = doors

    async def perform(self, row: OwedRow, lease: Lease, still_ours: StillOurs) -> Performed:
        match row.effect:
            case CheckConnection() as effect:
                return await self._check(effect, lease)
            case MapMember() as effect:
                return await self._map(effect, row, lease)
        raise TypeError(f"{type(row.effect).__name__} does not belong on the work lane")

    async def _map(self, effect: MapMember, row: OwedRow, lease: Lease) -> Performed:
        """One new person by his e-mail. While the PSA is away it is tried again, for a day."""
        async with self._store.transaction(lease.account) as unit:
            user, known = await unit.accounts.user(effect.user), await unit.accounts.connection()
            now = unit.now
        if user is None or not user.email or known is None or known.state != "connected":
            return Done()
        try:
            members = await self._doors.client(known).members()
        except PsaFailure:
            waits = now - row.created_at < LONGEST_MAPPING
            return Later(now + PATIENCE) if waits else Done()
        email = user.email.casefold()
        found = next((m for m in members if m.email and m.email.casefold() == email), None)

        async def save(unit: Any) -> None:
            if found is not None:
                await unit.accounts.map_member(known.id, user.id, found.id, found.name, "email")

        return Done((), save)

    async def _check(self, effect: CheckConnection, lease: Lease) -> Performed:
        async with self._store.transaction(lease.account) as unit:
            known = await unit.accounts.connection(effect.connection_id)
        if known is None:
            return Done()
        if effect.draft is not None:
            return await self._check_keys(effect, effect.draft, known, lease)
        state, problem, mapped = await self._try(self._doors.client(known), lease.account)

        shown = Show(to=effect.to, what=f"connection:{known.id}", place=effect.place, via=effect.via)

        async def save(unit: Any) -> None:
            await self._keep(unit, known.id, state, problem, mapped)
            await unit.outbox.owe(effect.to, (shown,))

        return Done((), save)

    async def _check_keys(
        self, effect: CheckConnection, draft: UUID, known: PsaConnection, lease: Lease
    ) -> Performed:
        """New keys for a connection that works: in use once they were accepted; else nothing of it changes."""
        kind = keys_kind(known.id)
        async with self._store.transaction(lease.account) as unit:
            keys = await unit.drafts.get(draft, effect.to)
            newer = keys is None and await unit.drafts.latest(effect.to, kind) is not None
        if newer:
            return Done()  # typed again since: the check of those reports
        state, problem, mapped = "failed", say("notice.keys_gone"), list[Mapped]()
        if keys is not None:
            async with self._doors.trying(replace(known, keys=keys)) as psa:
                state, problem, mapped = await self._try(psa, lease.account)

        async def save(unit: Any) -> None:
            what = f"keys_unused:{problem}"
            if keys is not None and state == "connected":
                used = await unit.accounts.connect(known.host, known.company, keys, known.codebase)
                await self._keep(unit, used, state, problem, mapped)
                what = f"connection:{used}"
            if await unit.drafts.get(draft, effect.to) is not None:
                await unit.drafts.drop(effect.to, kind)
            await unit.outbox.owe(
                effect.to, (Show(to=effect.to, what=what, place=effect.place, via=effect.via),)
            )

        return Done((), save)

    @staticmethod
    async def _keep(unit: Any, known: UUID, state: str, problem: str, mapped: list[Mapped]) -> None:
        now: datetime = unit.now
        await unit.accounts.change_connection(known, state=state, problem=problem, checked_at=now)
        for user_id, member_id, name in mapped:
            await unit.accounts.map_member(known, user_id, member_id, name, "email")

    async def _try(self, psa: Psa, account: UUID) -> tuple[str, str, list[Mapped]]:
        try:
            await psa.check()
            members = await psa.members()
        except PsaFailure as failure:
            return "failed", failure.sentence, []
        by_email = {m.email.casefold(): m for m in members if m.email}
        async with self._store.transaction(account) as unit:
            users = await unit.accounts.users()
        mapped = [
            (user.id, by_email[user.email.casefold()].id, by_email[user.email.casefold()].name)
            for user in users
            if user.email and user.email.casefold() in by_email
        ]
        return "connected", "", mapped
