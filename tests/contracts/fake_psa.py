"""A small PSA in dictionaries: the port `Psa` without HTTP, with failures on demand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from engine.psa import (
    Board,
    BoardStatus,
    Member,
    NoteWrite,
    OwnerWrite,
    PsaFailure,
    PsaNotFound,
    PsaRefused,
    Ref,
    StatusWrite,
    Ticket,
    TicketHit,
    TicketNote,
    TimeWrite,
    carries,
    with_marker,
)

T = TypeVar("T")
FAR = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Fault:
    method: str
    failure: PsaFailure
    stored: bool
    times: int


class FakePsa:
    """Remembers what is written; `fail` makes a method's next call fail, before or after it was stored."""

    def __init__(
        self,
        tickets: tuple[Ticket, ...] = (),
        members: tuple[Member, ...] = (),
        boards: tuple[Board, ...] = (),
        statuses: tuple[BoardStatus, ...] = (),
    ) -> None:
        self.tickets = {each.id: each for each in tickets}
        self.people = {each.id: each for each in members}
        self.all_boards = boards
        self.all_statuses = statuses
        self.saved_notes: dict[int, NoteWrite] = {}
        self.saved_times: dict[int, TimeWrite] = {}
        self._faults: deque[_Fault] = deque()
        self._last_id = 90_000

    def fail(self, method: str, failure: PsaFailure, *, stored: bool = False, times: int = 1) -> None:
        """`method` is a method's name or `*`; `stored` lets the write happen first."""
        self._faults.append(_Fault(method, failure, stored, times))

    # ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────

    async def ticket(self, ticket_id: int) -> Ticket:
        return self._do("ticket", lambda: self._with_notes(self._ticket(ticket_id)))

    async def notes(
        self, ticket_id: int, record_type: str = "ServiceTicket", limit: int = 10
    ) -> tuple[TicketNote, ...]:
        return self._do("notes", lambda: self._with_notes(self._ticket(ticket_id)).notes[:limit])

    async def search(
        self, text: str, *, member_id: int | None = None, limit: int = 10
    ) -> tuple[TicketHit, ...]:
        return self._do("search", lambda: self._search(text, member_id, limit))

    async def my_open(self, member_id: int, limit: int = 10) -> tuple[TicketHit, ...]:
        def mine() -> tuple[TicketHit, ...]:
            owned = [each for each in self.tickets.values() if _owned_by(each, member_id) and not each.closed]
            return tuple(sorted(map(_hit, owned), key=lambda hit: (hit.goal or FAR, hit.id))[:limit])

        return self._do("my_open", mine)

    async def members(self) -> tuple[Member, ...]:
        everybody = self.people.values()
        return self._do(
            "members", lambda: tuple(each for each in everybody if each.active and each.license_class != "A")
        )

    async def boards(self) -> tuple[Board, ...]:
        return self._do("boards", lambda: tuple(each for each in self.all_boards if not each.inactive))

    async def statuses(self, board_id: int) -> tuple[BoardStatus, ...]:
        of_board = (each for each in self.all_statuses if each.board_id == board_id)
        return self._do("statuses", lambda: tuple(each for each in of_board if not each.inactive))

    async def check(self) -> str:
        return self._do("check", lambda: "Connected to practice.")

    # ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────

    async def find_note(self, write: NoteWrite) -> int | None:
        def found() -> int | None:
            here = {
                number: each for number, each in self.saved_notes.items() if each.ticket_id == write.ticket_id
            }
            return next((number for number, each in here.items() if carries(each.text, write.marker)), None)

        return self._do("find_note", found)

    async def find_time(self, write: TimeWrite) -> int | None:
        def found() -> int | None:
            here = {
                number: each for number, each in self.saved_times.items() if each.ticket_id == write.ticket_id
            }
            carried = (number for number, each in here.items() if carries(each.internal_notes, write.marker))
            return next(carried, None)

        return self._do("find_time", found)

    async def add_note(self, write: NoteWrite, *, deadline: float | None = None) -> int:
        def save() -> int:
            self._ticket(write.ticket_id)
            number = self._next_id()
            self.saved_notes[number] = replace(write, text=with_marker(write.text, write.marker))
            return number

        return self._do("add_note", save)

    async def add_time(self, write: TimeWrite, *, deadline: float | None = None) -> int:
        def save() -> int:
            status = self._status_of(self._ticket(write.ticket_id))
            if status is not None and status.time_entry_not_allowed:
                raise PsaRefused(f"Time entry is not allowed on tickets in the status {status.name}.")
            number = self._next_id()
            text = with_marker(write.internal_notes, write.marker)
            self.saved_times[number] = replace(write, internal_notes=text)
            return number

        return self._do("add_time", save)

    async def set_status(self, write: StatusWrite, *, deadline: float | None = None) -> str:
        def save() -> str:
            ticket = self._ticket(write.ticket_id)
            board = ticket.board.id if ticket.board else 0
            status = next(
                (
                    s
                    for s in self.all_statuses
                    if s.id == write.status_id and s.board_id == board and not s.inactive
                ),
                None,
            )
            if status is None:
                raise PsaRefused(f"Service Status {write.status_id} not found for Service Board {board}")
            changed = replace(ticket, status=Ref(status.id, status.name), closed=status.closed)
            self.tickets[ticket.id] = changed
            return status.name

        return self._do("set_status", save)

    async def set_owner(self, write: OwnerWrite, *, deadline: float | None = None) -> None:
        def save() -> None:
            ticket, member = self._ticket(write.ticket_id), self.people.get(write.member_id)
            if member is None or not member.active:
                raise PsaRefused("The member is inactive.")
            self.tickets[ticket.id] = replace(ticket, owner=Ref(member.id, member.name))

        self._do("set_owner", save)

    # ── Inside ──────────────────────────────────────────────────────────────────────────────────────────────

    def _do(self, method: str, act: Callable[[], T]) -> T:
        fault = next((each for each in self._faults if each.method in (method, "*")), None)
        if fault is None:
            return act()
        fault.times -= 1
        if fault.times <= 0:
            self._faults.remove(fault)
        if fault.stored:
            act()
        raise fault.failure

    def _ticket(self, ticket_id: int) -> Ticket:
        if ticket_id not in self.tickets:
            raise PsaNotFound(f"ConnectWise has no ticket #{ticket_id}.")
        return self.tickets[ticket_id]

    def _with_notes(self, ticket: Ticket) -> Ticket:
        added = tuple(
            TicketNote(number, each.text, member_id=each.member_id, visibility=each.visibility)
            for number, each in reversed(self.saved_notes.items())
            if each.ticket_id == ticket.id
        )
        return replace(ticket, notes=(added + ticket.notes)[:10])

    def _search(self, text: str, member_id: int | None, limit: int) -> tuple[TicketHit, ...]:
        typed = text.strip().removeprefix("#")
        if typed.isdigit():
            found = self.tickets.get(int(typed))
            return (_hit(found),) if found else ()
        words = ["".join(filter(str.isalnum, word)).casefold() for word in typed.split()]
        hits = []
        for each in self.tickets.values():
            about = (
                f"{each.summary} {each.company and each.company.name} {each.contact and each.contact.name}"
            )
            fits = any(words) and all(word in about.casefold() for word in words)
            if fits and not each.closed and (member_id is None or _owned_by(each, member_id)):
                hits.append(_hit(each))
        return tuple(hits[:limit])

    def _status_of(self, ticket: Ticket) -> BoardStatus | None:
        return next(
            (each for each in self.all_statuses if ticket.status and each.id == ticket.status.id), None
        )

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id


def _owned_by(ticket: Ticket, member_id: int) -> bool:
    return ticket.owner is not None and ticket.owner.id == member_id


def _hit(ticket: Ticket) -> TicketHit:
    return TicketHit(
        ticket.id,
        ticket.summary,
        company=ticket.company.name if ticket.company else None,
        contact=ticket.contact.name if ticket.contact else None,
        status=ticket.status.name if ticket.status else None,
        owner=ticket.owner.name if ticket.owner else None,
        closed=ticket.closed,
        goal=ticket.sla.goal if ticket.sla else None,
    )
