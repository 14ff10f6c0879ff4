"""The offline guide at work: an Account's library, the best matches for everything said so far, the next Step."""

from __future__ import annotations

import asyncio
from uuid import UUID

from engine import offline
from engine.events import GuideReply
from engine.history import History
from engine.psa import Ticket
from storage.library import Libraries, Library
from storage.store import Store


class OfflineGuide:
    """Works without any model. Matching and index building are CPU work and leave the loop."""

    def __init__(self, store: Store, libraries: Libraries) -> None:
        self._store = store
        self._libraries = libraries

    async def library(self, account: UUID) -> Library:
        async with self._store.transaction(account) as unit:
            own = await unit.trees.texts()
        return await asyncio.to_thread(self._libraries.of, str(account), own)

    async def reply(self, history: History, ticket: Ticket | None) -> GuideReply:
        library = await self.library(history.session.account_id)
        said = offline.said_so_far(history, ticket)
        matches = await asyncio.to_thread(library.match, said)
        return offline.propose(history, library.flows, matches, ticket)
