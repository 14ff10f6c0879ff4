"""ConnectWise PSA as `Psa`: which requests answer each question and carry out each write.

Nothing was tried against a live tenant. Where public material leaves a doubt, the reply is checked or a
second way is tried, and the line says so. psa_wire does deadline, rate, size and errors.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Collection
from datetime import UTC, datetime

from engine.clients import psa_rows as read
from engine.clients.conditions import all_of, any_of, contains, equals, is_word, plain_text, words_of
from engine.clients.psa_bodies import (
    NO_PLACE,
    booked_for_another,
    charge_to_type,
    may_hide_the_mark,
    note_body,
    note_id,
    replace_reference,
    tickets_path,
    time_body,
    time_id,
)
from engine.clients.psa_context import TicketReader, tickets
from engine.clients.psa_wire import MAX_BYTES, SYSTEM, Limiter, OpenSession, Wire, open_session
from engine.psa import (
    Board,
    BoardStatus,
    Connection,
    Member,
    NoteWrite,
    OwnerWrite,
    PsaBroken,
    PsaFailure,
    PsaForbidden,
    PsaNotFound,
    PsaRefused,
    StatusWrite,
    Ticket,
    TicketHit,
    TicketNote,
    TimeWrite,
    carries,
)

log = logging.getLogger("flowpilot.connectwise")
PAGE = 250
# Looking for a marker stops here and says "cannot tell" rather than "absent".
MAX_PAGES = 8
_MOST_OPEN = 200


class ConnectWise:
    """One tenant. `limiter` is shared by all processes; `deadline` is seconds for a request or a write."""

    def __init__(
        self,
        connection: Connection,
        limiter: Limiter,
        *,
        open_session: OpenSession = open_session,
        allow_hosts: Collection[str] = (),
        deadline: float = 30.0,
        max_bytes: int = MAX_BYTES,
        note_limit: int = 30_000,
        now: Callable[[], datetime],
    ) -> None:
        self._connection = connection
        self._wire = Wire(
            connection,
            limiter,
            open_session=open_session,
            allow_hosts=allow_hosts,
            deadline=deadline,
            max_bytes=max_bytes,
        )
        self._note_limit = note_limit
        self._context = TicketReader(self._wire, connection, now)

    async def close(self) -> None:
        await self._wire.close()

    # ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────

    async def ticket(self, ticket_id: int) -> Ticket:
        return await self._context.ticket(ticket_id)

    async def notes(
        self, ticket_id: int, record_type: str = "ServiceTicket", limit: int = 10
    ) -> tuple[TicketNote, ...]:
        return await self._context.notes(ticket_id, record_type, limit)

    async def search(
        self, text: str, *, member_id: int | None = None, limit: int = 10
    ) -> tuple[TicketHit, ...]:
        typed = text.strip().removeprefix("#").strip()
        if typed.isascii() and typed.isdigit() and len(typed) <= 10:
            return self._hits(await tickets(self._wire, equals("id", int(typed)), 1, read.HIT_FIELDS), 1)
        words = words_of(typed)
        if not words:
            return ()
        parts = [equals("closedFlag", False)]
        parts += [equals("owner/id", member_id)] if member_id is not None else []
        for word in words:
            parts.append(any_of(contains(each, word) for each in ("summary", "company/name", "contact/name")))
        return self._hits(await tickets(self._wire, all_of(parts), limit, read.HIT_FIELDS), limit)

    async def my_open(self, member_id: int, limit: int = 10) -> tuple[TicketHit, ...]:
        owned = equals("owner/id", member_id)
        identifier = await self._identifier(member_id)
        mine = any_of((owned, contains("resources", identifier))) if identifier else owned
        is_open = equals("closedFlag", False)
        try:
            found = await tickets(self._wire, all_of((is_open, mine)), _MOST_OPEN, read.HIT_FIELDS)
        except PsaRefused:
            # Whether `resources` may be asked about is not documented; owning is.
            found, identifier = (
                await tickets(self._wire, all_of((is_open, owned)), _MOST_OPEN, read.HIT_FIELDS),
                "",
            )
        hits = self._hits([each for each in found if _is_of(each, member_id, identifier)], len(found))
        far = datetime.max.replace(tzinfo=UTC)
        return tuple(sorted(hits, key=lambda hit: (hit.goal or far, hit.id))[:limit])

    async def _identifier(self, member_id: int) -> str:
        try:
            given = await self._wire.read("/system/members/{id}", {"fields": "id,identifier"}, id=member_id)
        except (PsaForbidden, PsaNotFound):
            return ""
        return plain_text(read.text(read.row(given).get("identifier")) or "")

    @staticmethod
    def _hits(given: list[read.Row], limit: int) -> tuple[TicketHit, ...]:
        return tuple(hit for each in given[:limit] if (hit := read.hit_of(each)) is not None)

    async def members(self) -> tuple[Member, ...]:
        asked = {"conditions": equals("inactiveFlag", False), "fields": read.MEMBER_FIELDS, "orderBy": "id"}
        found = [read.member_of(each) for each in await self._all("/system/members", asked)]
        return tuple(each for each in found if each and each.active and each.license_class != "A")

    async def boards(self) -> tuple[Board, ...]:
        asked = {"conditions": equals("inactiveFlag", False), "orderBy": "id"}
        found = [read.board_of(each) for each in await self._all("/service/boards", asked)]
        return tuple(each for each in found if each and not each.inactive)

    async def statuses(self, board_id: int) -> tuple[BoardStatus, ...]:
        given = await self._all("/service/boards/{parentId}/statuses", {"orderBy": "id"}, parentId=board_id)
        given.sort(key=lambda each: (read.whole(each.get("sortOrder")) or 0, read.whole(each.get("id")) or 0))
        found = [read.status_of(each, board_id) for each in given]
        return tuple(each for each in found if each and not each.inactive)

    async def _all(self, template: str, asked: dict[str, str], **ids: int) -> list[read.Row]:
        return [each async for page in self._pages(template, asked, **ids) for each in page]

    async def _pages(self, template: str, asked: dict[str, str], **ids: int) -> AsyncIterator[list[read.Row]]:
        """Page after page; PsaBroken when they do not end: a part must not pass for the whole."""
        for page in range(1, MAX_PAGES + 1):
            given = await self._wire.read(template, {**asked, "page": page, "pageSize": PAGE}, **ids)
            if not isinstance(given, list):
                raise PsaBroken("ConnectWise sent something else than a list.")
            yield read.rows(given)
            if len(given) < PAGE:
                return
        raise PsaBroken("The list in ConnectWise is too long to read to its end.", retryable=False)

    # ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────

    async def find_note(self, write: NoteWrite) -> int | None:
        path = tickets_path(write.record_type) + "/{parentId}/notes"
        async for page in self._pages(path, {"orderBy": "id desc"}, parentId=write.ticket_id):
            for each in page:
                if carries(read.text(each.get("text")) or "", write.marker):
                    return read.whole(each.get("id"))
        return None

    async def find_time(self, write: TimeWrite) -> int | None:
        charged = (
            equals("chargeToId", write.ticket_id),
            is_word("chargeToType", charge_to_type(write.record_type)),
        )
        asked = {"conditions": all_of(charged), "orderBy": "id desc"}
        hidden = False
        async for page in self._pages("/time/entries", asked):
            for each in page:
                if carries(read.text(each.get("internalNotes")) or "", write.marker):
                    booked_for_another(each, write)
                    return read.whole(each.get("id"))
                hidden = hidden or may_hide_the_mark(each, write)
        if hidden:
            raise PsaBroken(
                "An entry starts at the same time, and its internal notes cannot be read.", retryable=False
            )
        return None

    async def add_note(self, write: NoteWrite, *, deadline: float | None = None) -> int:
        path, until = tickets_path(write.record_type) + "/{parentId}/notes", self._wire.until(deadline)
        body = note_body(write, self._note_limit)
        answer = await self._wire.write("POST", path, body, until, parentId=write.ticket_id)
        author = read.whole(read.row(read.row(answer).get("member")).get("id"))
        if write.member_id is not None and author not in (None, write.member_id):
            log.warning("the note was saved in the name of member %s, not %s", author, write.member_id)
        return note_id(answer, write)

    async def add_time(self, write: TimeWrite, *, deadline: float | None = None) -> int:
        until = self._wire.until(deadline)
        body = time_body(write, self._note_limit, show_on=write.show_on)
        try:
            answer = await self._wire.write("POST", "/time/entries", body, until)
        except PsaRefused as refused:
            if write.show_on != "nowhere" or NO_PLACE not in refused.sentence:
                raise
            # Some tenants want a place for every text. It was surely refused, so this is no repeat, and no
            # client reads internal texts.
            body = time_body(write, self._note_limit, show_on="internal")
            answer = await self._wire.write("POST", "/time/entries", body, until)
        return time_id(answer, write)

    async def set_status(self, write: StatusWrite, *, deadline: float | None = None) -> str:
        kept = await self._set(write.ticket_id, write.record_type, "status", write.status_id, deadline)
        return read.name_of(kept) or f"status {write.status_id}"

    async def set_owner(self, write: OwnerWrite, *, deadline: float | None = None) -> None:
        await self._set(write.ticket_id, write.record_type, "owner", write.member_id, deadline)

    async def _set(
        self, ticket_id: int, record_type: str, field: str, wanted: int, deadline: float | None
    ) -> read.Row:
        """PATCH, compare, read again, compare: a 200 alone proves nothing. Repeating it does no harm."""
        path, until = tickets_path(record_type) + "/{id}", self._wire.until(deadline)
        answer = await self._wire.write("PATCH", path, replace_reference(field, wanted), until, id=ticket_id)
        told = read.row(read.row(answer).get(field))
        try:
            again = await self._wire.read(path, {"fields": f"id,{field}"}, until=until, id=ticket_id)
        except PsaFailure as failure:
            failure.outcome = "unknown"
            raise
        kept = read.row(read.row(again).get(field))
        for given in (kept, told or kept):
            if read.whole(given.get("id")) != wanted:
                now = read.name_of(kept)
                still = f' It is still "{now}".' if now else ""
                raise PsaRefused(f"ConnectWise accepted the new {field} and did not keep it.{still}")
        return kept

    # ── The connection itself ───────────────────────────────────────────────────────────────────────────────

    async def check(self) -> str:
        codebase = await self._wire.codebase(self._wire.until())
        lacking: list[str] = []
        release = codebase.strip("/")
        try:
            release = read.text(read.row(await self._wire.read(SYSTEM)).get("version")) or release
        except PsaForbidden as failure:
            lacking.append(failure.right or SYSTEM)
        for path in ("/service/tickets", "/service/boards", "/system/members", "/time/entries"):
            try:
                await self._wire.read(path, {"pageSize": 1, "fields": "id"})
            except PsaForbidden as failure:
                lacking.append(failure.right or path)
        found = f"Connected to {self._connection.company} at {self._connection.host}, ConnectWise {release}."
        return f"{found} The API member's role still needs: {'; '.join(lacking)}." if lacking else found


def _is_of(given: read.Row, member_id: int, identifier: str) -> bool:
    """`resources` is a list in a text, so `contains` also finds longer names."""
    if read.whole(read.row(given.get("owner")).get("id")) == member_id:
        return True
    listed = (read.text(given.get("resources")) or "").replace(";", ",").casefold().split(",")
    return bool(identifier) and identifier.casefold() in (each.strip() for each in listed)
