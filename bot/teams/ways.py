"""Finds how a Place in Teams is reached, and opens the personal chat with somebody who has never written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from bot.teams import addresses, reach
from bot.teams.port import Connector, ConversationKind, Reference
from storage.places import Place
from storage.references import Stored
from storage.store import Store, Unit

_OF_CHANNELS = "@thread.tacv2"


class NotThere(Exception):
    """The tenant belongs to no Account any more, or nothing of it is known to us."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.log_safe = why


class Ways:
    """Reads anew each time: an address may change with every message that comes."""

    def __init__(self, store: Store, connector: Connector) -> None:
        self._store = store
        self._connector = connector

    @asynccontextmanager
    async def within(self, tenant: str) -> AsyncIterator[Unit]:
        """A transaction of the Account this tenant belongs to. Raises NotThere."""
        async with self._store.transaction() as unit:
            found = await unit.workspace(addresses.PLATFORM, tenant)
            if found is None or found.account_id is None or found.state != "installed":
                raise NotThere("the tenant is not connected")
            await unit.enter(found.account_id)
            yield unit

    async def to(self, place: Place) -> Reference:
        """Raises NotThere, and Refused and Away where a personal chat has to be opened."""
        person = addresses.person_of(place.channel)
        async with self.within(place.workspace) as unit:
            stored = await _stored(unit, place, person)
            like = stored or await unit.references.latest(place.workspace)
        if like is None:
            raise NotThere("no conversation of the tenant is known")
        if stored is not None:
            return reach.reference(stored)
        if person:
            return await self._chat(reach.reference(like), person)
        return _alike(reach.reference(like), place.channel)

    async def _chat(self, like: Reference, person: str) -> Reference:
        chat = await self._connector.open_chat(like, person)
        async with self.within(like.tenant) as unit:
            await unit.references.keep(like.tenant, chat.conversation, "personal", chat.raw, person=person)
        return chat


async def _stored(unit: Unit, place: Place, person: str) -> Stored | None:
    if person:
        return await unit.references.personal(place.workspace, person)
    return await unit.references.get(place.workspace, place.channel)


def _alike(like: Reference, conversation: str) -> Reference:
    """A channel nobody has written in yet, such as one chosen for requests for help: all of a tenant are reached alike."""
    kind: ConversationKind = "channel" if conversation.endswith(_OF_CHANNELS) else "group"
    raw = {**like.raw, "conversation": {"id": conversation}}
    return replace(
        like, conversation=conversation, kind=kind, raw=raw, person="", team="", name="", hears=False
    )
