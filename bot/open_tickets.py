"""A person's open tickets by SLA, read within five seconds, or the sentence that says why there are none to show."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from bot.psa_door import Doors
from bot.words import say
from engine.psa import PsaFailure, TicketHit

SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class OpenTickets:
    """`problem` is a sentence, empty where the tickets could be read; `connected`: there is a PSA to search."""

    hits: tuple[TicketHit, ...]
    connected: bool
    problem: str
    zone: ZoneInfo


async def open_tickets(
    doors: Doors, account: UUID, user: UUID, *, connection: UUID | None = None, seconds: float = SECONDS
) -> OpenTickets:
    """None of it is waited for longer than `seconds`."""
    door = await doors.open(account, connection)
    if door.psa is None:
        return OpenTickets((), False, say("notice.no_connection"), door.zone)
    member = door.members.get(user)
    if member is None:
        return OpenTickets((), True, say("notice.unmapped_tickets"), door.zone)
    try:
        async with asyncio.timeout(seconds):
            return OpenTickets(await door.psa.my_open(member[0]), True, "", door.zone)
    except PsaFailure as failure:
        return OpenTickets((), True, failure.sentence, door.zone)
    except TimeoutError:
        return OpenTickets((), True, say("notice.tickets_slow"), door.zone)
