"""Reads ConnectWise rows into our nouns; unknown fields are ignored and every field may be absent or odd."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from engine.psa import (
    Board,
    BoardStatus,
    Configuration,
    Contact,
    Member,
    RecentTicket,
    Ref,
    Sla,
    Ticket,
    TicketHit,
    TicketNote,
    Visibility,
)

Row = Mapping[str, Any]
EMPTY: Row = {}
HIT_FIELDS = (
    "id,summary,company,contact,status,priority,board,owner,resources,closedFlag,"
    "requiredDate,resolutionGoalUTC"
)
RECENT_FIELDS = "id,summary,status,closedFlag,closedBy,closedDate,resolvedBy,owner,_info"
_NOTE_MOMENTS = ("sortByDate", "dateEntered", "lastUpdated")
MEMBER_FIELDS = "id,identifier,firstName,lastName,officeEmail,primaryEmail,inactiveFlag,licenseClass"


def row(value: Any) -> Row:
    return value if isinstance(value, Mapping) else EMPTY


def rows(value: Any) -> list[Row]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def whole(value: Any) -> int | None:
    """An int and nothing that only looks like one; `True` is no id."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def when(value: Any) -> datetime | None:
    """An ISO moment as aware UTC; one without a zone is UTC, which is what the API speaks."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if moment is None or moment.year < 1971:
        return None
    return moment.replace(tzinfo=UTC) if moment.utcoffset() is None else moment.astimezone(UTC)


def ref(value: Any) -> Ref | None:
    number = whole(row(value).get("id"))
    if number is None:
        return None
    return Ref(number, text(row(value).get("name")) or text(row(value).get("identifier")) or "")


def name_of(value: Any) -> str | None:
    return text(row(value).get("name")) or text(row(value).get("identifier"))


def updated(given: Row) -> datetime | None:
    return when(row(given.get("_info")).get("lastUpdated"))


def ticket_of(given: Row, ticket_id: int, url: str) -> Ticket:
    """The ticket's own fields; notes and other parts are added by the caller."""
    issue = "ProjectIssue" if given.get("isIssueFlag") else "ProjectTicket"
    # Project tickets read at their own path carry no recordType.
    kind = text(given.get("recordType")) or (issue if "project" in given else "ServiceTicket")
    return Ticket(
        id=ticket_id,
        summary=text(given.get("summary")) or "",
        record_type=kind,
        board=ref(given.get("board")),
        status=ref(given.get("status")),
        closed=given.get("closedFlag") is True,
        merged_into=whole(row(given.get("mergedParentTicket")).get("id")),
        priority=ref(given.get("priority")),
        sla=_sla(given),
        company=ref(given.get("company")),
        contact=_contact(given),
        site=name_of(given.get("site")) or text(given.get("siteName")),
        owner=ref(given.get("owner")),
        resources=text(given.get("resources")),
        description=text(given.get("initialDescription")),
        last_updated=updated(given),
        url=url,
    )


def _sla(given: Row) -> Sla | None:
    within = given.get("isInSla")
    sla = Sla(
        name=name_of(given.get("sla")),
        text=text(given.get("slaStatus")),
        within=within if isinstance(within, bool) else None,
        respond_by=when(given.get("respondByGoalUTC")),
        resolve_by=when(given.get("resolutionGoalUTC")),
        required=when(given.get("requiredDate")),
    )
    return None if sla == Sla() else sla


def _contact(given: Row) -> Contact | None:
    person = ref(given.get("contact"))
    name = (person.name if person else "") or text(given.get("contactName")) or ""
    extension = text(given.get("contactPhoneExtension"))
    phone = text(given.get("contactPhoneNumber"))
    contact = Contact(
        id=person.id if person else None,
        name=name,
        phone=f"{phone} ext. {extension}" if phone and extension else phone,
        email=text(given.get("contactEmailAddress")),
    )
    return None if contact == Contact() else contact


def reached_by(given: Row) -> tuple[str | None, str | None]:
    """Phone and e-mail of a contact's own record, the default ones first."""
    ways = sorted(rows(given.get("communicationItems")), key=lambda way: way.get("defaultFlag") is not True)
    first = {
        kind: next((text(way.get("value")) for way in ways if way.get("communicationType") == kind), None)
        for kind in ("Phone", "Email")
    }
    return text(given.get("defaultPhoneNbr")) or first["Phone"], first["Email"]


def note_of(given: Row) -> TicketNote | None:
    """None without an id. A note in several places counts as the one a client can read."""
    number = whole(given.get("id"))
    if number is None:
        return None
    member, about = row(given.get("member")), row(given.get("_info"))
    visible: Visibility = "internal"
    if given.get("detailDescriptionFlag") is True:
        visible = "discussion"
    elif given.get("resolutionFlag") is True:
        visible = "resolution"
    said = (given.get("dateCreated"), given.get("timeStart"), *map(about.get, _NOTE_MOMENTS))
    moments = map(when, said)
    return TicketNote(
        id=number,
        text=text(given.get("text")) or "",
        author=name_of(member)
        or name_of(given.get("contact"))
        or text(given.get("originalAuthor"))
        or text(given.get("createdBy")),
        member_id=whole(member.get("id")),
        at=next(filter(None, moments), None),
        visibility=visible,
        kind=text(given.get("noteType")) or "TicketNote",
    )


def hit_of(given: Row) -> TicketHit | None:
    number = whole(given.get("id"))
    if number is None:
        return None
    return TicketHit(
        id=number,
        summary=text(given.get("summary")) or "",
        company=name_of(given.get("company")),
        contact=name_of(given.get("contact")),
        status=name_of(given.get("status")),
        priority=name_of(given.get("priority")),
        board=name_of(given.get("board")),
        owner=name_of(given.get("owner")),
        closed=given.get("closedFlag") is True,
        goal=when(given.get("resolutionGoalUTC")) or when(given.get("requiredDate")),
    )


def recent_of(given: Row, resolution_line: str | None) -> RecentTicket | None:
    number = whole(given.get("id"))
    if number is None:
        return None
    closed = given.get("closedFlag") is True
    solver = text(given.get("resolvedBy")) or text(given.get("closedBy"))
    return RecentTicket(
        id=number,
        summary=text(given.get("summary")) or "",
        status=name_of(given.get("status")),
        closed=closed,
        at=updated(given) or when(given.get("closedDate")),
        solved_by=_solver(solver, row(given.get("owner"))) if closed else None,
        resolution_line=resolution_line,
    )


def _solver(login: str | None, owner: Row) -> str | None:
    """ConnectWise names who closed a ticket by his login; where he is its owner too, his name stands beside it."""
    theirs = text(owner.get("identifier"))
    if login is None or (theirs and theirs.casefold() == login.casefold()):
        return name_of(owner) or login
    return login


def configuration_of(given: Row, listed: Row = EMPTY) -> Configuration | None:
    """From the full record where it could be read, else from the ticket's list, which knows only a name."""
    number = whole(given.get("id")) or whole(listed.get("id"))
    if number is None:
        return None
    return Configuration(
        id=number,
        name=text(given.get("name"))
        or text(given.get("deviceIdentifier"))
        or text(listed.get("deviceIdentifier"))
        or f"Configuration {number}",
        type=name_of(given.get("type")),
        operating_system=text(given.get("osType")) or text(given.get("osInfo")),
        ip_address=text(given.get("ipAddress")),
        serial_number=text(given.get("serialNumber")),
        last_login=text(given.get("lastLoginName")),
    )


def member_of(given: Row) -> Member | None:
    number = whole(given.get("id"))
    identifier = text(given.get("identifier"))
    if number is None or identifier is None:
        return None
    full = " ".join(filter(None, (text(given.get("firstName")), text(given.get("lastName")))))
    return Member(
        id=number,
        identifier=identifier,
        name=full or identifier,
        email=text(given.get("officeEmail")) or text(given.get("primaryEmail")),
        active=given.get("inactiveFlag") is not True,
        license_class=text(given.get("licenseClass")),
    )


def board_of(given: Row) -> Board | None:
    number = whole(given.get("id"))
    if number is None:
        return None
    return Board(
        number,
        text(given.get("name")) or "",
        inactive=given.get("inactiveFlag") is True,
        project=given.get("projectFlag") is True,
    )


def status_of(given: Row, board_id: int) -> BoardStatus | None:
    number = whole(given.get("id"))
    if number is None:
        return None
    return BoardStatus(
        number,
        text(given.get("name")) or "",
        board_id,
        inactive=given.get("inactive") is True,
        closed=given.get("closedStatus") is True,
        time_entry_not_allowed=given.get("timeEntryNotAllowed") is True,
    )
