"""Where each platform shows things: one voice per platform. The console's cards are followed from the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from bot import console_door
from bot.card import Card
from engine.session import Session
from storage.places import Place
from storage.store import Unit

UNOPENED = "new:"
"""The thread of a Place begins so while its first message is not posted yet."""


@dataclass(frozen=True, slots=True)
class Posted:
    """How the platform knows the message. `place`: the Place with the address it has from now on; `link` leads there."""

    ref: str
    place: Place | None = None
    link: str = ""


class VoiceAway(Exception):
    """The platform does not answer, or asks for patience. `sure`: nothing was shown."""

    def __init__(self, seconds: float, why: str, *, sure: bool) -> None:
        super().__init__(why)
        self.seconds = seconds
        self.sure = sure
        self.log_safe = why


class PlaceClosed(Exception):
    """Nothing can be shown there any more; `key` is that of the sentence that says so."""

    def __init__(self, place: Place, why: str) -> None:
        super().__init__(why)
        self.place = place
        self.why = why
        self.key = f"closed.{place.kind}.{why}"
        self.log_safe = why


class Voice(Protocol):
    """Finds Places and shows cards there. What opens a transaction takes its Unit, what sends takes none.

    `inline_forms`: forms are filled in inside the card itself, so a card brings those of its buttons along.
    """

    inline_forms: bool

    async def direct(self, unit: Unit, user: UUID, prefer: str = "") -> Place | None:
        """Where this person is told what concerns only him, in the workspace `prefer` if he is known there; None where
        he is not known on this platform.
        """

    async def thread(self, unit: Unit, session: Session) -> Place | None:
        """Opens the place for a Session that has none yet."""

    async def channel(self, unit: Unit) -> Place | None:
        """The escalation channel of the Account."""

    async def show(
        self, place: Place, key: str, card: Card, ref: str | None, *, again: bool
    ) -> Posted | None:
        """Post the card, or edit the one posted as `ref`. `again`: it may have been posted before, so look first.

        Raises VoiceAway and PlaceClosed.
        """

    async def answer(self, account: UUID, to: UUID, way: str, card: Card) -> bool:
        """Show it to one person on the way he came; False where that way is closed. Raises VoiceAway."""

    async def home(self, account: UUID, to: UUID, way: str, cards: Sequence[Card]) -> None:
        """Draw a person's own page. Raises VoiceAway."""

    async def elsewhere(self, account: UUID, session: Session) -> Place | None:
        """A Place its owner sees, where he sees none of those the Session has. Raises VoiceAway."""

    async def opens(self, account: UUID, place: Place) -> bool:
        """Whether whoever reads the escalation channel can follow a link to this Place. Raises VoiceAway."""


class ConsoleVoice:
    """Nothing to send: storing the card is showing it."""

    inline_forms = False

    async def direct(self, unit: Unit, user: UUID, prefer: str = "") -> Place | None:
        known = await unit.accounts.identities_of(user)
        if not any(platform == "console" for platform, _, _ in known):
            return None
        return await console_door.home(unit, user)

    async def thread(self, unit: Unit, session: Session) -> Place | None:
        return await console_door.thread(unit, session.id)

    async def channel(self, unit: Unit) -> Place | None:
        return await console_door.escalations(unit)

    async def show(
        self, place: Place, key: str, card: Card, ref: str | None, *, again: bool
    ) -> Posted | None:
        return None

    async def answer(self, account: UUID, to: UUID, way: str, card: Card) -> bool:
        return False

    async def home(self, account: UUID, to: UUID, way: str, cards: Sequence[Card]) -> None:
        return None

    async def elsewhere(self, account: UUID, session: Session) -> Place | None:
        return None

    async def opens(self, account: UUID, place: Place) -> bool:
        return False
