"""The nouns of a PSA ticket, what we write to it, and the port `Psa`: what we ask of it."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, cast
from uuid import UUID

from pydantic import TypeAdapter

from engine.psa_failures import Outcome as Outcome
from engine.psa_failures import PsaBroken as PsaBroken
from engine.psa_failures import PsaBusy as PsaBusy
from engine.psa_failures import PsaFailure as PsaFailure
from engine.psa_failures import PsaForbidden as PsaForbidden
from engine.psa_failures import PsaKeysRefused as PsaKeysRefused
from engine.psa_failures import PsaNotFound as PsaNotFound
from engine.psa_failures import PsaRefused as PsaRefused
from engine.psa_failures import PsaUnreachable as PsaUnreachable
from engine.psa_failures import PsaWrongHost as PsaWrongHost
from engine.psa_settings import PsaSettings as PsaSettings
from engine.psa_settings import SettingsInvalid as SettingsInvalid
from engine.psa_settings import Visibility as Visibility
from engine.psa_settings import parse_settings as parse_settings

ShowOn = Literal["nowhere", "internal", "discussion", "resolution"]


# ── What a ticket is ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Ref:
    """A record named by another one, for example a board or a status."""

    id: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    id: int | None = None
    name: str = ""
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Sla:
    """The agreement and its goals; `text` is the PSA's own sentence, times are UTC."""

    name: str | None = None
    text: str | None = None
    within: bool | None = None
    respond_by: datetime | None = None
    resolve_by: datetime | None = None
    required: datetime | None = None

    @property
    def goal(self) -> datetime | None:
        """When the ticket should be solved: the agreement's goal, else the required date."""
        return self.resolve_by or self.required


@dataclass(frozen=True, slots=True)
class TicketNote:
    """`kind` is the PSA's own word: TicketNote, TimeEntryNote or MeetingNote."""

    id: int
    text: str
    author: str | None = None
    member_id: int | None = None
    at: datetime | None = None
    visibility: Visibility = "internal"
    kind: str = "TicketNote"


@dataclass(frozen=True, slots=True)
class Configuration:
    id: int
    name: str
    type: str | None = None
    operating_system: str | None = None
    ip_address: str | None = None
    serial_number: str | None = None
    last_login: str | None = None


@dataclass(frozen=True, slots=True)
class RecentTicket:
    """Another ticket of the same contact in the last 14 days."""

    id: int
    summary: str
    status: str | None = None
    closed: bool = False
    at: datetime | None = None
    solved_by: str | None = None
    resolution_line: str | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """A snapshot; `missing` names parts that could not be read: notes, configurations, contact, recent."""

    id: int
    summary: str = ""
    record_type: str = "ServiceTicket"
    board: Ref | None = None
    status: Ref | None = None
    closed: bool = False
    merged_into: int | None = None
    priority: Ref | None = None
    sla: Sla | None = None
    company: Ref | None = None
    contact: Contact | None = None
    site: str | None = None
    owner: Ref | None = None
    resources: str | None = None
    description: str | None = None
    notes: tuple[TicketNote, ...] = ()
    configurations: tuple[Configuration, ...] = ()
    recent: tuple[RecentTicket, ...] = ()
    last_updated: datetime | None = None
    url: str | None = None
    missing: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return cast("dict[str, Any]", _TICKET.dump_python(self, mode="json"))


_TICKET: TypeAdapter[Ticket] = TypeAdapter(Ticket)


def ticket_from_json(stored: Mapping[str, Any]) -> Ticket:
    """The reverse of `Ticket.to_json`; unknown keys are ignored. ValueError when it is no ticket."""
    return _TICKET.validate_python(dict(stored))


@dataclass(frozen=True, slots=True)
class TicketHit:
    """One line of a ticket search."""

    id: int
    summary: str
    company: str | None = None
    contact: str | None = None
    status: str | None = None
    priority: str | None = None
    board: str | None = None
    owner: str | None = None
    closed: bool = False
    goal: datetime | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A person in the PSA; license class `A` is an API member, never a technician."""

    id: int
    identifier: str
    name: str
    email: str | None = None
    active: bool = True
    license_class: str | None = None


@dataclass(frozen=True, slots=True)
class Board:
    id: int
    name: str
    inactive: bool = False
    project: bool = False


@dataclass(frozen=True, slots=True)
class BoardStatus:
    id: int
    name: str
    board_id: int
    inactive: bool = False
    closed: bool = False
    time_entry_not_allowed: bool = False


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach one tenant; `codebase` empty means: ask the host. The keys never show in a repr."""

    host: str
    company: str
    public_key: str
    private_key: str
    client_id: str
    codebase: str = ""
    version: str = "2025.16"

    def __repr__(self) -> str:
        return f"Connection({self.company!r} at {self.host!r}, codebase {self.codebase!r}, keys hidden)"


# ── What we write ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class NoteWrite:
    """A note; `marker` must come to stand in the text, `member_id` None posts as the API member."""

    ticket_id: int
    record_type: str
    text: str
    visibility: Visibility
    member_id: int | None
    marker: str


@dataclass(frozen=True, slots=True)
class TimeWrite:
    """A time entry; start and end are aware. `notes` may reach the invoice; the marker is for internal_notes.

    `show_on` is where ConnectWise repeats `notes` on the ticket: nowhere, unless somebody chose otherwise.
    """

    ticket_id: int
    record_type: str
    member_id: int
    start: datetime
    end: datetime
    notes: str
    internal_notes: str
    marker: str
    show_on: ShowOn = "nowhere"

    def __post_init__(self) -> None:
        if self.start.utcoffset() is None or self.end.utcoffset() is None:
            raise ValueError("start and end need a time zone")
        if self.end <= self.start:
            raise ValueError("end must be after start")


@dataclass(frozen=True, slots=True)
class StatusWrite:
    ticket_id: int
    record_type: str
    status_id: int


@dataclass(frozen=True, slots=True)
class OwnerWrite:
    ticket_id: int
    record_type: str
    member_id: int


def marker_for(write_id: UUID) -> str:
    """The mark on internal texts. The last eight digits: in a time-ordered id the first ones repeat."""
    return f"[fp:{write_id.hex[-8:]}]"


def public_ref_for(write_id: UUID) -> str:
    """The mark on texts a client may read; same digits as `marker_for`."""
    return f"Ref FP-{write_id.hex[-8:].upper()}"


def with_marker(text: str, marker: str, limit: int = 30_000) -> str:
    """The text ending in its marker, cut to `limit` characters without losing it."""
    if carries(text, marker) and len(text) <= limit:
        return text
    room = limit - len(marker) - 1
    kept = text if len(text) <= room else text[: room - 1].rstrip() + "…"
    return f"{kept.rstrip()}\n{marker}" if kept.strip() else marker


def carries(text: str, marker: str) -> bool:
    """Whether the marker stands in a text that came back with other spaces, escapes or letter case."""
    return bool(marker) and _squeezed(marker) in _squeezed(text)


def _squeezed(text: str) -> str:
    # Twice: a text shown in a page and saved again may be escaped twice.
    plain = html.unescape(html.unescape(text))
    return re.sub(r"[\s\\\u200b\u200c\u200d\ufeff]+", "", plain).casefold()


# ── What we ask ─────────────────────────────────────────────────────────────────────────────────────────────


class Psa(Protocol):
    """One tenant's PSA. Every method raises only PsaFailure; `deadline` is seconds for the whole write."""

    async def ticket(self, ticket_id: int) -> Ticket:
        """The ticket with its context; only the ticket itself is required, other parts may be `missing`."""

    async def search(
        self, text: str, *, member_id: int | None = None, limit: int = 10
    ) -> tuple[TicketHit, ...]:
        """Open tickets whose summary, company or contact contains every word; digits find that ticket."""

    async def my_open(self, member_id: int, limit: int = 10) -> tuple[TicketHit, ...]:
        """Open tickets the member owns or is a resource of, the nearest goal first."""

    async def notes(
        self, ticket_id: int, record_type: str = "ServiceTicket", limit: int = 10
    ) -> tuple[TicketNote, ...]:
        """The newest notes, newest first."""

    async def find_note(self, write: NoteWrite) -> int | None:
        """The id of the note carrying the marker; None only when it is surely absent."""

    async def find_time(self, write: TimeWrite) -> int | None:
        """The id of the time entry carrying the marker; None only when it is surely absent."""

    async def members(self) -> tuple[Member, ...]:
        """Active people who can log in, without API members."""

    async def boards(self) -> tuple[Board, ...]:
        """Active boards."""

    async def statuses(self, board_id: int) -> tuple[BoardStatus, ...]:
        """The board's active statuses in its own order."""

    async def add_note(self, write: NoteWrite, *, deadline: float | None = None) -> int:
        """Sends once; the note's id."""

    async def add_time(self, write: TimeWrite, *, deadline: float | None = None) -> int:
        """Sends once; the entry's id."""

    async def set_status(self, write: StatusWrite, *, deadline: float | None = None) -> str:
        """The status name as read back; PsaRefused when the ticket kept another one."""

    async def set_owner(self, write: OwnerWrite, *, deadline: float | None = None) -> None:
        """Returns when the ticket, read back, has that owner; PsaRefused when not."""

    async def check(self) -> str:
        """Tries host, company, keys and rights; a friendly sentence of what was found."""
