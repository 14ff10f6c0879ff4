"""The bodies we send to ConnectWise, their paths, and the check that an answer is about our write."""

from __future__ import annotations

from typing import Any

from engine.clients.conditions import moment_text
from engine.clients.psa_rows import Row, row, text, when, whole
from engine.psa import NoteWrite, PsaBroken, TimeWrite, carries, with_marker

NO_PLACE = "choose where to display"
PROJECT_KINDS = frozenset({"ProjectTicket", "ProjectIssue"})


def tickets_path(record_type: str) -> str:
    """Project tickets live under another path with the same children."""
    return "/project/tickets" if record_type in PROJECT_KINDS else "/service/tickets"


def charge_to_type(record_type: str) -> str:
    """What ConnectWise calls the ticket when time is charged to it; project issues are project tickets."""
    return "ProjectTicket" if record_type in PROJECT_KINDS else "ServiceTicket"


def note_body(write: NoteWrite, limit: int) -> dict[str, Any]:
    """Exactly one place, and never an e-mail: those leave only with processNotifications."""
    body: dict[str, Any] = {
        "text": with_marker(write.text, write.marker, limit),
        "detailDescriptionFlag": write.visibility == "discussion",
        "internalAnalysisFlag": write.visibility == "internal",
        "resolutionFlag": write.visibility == "resolution",
        "processNotifications": False,
    }
    if write.member_id is not None:
        body["member"] = {"id": int(write.member_id)}
    return body


def time_body(write: TimeWrite, limit: int, *, show_on: str) -> dict[str, Any]:
    """A time entry whose `notes` is the customer text and whose `internalNotes` carries detail and marker.

    The addTo* flags make ConnectWise repeat `notes` on the ticket. The note is posted on its own, so all are
    false unless somebody chose: nothing stands twice, and nothing becomes visible to the client unasked.
    Work type, role and billing are left to the tenant's defaults: a role can be invalid for a location.
    """
    return {
        "chargeToId": int(write.ticket_id),
        "chargeToType": charge_to_type(write.record_type),
        "member": {"id": int(write.member_id)},
        "timeStart": moment_text(write.start),
        "timeEnd": moment_text(write.end),
        "notes": write.notes,
        "internalNotes": with_marker(write.internal_notes, write.marker, limit),
        "addToDetailDescriptionFlag": show_on == "discussion",
        "addToInternalAnalysisFlag": show_on == "internal",
        "addToResolutionFlag": show_on == "resolution",
        "emailResourceFlag": False,
        "emailContactFlag": False,
        "emailCcFlag": False,
    }


def replace_reference(field: str, record_id: int) -> list[dict[str, Any]]:
    """A PATCH of one whole reference; sub-paths such as `status/id` can answer 200 and change nothing."""
    return [{"op": "replace", "path": field, "value": {"id": int(record_id)}}]


def note_id(answer: Any, write: NoteWrite) -> int:
    """The new note's id, when the answer is surely about our note; else PsaBroken with outcome unknown."""
    given = row(answer)
    number = _own_id(given, "ticketId", write.ticket_id, "note")
    said = text(given.get("text"))
    if said is not None and not carries(said, write.marker):
        raise PsaBroken("ConnectWise answered with another note than the one sent.", outcome="unknown")
    return number


def time_id(answer: Any, write: TimeWrite) -> int:
    """The new entry's id, when the answer is surely about our entry; else PsaBroken with outcome unknown."""
    given = row(answer)
    number = _own_id(given, "chargeToId", write.ticket_id, "time entry")
    booked_for_another(given, write)
    return number


def booked_for_another(given: Row, write: TimeWrite) -> None:
    """PsaBroken when an entry of ours stands under another member: it must be put right by a person.

    Whether the API member may write in another member's name is up to the tenant and shows only here.
    """
    member = row(given.get("member"))
    booked = whole(member.get("id"))
    if booked is not None and booked != write.member_id:
        name = text(member.get("name")) or text(member.get("identifier")) or f"member {booked}"
        raise PsaBroken(
            f"ConnectWise saved time entry {given.get('id')} for {name} and not for the technician.",
            outcome="unknown",
            retryable=False,
        )


def may_hide_the_mark(given: Row, write: TimeWrite) -> bool:
    """A role that may not see internal notes hides the marker; then absence is not certain."""
    return "internalNotes" not in given and when(given.get("timeStart")) == write.start.replace(microsecond=0)


def _own_id(given: Row, parent: str, ticket_id: int, what: str) -> int:
    number, owner = whole(given.get("id")), whole(given.get(parent))
    if number is None:
        raise PsaBroken(f"ConnectWise did not confirm the {what}.", outcome="unknown")
    if owner is not None and owner != ticket_id:
        raise PsaBroken(f"ConnectWise answered for ticket {owner} and not {ticket_id}.", outcome="unknown")
    return number
