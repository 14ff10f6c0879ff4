"""Time entries and schedule entries, with the refusals of closed periods, statuses and work roles."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from demo.psa_conditions import read_date
from demo.psa_lists import check_field, checked_body, names_of
from demo.psa_refusals import Complaint, Json, invalid, not_found
from demo.psa_room import Room, reference_to
from demo.psa_state import Change
from demo.psa_tickets import find_ticket, resolved

LOCATION = 2
EMAIL_FLAGS = ("emailContactFlag", "emailResourceFlag", "emailCcFlag")
TICKET_KINDS = {"ServiceTicket": ("ServiceTicket",), "ProjectTicket": ("ProjectTicket", "ProjectIssue")}
SCHEDULED_ON_TICKETS = (4, 3)


def add_entry(room: Room, body: Any) -> tuple[Json, list[str]]:
    """POST /time/entries. Overlapping entries are allowed, as they are in ConnectWise."""
    fields, unknown = checked_body("timeEntry", "timeEntry", body)
    ticket = _charged_ticket(room, fields)
    hours = _hours(fields)
    _refuse_closed_period(room, fields)
    _refuse_status(room, ticket)
    member = room.author(fields.get("member"), "timeEntry", resolved)
    role = _work_role(room, fields)
    kind = resolved(room, "workType", "workType", fields.get("workType") or {"id": 1}, "timeEntry")
    entry: Json = {
        **{name: value for name, value in fields.items() if name not in EMAIL_FLAGS},
        "id": room.state.take_id("timeEntry"),
        "company": ticket["company"],
        "companyType": "Customer",
        "member": reference_to("member", member),
        "locationId": LOCATION,
        "businessUnitId": 10,
        "location": {"id": LOCATION, "name": "Main Office"},
        "department": {"id": 10, "name": "Technology"},
        "workType": reference_to("workType", kind),
        "workRole": reference_to("workRole", role),
        "actualHours": hours,
        "hoursDeduct": fields.get("hoursDeduct", 0.0),
        "billableOption": fields.get("billableOption") or kind["billTime"],
        **{f"addTo{place}Flag": bool(fields.get(f"addTo{place}Flag")) for place in _PLACES},
        **{flag: bool(fields.get(flag)) for flag in EMAIL_FLAGS},
        "enteredBy": room.api_member["identifier"],
        "dateEntered": room.now_text(),
        "status": "Open",
        "ticket": reference_to("ticket", ticket),
        "ticketBoard": ticket["board"]["name"],
        "ticketStatus": ticket["status"]["name"],
        "invoiceFlag": True,
        "_info": room.stamp(),
    }
    updated = room.touched(ticket)
    updated["actualHours"] = round(float(updated.get("actualHours", 0)) + hours, 2)
    changes: list[Change] = [
        ("put", "timeEntry", entry),
        ("put", "ticket", updated),
        *_emails(room, ticket, entry),
    ]
    room.commit(changes)
    return entry, unknown


_PLACES = ("DetailDescription", "InternalAnalysis", "Resolution")


def find_entry(room: Room, number: int) -> Json:
    entry = room.state.get("timeEntry", number)
    if entry is None:
        raise not_found("Time Entry", number)
    return entry


def patch_entry(room: Room, number: int, operations: Any) -> Json:
    """PATCH of a time entry: notes, times and billing; other paths change nothing."""
    entry = deepcopy(find_entry(room, number))
    types = names_of("timeEntry").types
    for one in operations if isinstance(operations, list) else []:
        name = one.get("path") if isinstance(one, dict) else None
        if name in ("notes", "internalNotes", "timeStart", "timeEnd", "billableOption", "hoursDeduct"):
            check_field("timeEntry", name, types[name], one.get("value"))
            entry[name] = one.get("value")
    entry["actualHours"] = _hours(entry)
    _refuse_closed_period(room, entry)
    room.touch(entry)
    room.commit([("put", "timeEntry", entry)])
    return entry


def delete_entry(room: Room, number: int) -> None:
    room.commit([("delete", "timeEntry", find_entry(room, number))])


def _charged_ticket(room: Room, fields: Json) -> Json:
    kind, number = fields.get("chargeToType"), fields.get("chargeToId")
    if number is None or kind not in TICKET_KINDS:
        field = "chargeToId" if number is None else "chargeToType"
        raise invalid(
            "timeEntry", Complaint("MissingRequiredField", f"The {field} field is required.", field)
        )
    ticket = room.state.get("ticket", int(number))
    if ticket is None or ticket["recordType"] not in TICKET_KINDS[kind]:
        label = "Service Ticket" if kind == "ServiceTicket" else "Project Ticket"
        raise invalid("timeEntry", Complaint("NotFound", f"{label} {number} not found", "chargeToId"))
    return ticket


def _hours(fields: Json) -> float:
    """Hours between start and end, or the given actualHours; two decimals."""
    start = read_date(str(fields.get("timeStart") or ""))
    if start is None:
        raise invalid(
            "timeEntry", Complaint("MissingRequiredField", "The timeStart field is required.", "timeStart")
        )
    if not fields.get("timeEnd"):
        if not fields.get("actualHours"):
            message = "Either timeEnd or actualHours is required."
            raise invalid("timeEntry", Complaint("MissingRequiredField", message, "timeEnd"))
        return round(float(fields["actualHours"]), 2)
    end = read_date(str(fields["timeEnd"]))
    if end is None or end <= start:
        message = "The end time must be later than the start time."
        raise invalid("timeEntry", Complaint("InvalidField", message, "timeEnd"))
    return round((end - start).total_seconds() / 3600 - float(fields.get("hoursDeduct") or 0), 2)


def _refuse_closed_period(room: Room, fields: Json) -> None:
    limit = read_date(room.settings.closed_before)
    start = read_date(str(fields["timeStart"]))
    if limit and start and start < limit:
        message = (
            f"The time period containing {start:%m/%d/%Y} is closed. "
            "Time cannot be entered, changed or deleted in a closed period."
        )
        raise invalid("timeEntry", Complaint("InvalidObject", message, "timeStart"))


def _refuse_status(room: Room, ticket: Json) -> None:
    status = room.state.get("status", int(ticket["status"]["id"]))
    if status and status.get("timeEntryNotAllowed"):
        message = f"Time entry is not allowed on tickets in the status {status['name']}."
        raise invalid("timeEntry", Complaint("InvalidObject", message, "chargeToId"))


def _work_role(room: Room, fields: Json) -> Json:
    wanted = fields.get("workRole")
    if not wanted:
        return room.state.all("workRole")[0]
    role = resolved(room, "workRole", "workRole", wanted, "timeEntry")
    if LOCATION not in role["locationIds"]:
        message = f"Work Role {role['name']} is not valid for Location Main Office."
        raise invalid("timeEntry", Complaint("InvalidField", message, "workRole/id"))
    return role


def _emails(room: Room, ticket: Json, entry: Json) -> list[Change]:
    changes: list[Change] = []
    if entry["emailContactFlag"]:
        changes.append(
            room.email(ticket, ticket.get("contactEmailAddress", ""), "Time entry (emailContactFlag)")
        )
    if entry["emailResourceFlag"]:
        changes += room.note_emails(ticket, "Time entry (emailResourceFlag)", contact=False)
    if entry["emailCcFlag"]:
        copy_to = str(entry.get("emailCc") or ticket.get("automaticEmailCc") or "cc")
        changes.append(room.email(ticket, copy_to, "Time entry (emailCcFlag)"))
    return changes


def add_schedule(room: Room, body: Any) -> tuple[Json, list[str]]:
    """POST /schedule/entries: puts a member on a ticket as a resource."""
    fields, unknown = checked_body("scheduleEntry", "scheduleEntry", body)
    kind = resolved(room, "scheduleType", "type", fields.get("type") or {}, "scheduleEntry")
    member = resolved(room, "member", "member", fields.get("member") or {}, "scheduleEntry")
    if kind["id"] not in SCHEDULED_ON_TICKETS or not fields.get("objectId"):
        raise invalid(
            "scheduleEntry", Complaint("MissingRequiredField", "The objectId field is required.", "objectId")
        )
    ticket = find_ticket(room, int(fields["objectId"]))
    team = ticket.get("_practice", {}).get("team")
    if team is not None and member["identifier"] not in team:
        message = f"Member {member['identifier']} is not a member of the project team."
        raise invalid("scheduleEntry", Complaint("InvalidField", message, "member/id"))
    entry: Json = {
        **fields,
        "id": room.state.take_id("scheduleEntry"),
        "name": f"{ticket['company']['name']} / Ticket# {ticket['id']} - {ticket['summary']}"[:250],
        "type": reference_to("scheduleType", kind),
        "member": reference_to("member", member),
        "doneFlag": bool(fields.get("doneFlag")),
        "acknowledgedFlag": bool(fields.get("acknowledgedFlag")),
        "ownerFlag": bool(fields.get("ownerFlag")),
        "_info": room.stamp(),
    }
    updated = room.touched(ticket)
    listed = [name for name in str(updated.get("resources", "")).split(", ") if name]
    if member["identifier"] not in listed:
        updated["resources"] = ", ".join([*listed, member["identifier"]])
    room.commit([("put", "scheduleEntry", entry), ("put", "ticket", updated)])
    return entry, unknown


def find_schedule(room: Room, number: int) -> Json:
    entry = room.state.get("scheduleEntry", number)
    if entry is None:
        raise not_found("Schedule Entry", number)
    return entry
