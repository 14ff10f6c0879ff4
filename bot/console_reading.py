"""Understands what the console sent: whose token it is, where he spoke, and which Session it belongs to."""

from __future__ import annotations

from uuid import UUID

from bot import console_door
from bot.inbound import Inbound, read_console
from engine.ports import Received
from engine.session import Session
from storage.places import Place
from storage.store import Unit


class ConsoleReader:
    async def read(self, received: Received, unit: Unit) -> Inbound | None:
        """None for a token that nobody has any more. Raises ValueError for what the console cannot have sent."""
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
        session = await session_of(unit, place, word.args.get("session"))
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
            via="console",
            home=("console", "console", "sessions"),
        )

    async def fetch(self, received: Received, wanted: object) -> object:
        raise TypeError("the console brings everything with it")

    async def _place(self, unit: Unit, user: UUID, wanted: UUID | None) -> Place:
        """The Place he spoke in; his own one where none is named or it is not one of the Account's."""
        found = await unit.places.get(wanted) if wanted else None
        own = await console_door.home(unit, user)
        if found is None or (found.kind == "direct" and found.id != own.id):
            return own
        return found


async def session_of(unit: Unit, place: Place, named: str | None) -> Session | None:
    """The Session a button names, or the one that lives in the Place; locked until the row is done."""
    try:
        wanted = UUID(named) if named else place.session_id
    except ValueError:
        return None
    return await unit.sessions.get(wanted, lock=True) if wanted else None
