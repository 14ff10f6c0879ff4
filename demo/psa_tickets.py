"""Tickets and notes: reading, creating, patching, with ConnectWise's refusals."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from demo.psa_lists import check_field, checked_body, names_of
from demo.psa_refusals import Complaint, Json, invalid, not_found, refusal
from demo.psa_room import Room, reference_to
from demo.psa_state import Change

PLACES = ("detailDescriptionFlag", "internalAnalysisFlag", "resolutionFlag")
CHOOSE_PLACE = "Please choose where to display the notes in order to save this record."
# Everything else in a PATCH is answered 200 and changes nothing, `resources` included.
PATCHABLE = {
    "summary", "status", "board", "priority", "owner", "contact", "company", "site", "type", "subType",
    "item", "team", "requiredDate", "severity", "impact", "budgetHours", "externalXRef", "poNumber", "source",
    "customerUpdatedFlag", "automaticEmailContactFlag", "automaticEmailResourceFlag", "automaticEmailCcFlag",
    "automaticEmailCc", "contactName", "contactPhoneNumber", "contactEmailAddress", "agreement", "workType",
}  # fmt: skip
TABLES = {
    "board": ("board", "Service Board"),
    "priority": ("priority", "Priority"),
    "owner": ("member", "Member"),
    "contact": ("contact", "Contact"),
    "company": ("company", "Company"),
    "site": ("site", "Site"),
    "workType": ("workType", "Work Type"),
    "source": ("source", "Source"),
}


def find_ticket(room: Room, number: int, *, project_only: bool = False) -> Json:
    """The ticket, or the 404 refusal. Project tickets are also found among the service tickets."""
    ticket = room.state.get("ticket", number)
    if ticket is None or (project_only and ticket["recordType"] != "ProjectTicket"):
        raise not_found("Ticket", number)
    return ticket


def resolved(room: Room, kind: str, name: str, value: Json, resource: str) -> Json:
    """The record a reference such as `{"id": 7}` or `{"identifier": "anna"}` means, or the 400 refusal."""
    for key in ("id", "identifier", "name"):
        if value.get(key) is None:
            continue
        wanted = str(value[key]).lower()
        found = next((one for one in room.state.all(kind) if str(one.get(key, "")).lower() == wanted), None)
        if found is None:
            label = next((text for table, text in TABLES.values() if table == kind), kind)
            complaint = Complaint("NotFound", f"{label} {value[key]} not found", f"{name}/{key}")
            raise invalid(resource, complaint)
        return found
    raise invalid(resource, Complaint("MissingRequiredField", f"{name}/id is required.", f"{name}/id"))


def status_on_board(room: Room, board: Json, value: Json) -> Json:
    """The status record on that board, or the 400 with field status/id."""
    on_board = [one for one in room.state.all("status") if one["board"]["id"] == board["id"]]
    for key in ("id", "name"):
        if value.get(key) is None:
            continue
        for one in on_board:
            if str(one[key]).lower() == str(value[key]).lower() and not one.get("inactive"):
                return one
        message = f"Service Status {value[key]} not found for Service Board {board['id']}"
        raise invalid("ticket", Complaint("NotFound", message, f"status/{key}"))
    raise invalid("ticket", Complaint("MissingRequiredField", "status/id is required.", "status/id"))


def set_status(room: Room, ticket: Json, status: Json) -> list[Change]:
    """Puts the status on the (copied) ticket; answers the workflow e-mail a closing status may send."""
    was_closed = bool(ticket.get("closedFlag"))
    ticket["status"] = reference_to("status", status)
    ticket["closedFlag"] = bool(status.get("closedStatus"))
    if not ticket["closedFlag"]:
        ticket.pop("closedDate", None)
        ticket.pop("closedBy", None)
        return []
    if was_closed:
        return []
    ticket["closedDate"] = ticket["dateResolved"] = room.now_text()
    ticket["closedBy"] = room.api_member["identifier"]
    if not status.get("_practice", {}).get("closing_email"):
        return []
    reason = f"Workflow rule: status {status['name']} on {status['board']['name']}"
    return [room.email(ticket, ticket.get("contactEmailAddress", ""), reason)]


def patch_ticket(room: Room, number: int, operations: Any, *, project_only: bool = False) -> Json:
    """Applies a PATCH array and answers the ticket as it now is."""
    ticket = deepcopy(find_ticket(room, number, project_only=project_only))
    changes: list[Change] = []
    if not isinstance(operations, list):
        raise invalid(
            "ticket", Complaint("InvalidObject", "The request body must be an array of operations.", "")
        )
    before = deepcopy(ticket)
    for operation in operations:
        changes += _patch_one(room, ticket, operation)
    if ticket != before:
        room.touch(ticket)
        room.commit([("put", "ticket", ticket), *changes])
    return ticket


def _patch_one(room: Room, ticket: Json, operation: Any) -> list[Change]:
    if not isinstance(operation, dict) or operation.get("op") not in ("add", "replace", "remove"):
        raise invalid("ticket", Complaint("InvalidField", "op must be add, replace or remove.", "op"))
    name, value = operation.get("path"), operation.get("value")
    if not isinstance(name, str) or not name:
        raise invalid("ticket", Complaint("MissingRequiredField", "The path field is required.", "path"))
    if name not in PATCHABLE:  # sub-paths such as status/id, read-only fields such as resources
        return []
    if operation["op"] == "remove" or value is None:
        if name in ("summary", "status", "board", "company", "priority"):
            raise invalid("ticket", Complaint("MissingRequiredField", f"The {name} field is required.", name))
        ticket.pop(name, None)
        return []
    check_field("ticket", name, names_of("ticket").types[name], value)
    if name == "status":
        return set_status(room, ticket, status_on_board(room, ticket["board"], value))
    if name in TABLES:
        _replace_reference(room, ticket, name, value)
    else:
        ticket[name] = value
    return []


def _replace_reference(room: Room, ticket: Json, name: str, value: Json) -> None:
    record = resolved(room, TABLES[name][0], name, value, "ticket")
    if name == "owner" and record.get("inactiveFlag"):
        raise invalid("ticket", Complaint("InvalidField", "The member is inactive.", "owner/id"))
    ticket[name] = reference_to(TABLES[name][0], record)
    if name == "board":
        first = next(
            s for s in room.state.all("status") if s["board"]["id"] == record["id"] and s.get("defaultFlag")
        )
        ticket["status"] = reference_to("status", first)
        ticket["closedFlag"] = False


def create_ticket(room: Room, body: Any) -> tuple[Json, list[str]]:
    """POST /service/tickets: needs summary and company; the rest has the board's defaults."""
    fields, unknown = checked_body("ticket", "ticket", body)
    for name in ("summary", "company"):
        if not fields.get(name):
            raise invalid("ticket", Complaint("MissingRequiredField", f"The {name} field is required.", name))
    board = resolved(
        room, "board", "board", fields.pop("board", {"id": room.state.all("board")[0]["id"]}), "ticket"
    )
    company = resolved(room, "company", "company", fields.pop("company"), "ticket")
    wanted = fields.pop("status", None)
    default = next(
        s for s in room.state.all("status") if s["board"]["id"] == board["id"] and s.get("defaultFlag")
    )
    status = status_on_board(room, board, wanted) if wanted else default
    ticket = room.new_ticket(str(fields.pop("summary")), board, status, company)
    description = fields.pop("initialDescription", "")
    for name, value in fields.items():
        if name in TABLES:
            ticket[name] = reference_to(
                TABLES[name][0], resolved(room, TABLES[name][0], name, value, "ticket")
            )
        elif name in PATCHABLE:
            ticket[name] = value
    room.fill_contact(ticket)
    changes: list[Change] = [("put", "ticket", ticket)]
    if description:
        changes.append(("put", "note", room.new_note(ticket, description, {"detailDescriptionFlag": True})))
    room.commit(changes)
    return ticket, unknown


def add_note(room: Room, number: int, body: Any, *, project_only: bool = False) -> tuple[Json, list[str]]:
    """POST …/notes: needs a place; e-mails go out only when asked for, and are recorded."""
    ticket = find_ticket(room, number, project_only=project_only)
    fields, unknown = checked_body("note", "serviceNote", body)
    if not str(fields.get("text") or "").strip():
        raise invalid("serviceNote", Complaint("MissingRequiredField", "The text field is required.", "text"))
    if not any(fields.get(place) for place in PLACES):
        raise invalid("serviceNote", Complaint("InvalidObject", CHOOSE_PLACE, "detailDescriptionFlag"))
    member = room.author(fields.get("member"), "serviceNote", resolved)
    note = room.new_note(ticket, str(fields["text"]), fields, member)
    changes: list[Change] = [("put", "note", note)]
    if fields.get("processNotifications"):
        outward = bool(note["detailDescriptionFlag"] or note["resolutionFlag"])
        changes += room.note_emails(ticket, "A note was added (processNotifications)", contact=outward)
    for flag, contact in (("emailContactFlag", True), ("emailResourceFlag", False)):
        if isinstance(body, dict) and body.get(flag) is True:
            changes += room.note_emails(ticket, f"A note was added ({flag})", contact=contact)
    room.commit([("put", "ticket", room.touched(ticket)), *changes])
    return note, unknown


def notes_of(room: Room, number: int, *, project_only: bool = False) -> list[Json]:
    find_ticket(room, number, project_only=project_only)
    return [note for note in room.state.all("note") if note["ticketId"] == number]


def find_note(room: Room, number: int, note_id: int) -> Json:
    note = room.state.get("note", note_id)
    if note is None or note["ticketId"] != number:
        raise not_found("Service Note", note_id)
    return note


def patch_note(room: Room, number: int, note_id: int, operations: Any) -> Json:
    """PATCH of a note: its text and its place flags."""
    note = deepcopy(find_note(room, number, note_id))
    for one in operations if isinstance(operations, list) else []:
        if (
            isinstance(one, dict)
            and one.get("path") in ("text", *PLACES)
            and one.get("op") in ("add", "replace")
        ):
            check_field("serviceNote", one["path"], names_of("note").types[one["path"]], one.get("value"))
            note[one["path"]] = one.get("value")
    if not any(note.get(place) for place in PLACES):
        raise invalid("serviceNote", Complaint("InvalidObject", CHOOSE_PLACE, "detailDescriptionFlag"))
    room.touch(note)
    room.commit([("put", "note", note)])
    return note


def all_notes_of(room: Room, number: int, *, project_only: bool = False) -> list[Json]:
    """Ticket notes and the time notes that were put on the ticket, oldest first."""
    if room.settings.all_notes != 200:
        raise refusal(room.settings.all_notes, "NotFound", "The requested resource was not found.")
    ticket = find_ticket(room, number, project_only=project_only)
    rows = [_as_all_note(ticket, note, "TicketNote") for note in notes_of(room, number)]
    for entry in room.state.all("timeEntry"):
        places = {place: bool(entry.get(f"addTo{place[0].upper()}{place[1:]}")) for place in PLACES}
        if entry.get("chargeToId") == number and any(places.values()) and entry.get("notes"):
            rows.append(_as_all_note(ticket, {**entry, **places, "text": entry["notes"]}, "TimeEntryNote"))
    return sorted(rows, key=lambda row: str(row["_info"]["dateEntered"]))


def _as_all_note(ticket: Json, source: Json, kind: str) -> Json:
    row: Json = {
        "id": source["id"],
        "noteType": kind,
        "ticket": {"id": ticket["id"], "summary": ticket["summary"]},
        "text": source["text"],
        "isMarkdownFlag": False,
        **{place: bool(source.get(place)) for place in PLACES},
        "bundledFlag": False,
        "mergedFlag": False,
        "issueFlag": bool(source.get("issueFlag")),
        "originalAuthor": (source.get("member") or source.get("contact") or {}).get("name", ""),
        "createdByParentFlag": False,
        "_info": dict(source["_info"]),
    }
    for name in ("timeStart", "timeEnd", "member", "contact"):
        if source.get(name):
            row[name] = source[name]
    return row
