"""Where each platform shows things: one voice per platform. The console's cards are followed from the database."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from bot import console_door
from bot.card import Card
from engine.session import Session
from storage.places import Place
from storage.store import Unit


class Voice(Protocol):
    """Finds Places and shows cards there."""

    async def direct(self, unit: Unit, user: UUID) -> Place | None:
        """Where this person is told what concerns only him; None where he is not known on this platform."""

    async def thread(self, unit: Unit, session: Session) -> Place | None:
        """Opens the place for a Session that has none yet."""

    async def channel(self, unit: Unit) -> Place | None:
        """The escalation channel of the Account."""

    async def show(self, place: Place, key: str, card: Card, ref: str | None) -> str | None:
        """Post the card, or edit the one posted as `ref`; gives what to edit it by."""


class ConsoleVoice:
    """Nothing to send: storing the card is showing it."""

    async def direct(self, unit: Unit, user: UUID) -> Place | None:
        known = await unit.accounts.identities_of(user)
        if not any(platform == "console" for platform, _, _ in known):
            return None
        return await console_door.home(unit, user)

    async def thread(self, unit: Unit, session: Session) -> Place | None:
        return await console_door.thread(unit, session.id)

    async def channel(self, unit: Unit) -> Place | None:
        return await console_door.escalations(unit)

    async def show(self, place: Place, key: str, card: Card, ref: str | None) -> str | None:
        return None
