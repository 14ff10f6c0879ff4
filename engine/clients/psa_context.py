"""Reads a ticket with its context: the ticket itself is required, every other part may be missing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import quote

from engine.clients import psa_rows as read
from engine.clients.conditions import all_of, equals, since
from engine.clients.psa_bodies import tickets_path
from engine.clients.psa_wire import Wire
from engine.psa import (
    Configuration,
    Connection,
    Contact,
    PsaBroken,
    PsaFailure,
    PsaNotFound,
    PsaRefused,
    RecentTicket,
    Ticket,
    TicketNote,
)

log = logging.getLogger("flowpilot.connectwise")
T = TypeVar("T")
RECENT_DAYS = 14
_MOST_RECENT = 10
_MOST_RESOLUTIONS = 3


async def tickets(wire: Wire, conditions: str, size: int, fields: str) -> list[read.Row]:
    """Service tickets that fit, the last touched first."""
    asked: dict[str, str | int] = {"conditions": conditions, "orderBy": "lastUpdated desc"}
    asked |= {"fields": fields, "pageSize": size}
    return read.rows(await wire.search("/service/tickets", asked))


EARLIEST = datetime.min.replace(tzinfo=UTC)


class TicketReader:
    """`now` gives aware moments; the recent tickets of a contact are bounded by it."""

    def __init__(self, wire: Wire, connection: Connection, now: Callable[[], datetime]) -> None:
        self._wire = wire
        self._connection = connection
        self._now = now
        self._all_notes = True

    async def ticket(self, ticket_id: int) -> Ticket:
        given = await self._main(ticket_id)
        ticket = read.ticket_of(given, ticket_id, self._link(ticket_id))
        parts = _Parts(self._wire.until())
        notes, description, configurations, contact, recent = await asyncio.gather(
            parts.take("notes", self.notes(ticket_id, ticket.record_type), ()),
            parts.take("description", self._description(ticket), None),
            parts.take("configurations", self._configurations(ticket), ()),
            parts.take("contact", self._contact(ticket.contact), ticket.contact),
            parts.take("recent", self._recent(ticket), ()),
        )
        return replace(
            ticket,
            notes=notes,
            description=description,
            configurations=configurations,
            contact=contact,
            recent=recent,
            missing=tuple(sorted(parts.missing)),
        )

    async def _main(self, ticket_id: int) -> read.Row:
        for path in ("/service/tickets", "/project/tickets"):
            try:
                given = read.row(await self._wire.read(path + "/{id}", id=ticket_id))
            except PsaNotFound:
                continue
            if read.whole(given.get("id")) != ticket_id:
                raise PsaBroken("ConnectWise answered with another ticket.")
            return given
        raise PsaNotFound(f"ConnectWise has no ticket #{ticket_id}.", status=404)

    async def _description(self, ticket: Ticket) -> str | None:
        """Kept by ConnectWise as the first discussion note; the ticket's own field is often left out."""
        if ticket.description:
            return ticket.description
        path = tickets_path(ticket.record_type) + "/{parentId}/notes"
        asked: dict[str, str | int] = {"conditions": equals("detailDescriptionFlag", True)}
        asked |= {"orderBy": "id", "pageSize": 1}
        found = read.rows(await self._wire.read(path, asked, parentId=ticket.id))
        return read.text(found[0].get("text")) if found else None

    async def _configurations(self, ticket: Ticket) -> tuple[Configuration, ...]:
        if tickets_path(ticket.record_type) != "/service/tickets":
            return ()
        path = "/service/tickets/{parentId}/configurations"
        listed = read.rows(await self._wire.read(path, {"pageSize": 5}, parentId=ticket.id))
        found = await asyncio.gather(*(self._configuration(each) for each in listed))
        return tuple(each for each in found if each is not None)

    async def _configuration(self, listed: read.Row) -> Configuration | None:
        number = read.whole(listed.get("id"))
        if number is None:
            return None
        try:
            given = read.row(await self._wire.read("/company/configurations/{id}", id=number))
        except PsaFailure:
            # The list already gives a name, which is better than nothing.
            given = read.EMPTY
        return read.configuration_of(given, listed)

    async def _contact(self, contact: Contact | None) -> Contact | None:
        if contact is None or contact.id is None or (contact.phone and contact.email):
            return contact
        given = read.row(await self._wire.read("/company/contacts/{id}", id=contact.id))
        phone, email = read.reached_by(given)
        return replace(contact, phone=contact.phone or phone, email=contact.email or email)

    async def _recent(self, ticket: Ticket) -> tuple[RecentTicket, ...]:
        if ticket.contact is None or ticket.contact.id is None:
            return ()
        moment = self._now() - timedelta(days=RECENT_DAYS)
        mine = all_of((equals("contact/id", ticket.contact.id), since("lastUpdated", moment)))
        listed = await tickets(self._wire, mine, _MOST_RECENT + 1, read.RECENT_FIELDS)
        others = [each for each in listed if read.whole(each.get("id")) not in (None, ticket.id)][
            :_MOST_RECENT
        ]
        lines = await asyncio.gather(*(self._resolution_line(each) for each in others[:_MOST_RESOLUTIONS]))
        lines += [None] * (len(others) - len(lines))
        found = (read.recent_of(each, line) for each, line in zip(others, lines, strict=True))
        return tuple(each for each in found if each is not None)

    async def _resolution_line(self, given: read.Row) -> str | None:
        number = read.whole(given.get("id"))
        if given.get("closedFlag") is not True or number is None:
            return None
        asked: dict[str, str | int] = {"conditions": equals("resolutionFlag", True)}
        asked |= {"orderBy": "id desc", "pageSize": 1}
        try:
            found = read.rows(
                await self._wire.read("/service/tickets/{parentId}/notes", asked, parentId=number)
            )
        except PsaFailure:
            return None
        said = read.text(found[0].get("text")) if found else None
        return said.splitlines()[0][:200] if said else None

    async def notes(
        self, ticket_id: int, record_type: str = "ServiceTicket", limit: int = 10
    ) -> tuple[TicketNote, ...]:
        given = await self._note_rows(ticket_id, tickets_path(record_type), limit)
        found = [note for each in given if (note := read.note_of(each)) is not None]
        if all(note.at is not None for note in found):
            found.sort(key=lambda note: (note.at or EARLIEST, note.id), reverse=True)
        return tuple(found[:limit])

    async def _note_rows(self, ticket_id: int, path: str, limit: int) -> list[read.Row]:
        if self._all_notes:
            # sortByDate is seen in public clients only. Where it is refused, plain notes must do; where it
            # is ignored, the oldest come first, so more are read than wanted and sorted here.
            asked: dict[str, str | int] = {"orderBy": "_info/sortByDate desc", "pageSize": max(limit, 100)}
            try:
                return read.rows(
                    await self._wire.read(path + "/{parentId}/allNotes", asked, parentId=ticket_id)
                )
            except (PsaNotFound, PsaRefused):
                pass
        asked = {"orderBy": "id desc", "pageSize": limit}
        found = read.rows(await self._wire.read(path + "/{parentId}/notes", asked, parentId=ticket_id))
        self._all_notes = False
        return found

    def _link(self, ticket_id: int) -> str:
        """Where people open the ticket: the cloud's pages live on the host without `api-`."""
        host = self._connection.host.strip().removeprefix("https://").rstrip("/")
        site = host if host.startswith("http://") else "https://" + host.removeprefix("api-")
        company = quote(self._connection.company, safe="")
        page = "v4_6_release/services/system_io/Service/fv_sr100_request.rails"
        return f"{site}/{page}?service_recid={ticket_id}&companyName={company}"


class _Parts:
    """Takes optional parts until a time on the loop; what fails or comes too late is named instead."""

    def __init__(self, until: float) -> None:
        self._until = until
        self.missing: list[str] = []

    async def take(self, name: str, asked: Awaitable[T], otherwise: T) -> T:
        try:
            async with asyncio.timeout_at(self._until):
                return await asked
        except (PsaFailure, TimeoutError) as failure:
            log.info("a ticket without its %s: %s", name, type(failure).__name__)
            self.missing.append(name)
            return otherwise
