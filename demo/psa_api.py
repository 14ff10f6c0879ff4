"""The table of ConnectWise addresses and what each one answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from demo import psa_tickets as tickets
from demo import psa_time as time
from demo.psa_lists import checked_body, filtered, names_of, page_of, selected
from demo.psa_refusals import Complaint, Json, Refusal, Reply, invalid, not_found, refusal
from demo.psa_room import Room, full_name, present


@dataclass(frozen=True, slots=True)
class Upload:
    """The file of a multipart request."""

    name: str
    content: bytes


@dataclass(slots=True)
class Call:
    """One request after its codebase has been cut off. `base` is the address everything hangs under."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base: str
    form: Mapping[str, str | Upload] | None = None
    unknown: list[str] = field(default_factory=list)

    def json(self) -> Any:
        """The body as JSON; refuses what is none."""
        if self.headers.get("Content-Type", "").split(";")[0].strip().lower() not in (
            "application/json",
            "text/json",
        ):
            raise refusal(415, "UnsupportedMediaType", "The request entity's media type is not supported.")
        try:
            return json.loads(self.body)
        except (UnicodeDecodeError, json.JSONDecodeError):
            raise refusal(400, "InvalidJson", "The request body could not be read as JSON.") from None

    def one(self, kind: str, record: Json, status: int = 200) -> Reply:
        rows = selected([record], self.query) if self.method == "GET" else [record]
        return Reply(status, present(kind, rows[0], self.base))

    def listed(self, kind: str, records: list[Json]) -> Reply:
        page = page_of(kind, records, self.query, self.headers, self.base + self.path.lstrip("/"))
        return Reply(200, [present(kind, row, self.base) for row in page.body], headers=page.headers)

    def made(self, kind: str, made: tuple[Json, list[str]]) -> Reply:
        self.unknown += made[1]
        return self.one(kind, made[0], 201)


Answer = Callable[[Room, Call, list[int]], Reply]

# Whole tables that are only read: address → (kind of record, its name in a 404).
TABLES: Mapping[str, tuple[str, str]] = {
    "/service/boards": ("board", "Service Board"),
    "/service/priorities": ("priority", "Priority"),
    "/service/sources": ("source", "Source"),
    "/time/workTypes": ("workType", "Work Type"),
    "/time/workRoles": ("workRole", "Work Role"),
    "/schedule/types": ("scheduleType", "Schedule Type"),
    "/system/members": ("member", "Member"),
    "/company/companies": ("company", "Company"),
    "/company/contacts": ("contact", "Contact"),
    "/company/configurations": ("configuration", "Configuration"),
    "/schedule/entries": ("scheduleEntry", "Schedule Entry"),
    "/time/entries": ("timeEntry", "Time Entry"),
    "/service/tickets": ("ticket", "Ticket"),
    "/project/tickets": ("projectTicket", "Ticket"),
    "/system/callbacks": ("callback", "Callback"),
}
STORED_UNDER = {"projectTicket": "ticket"}


def answer(room: Room, call: Call) -> Reply:
    """The reply to one call; refusals come back as replies."""
    try:
        for method, pattern, act in ROUTES:
            match = pattern.fullmatch(call.path)
            if match and method == call.method:
                return act(room, call, [_number(text) for text in match.groups()])
        if any(pattern.fullmatch(call.path) for _, pattern, _ in ROUTES):
            return refusal(405, "MethodNotAllowed", f"The method {call.method} is not allowed.").reply
        return refusal(404, "NotFound", "The requested resource was not found.").reply
    except Refusal as refused:
        return refused.reply


def _number(text: str) -> int:
    if int(text) >= 2**31:
        raise refusal(400, "InvalidParameter", f"The value '{text}' is not valid for Int32.")
    return int(text)


def _rows(room: Room, kind: str) -> list[Json]:
    rows = room.state.all(STORED_UNDER.get(kind, kind))
    return [one for one in rows if one["recordType"] == "ProjectTicket"] if kind == "projectTicket" else rows


def _table_list(room: Room, call: Call, address: str) -> Reply:
    kind = TABLES[address][0]
    return call.listed(kind, _rows(room, kind))


def _table_search(room: Room, call: Call, address: str) -> Reply:
    """POST …/search: the same as the list, with the conditions in the body."""
    body = call.json()
    if not isinstance(body, dict):
        raise refusal(400, "InvalidJson", "The request body is not a JSON object.")
    renamed = {"childconditions": "childConditions", "customfieldconditions": "customFieldConditions"}
    words = {
        renamed.get(str(name), str(name)): value for name, value in body.items() if isinstance(value, str)
    }
    call.query = {**call.query, **words}
    kind = TABLES[address][0]
    return call.listed(kind, _rows(room, kind))


def _table_count(room: Room, call: Call, address: str) -> Reply:
    kind = TABLES[address][0]
    return Reply(200, {"count": len(filtered(names_of(kind), _rows(room, kind), call.query))})


def _table_one(room: Room, call: Call, address: str, number: int) -> Reply:
    kind, label = TABLES[address]
    record = next((one for one in _rows(room, kind) if one["id"] == number), None)
    if record is None:
        raise not_found(label, number)
    return call.one(kind, record)


def _statuses(room: Room, call: Call, numbers: list[int]) -> Reply:
    if room.state.get("board", numbers[0]) is None:
        raise not_found("Service Board", numbers[0])
    return call.listed(
        "status", [one for one in room.state.all("status") if one["board"]["id"] == numbers[0]]
    )


def _ticket_configurations(room: Room, call: Call, numbers: list[int]) -> Reply:
    ticket = tickets.find_ticket(room, numbers[0])
    rows = ticket.get("_practice", {}).get("configuration", [])
    return call.listed("configurationReference", rows)


def _member_list(room: Room, call: Call, _: list[int]) -> Reply:
    """GET /system/info/members: the short form every API member may read."""
    rows = [
        {
            name: one[name]
            for name in ("id", "identifier", "firstName", "lastName", "licenseClass", "inactiveFlag")
        }
        | {"fullName": full_name(one), "defaultEmail": one.get("officeEmail", ""), "_info": one["_info"]}
        for one in room.state.all("member")
    ]
    return call.listed("memberInfo", rows)


def _system(room: Room, call: Call, _: list[int]) -> Reply:
    facts = {
        "version": "v2025.1.105333",
        "isCloud": room.settings.cloud,
        "serverTimeZone": "Eastern Standard Time",
        "licenseBits": [{"name": "ServiceDesk", "activeFlag": True}],
        "cloudRegion": "NA",
    }
    return Reply(200, facts)


def _add_callback(room: Room, call: Call, _: list[int]) -> Reply:
    fields, call.unknown[:] = checked_body("callback", "callback", call.json())
    for name in ("url", "objectId", "type", "level"):
        if not fields.get(name):
            raise invalid(
                "callback", Complaint("MissingRequiredField", f"The {name} field is required.", name)
            )
    same = ("url", "objectId", "type", "level")
    if any(all(one.get(name) == fields[name] for name in same) for one in room.state.all("callback")):
        raise refusal(400, "ObjectExists", "A callback with this url, type and level already exists.")
    record = {**fields, "id": room.state.take_id("callback"), "inactiveFlag": False, "_info": room.stamp()}
    room.commit([("put", "callback", record)])
    return call.one("callback", record, 201)


def _delete_callback(room: Room, call: Call, numbers: list[int]) -> Reply:
    record = room.state.get("callback", numbers[0])
    if record is None:
        raise not_found("Callback", numbers[0])
    room.commit([("delete", "callback", record)])
    return Reply(204)


def _documents(room: Room, call: Call, _: list[int]) -> Reply:
    kind, number = call.query.get("recordType", ""), call.query.get("recordId", "")
    rows = [
        one
        for one in room.state.all("document")
        if one["_practice"] == {"recordType": kind, "recordId": number}
    ]
    return call.listed("document", rows)


def _add_document(room: Room, call: Call, _: list[int]) -> Reply:
    if call.form is None:
        raise refusal(415, "UnsupportedMediaType", "The request entity's media type is not supported.")
    upload = call.form.get("file")
    words = {name: value for name, value in call.form.items() if isinstance(value, str)}
    for name in ("recordType", "recordId", "title"):
        if not words.get(name):
            raise invalid(
                "document", Complaint("MissingRequiredField", f"The {name} field is required.", name)
            )
    if not isinstance(upload, Upload):
        raise invalid("document", Complaint("MissingRequiredField", "The file field is required.", "file"))
    if words["recordType"] == "Ticket":
        tickets.find_ticket(room, int(words["recordId"]) if words["recordId"].isdigit() else 0)
    record: Json = {
        "id": room.state.take_id("document"),
        "title": words["title"],
        "fileName": upload.name,
        "serverFileName": upload.name,
        "owner": room.api_member["identifier"],
        "linkFlag": False,
        "imageFlag": upload.name.lower().endswith((".png", ".jpg", ".jpeg", ".gif")),
        "publicFlag": words.get("privateFlag", "false").lower() != "true",
        "size": len(upload.content),
        "createdOnDate": room.now_text(),
        "_practice": {"recordType": words["recordType"], "recordId": words["recordId"]},
        "_info": room.stamp(),
    }
    room.commit([("put", "document", record)])
    return call.one("document", record, 201)


def _without_body(act: Callable[[], None]) -> Reply:
    act()
    return Reply(204)


def _delete_note(room: Room, call: Call, numbers: list[int]) -> Reply:
    room.commit([("delete", "note", tickets.find_note(room, numbers[0], numbers[1]))])
    return Reply(204)


def _delete_schedule(room: Room, call: Call, numbers: list[int]) -> Reply:
    room.commit([("delete", "scheduleEntry", time.find_schedule(room, numbers[0]))])
    return Reply(204)


def _ticket_routes(kind: str, *, project: bool) -> list[tuple[str, str, Answer]]:
    """The addresses service and project tickets share."""
    root = f"/{kind}/tickets/(\\d+)"
    shown, notes, every = "ticket", "note", "allNote"
    if project:
        shown, notes, every = "projectTicket", "projectNote", "projectAllNote"
    return [
        (
            "PATCH",
            root,
            lambda room, call, n: call.one(
                shown, tickets.patch_ticket(room, n[0], call.json(), project_only=project)
            ),
        ),
        (
            "GET",
            f"{root}/notes",
            lambda room, call, n: call.listed(notes, tickets.notes_of(room, n[0], project_only=project)),
        ),
        (
            "POST",
            f"{root}/notes",
            lambda room, call, n: call.made(
                notes, tickets.add_note(room, n[0], call.json(), project_only=project)
            ),
        ),
        (
            "GET",
            f"{root}/notes/(\\d+)",
            lambda room, call, n: call.one(notes, tickets.find_note(room, n[0], n[1])),
        ),
        (
            "PATCH",
            f"{root}/notes/(\\d+)",
            lambda room, call, n: call.one(notes, tickets.patch_note(room, n[0], n[1], call.json())),
        ),
        ("DELETE", f"{root}/notes/(\\d+)", _delete_note),
        (
            "GET",
            f"{root}/allNotes",
            lambda room, call, n: call.listed(every, tickets.all_notes_of(room, n[0], project_only=project)),
        ),
        ("GET", f"{root}/configurations", _ticket_configurations),
    ]


def _table_routes(address: str) -> list[tuple[str, str, Answer]]:
    return [
        ("GET", address, lambda room, call, n: _table_list(room, call, address)),
        ("POST", f"{address}/search", lambda room, call, n: _table_search(room, call, address)),
        ("GET", f"{address}/count", lambda room, call, n: _table_count(room, call, address)),
        ("GET", f"{address}/(\\d+)", lambda room, call, n: _table_one(room, call, address, n[0])),
    ]


def _routes() -> list[tuple[str, re.Pattern[str], Answer]]:
    rows: list[tuple[str, str, Answer]] = [
        (
            "POST",
            "/service/tickets",
            lambda room, call, n: call.made("ticket", tickets.create_ticket(room, call.json())),
        ),
        ("GET", "/service/boards/(\\d+)/statuses", _statuses),
        ("GET", "/system/info", _system),
        ("GET", "/system/info/members", _member_list),
        (
            "POST",
            "/time/entries",
            lambda room, call, n: call.made("timeEntry", time.add_entry(room, call.json())),
        ),
        (
            "PATCH",
            "/time/entries/(\\d+)",
            lambda room, call, n: call.one("timeEntry", time.patch_entry(room, n[0], call.json())),
        ),
        (
            "DELETE",
            "/time/entries/(\\d+)",
            lambda room, call, n: _without_body(lambda: time.delete_entry(room, n[0])),
        ),
        (
            "POST",
            "/schedule/entries",
            lambda room, call, n: call.made("scheduleEntry", time.add_schedule(room, call.json())),
        ),
        ("DELETE", "/schedule/entries/(\\d+)", _delete_schedule),
        ("POST", "/system/callbacks", _add_callback),
        ("DELETE", "/system/callbacks/(\\d+)", _delete_callback),
        ("GET", "/system/documents", _documents),
        ("POST", "/system/documents", _add_document),
        *_ticket_routes("service", project=False),
        *_ticket_routes("project", project=True),
    ]
    for address in TABLES:
        rows += _table_routes(address)
    return [(method, re.compile(text, re.IGNORECASE), act) for method, text, act in rows]


ROUTES = _routes()
