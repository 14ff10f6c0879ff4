"""Understands what came in: who it is from, which Session it belongs to, and what it asks for."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from bot import console_door, saying, verbs
from bot.inbound import Inbound, read_console
from engine.effects import Show
from engine.ports import Act, Received
from engine.session import Session
from storage.places import Place
from storage.store import Unit
from storage.vault import Vault


class Front:
    """Reads every platform's payloads. What nobody is known for is dropped without an answer."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def understand(self, received: Received, unit: Unit) -> Sequence[Act]:
        inbound = await self._inbound(received, unit)
        if inbound is None:
            return ()
        if inbound.kind == "say":
            return await saying.acts(inbound)
        return await verbs.acts(inbound)

    async def apologise(self, received: Received, unit: Unit, error_id: str) -> Sequence[Act]:
        """Tell the person that his words could not be worked on, if he can be made out."""
        try:
            inbound = await self._inbound(received, unit)
        except ValueError:
            return ()
        if inbound is None:
            return ()
        shown = Show(to=inbound.person.id, what=f"error:{error_id}", place=inbound.place.id)
        return (Act(inbound.person.id, effects=(shown,)),)

    async def _inbound(self, received: Received, unit: Unit) -> Inbound | None:
        if received.platform != "console":
            raise ValueError(f"nobody reads {received.platform}")
        word = read_console(received.payload)
        known = await unit.identity("console", "console", word.external_id)
        if known is None:
            return None
        account, user_id = known
        await unit.enter(account)
        user = await unit.accounts.user(user_id)
        if user is None or not user.active:
            return None
        place = await self._place(unit, user_id, word.place)
        session = await self._session(unit, place, word.args.get("session"))
        return Inbound(
            unit,
            user.person,
            place,
            word.kind,
            word.text,
            word.verb,
            word.args,
            word.fields,
            word.files,
            session,
        )

    async def _place(self, unit: Unit, user: UUID, wanted: UUID | None) -> Place:
        """The Place he spoke in; his own one where none is named or it is not one of the Account's."""
        found = await unit.places.get(wanted) if wanted else None
        own = await console_door.home(unit, user)
        if found is None or (found.kind == "direct" and found.id != own.id):
            return own
        return found

    async def _session(self, unit: Unit, place: Place, named: str | None) -> Session | None:
        """The Session a button names, or the one that lives in the Place; locked until the row is done."""
        try:
            wanted = UUID(named) if named else place.session_id
        except ValueError:
            return None
        return await unit.sessions.get(wanted, lock=True) if wanted else None
