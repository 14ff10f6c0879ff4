"""What the routes of the practice ConnectWise share: settings, clock, records, and how a record is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from demo.psa_refusals import Complaint, Json, invalid
from demo.psa_state import Change, State

Resolve = Callable[["Room", str, str, Json, str], Json]


@dataclass(frozen=True, slots=True)
class Settings:
    """How this ConnectWise behaves. What nobody could verify on a real one is switchable here.

    `cloud`: wrong keys earn 404 instead of 401. `all_notes`: 200, or the status allNotes refuses with.
    `rate_per_minute`: 0 is no limit. `closed_before`: time entries that start earlier are refused ("" never).
    `member_honoured`: a `member` in a body becomes the author; otherwise the API member does.
    `wrong_host`: "html" or "ssl" answers every API call as the host without `api-` does.
    `newlines_collapse`: line breaks in note text come back as spaces.
    """

    company: str = "practice"
    public_key: str = "practice-public"
    private_key: str = "practice-private"
    client_id: str = "00000000-0000-4000-8000-000000000000"
    cloud: bool = True
    all_notes: int = 200
    rate_per_minute: int = 0
    closed_before: str = ""
    member_honoured: bool = True
    wrong_host: str = ""
    newlines_collapse: bool = False


REFERENCE_NAMES = {
    "board": ("name",),
    "status": ("name", "sort"),
    "company": ("identifier", "name"),
    "contact": ("name",),
    "member": ("identifier", "name"),
    "priority": ("name", "sort"),
    "site": ("name",),
    "workRole": ("name",),
    "workType": ("name",),
    "scheduleType": ("identifier",),
    "ticket": ("summary",),
    "source": ("name",),
    "sla": ("name",),
    "project": ("name",),
    "phase": ("name",),
    "type": ("name",),
}
ADDRESSES = {
    "board": "service/boards",
    "company": "company/companies",
    "contact": "company/contacts",
    "member": "system/members",
    "owner": "system/members",
    "priority": "service/priorities",
    "sla": "service/SLAs",
    "workRole": "time/workRoles",
    "workType": "time/workTypes",
    "ticket": "service/tickets",
    "mergedParentTicket": "service/tickets",
    "project": "project/projects",
    "source": "service/sources",
    "location": "system/locations",
    "department": "system/departments",
}
NOT_ON_PROJECT_NOTES = ("dateCreated", "createdBy", "isMarkdownFlag", "createdByParentFlag")
PROJECT_ONLY = ("project", "phase", "wbsCode")
NOT_ON_PROJECT_TICKETS = (
    "recordType",
    "team",
    "severity",
    "impact",
    "sla",
    "slaStatus",
    "isInSla",
    "resolutionGoalUTC",
    "respondByGoalUTC",
    "mergedParentTicket",
    "hasMergedChildTicketFlag",
    "hasChildTicket",
    "dateResolved",
    "dateResponded",
    "initialDescription",
)


def reference_to(kind: str, record: Json) -> Json:
    """The short form of a record that other records carry."""
    shown = full_name(record) if kind in ("member", "contact") else record.get("name")
    reference: Json = {"id": record["id"]}
    for name in REFERENCE_NAMES[kind]:
        value = shown if name == "name" else record.get("sortOrder" if kind == "status" else name)
        value = record.get("identifier") if name == "identifier" else value
        value = record.get("summary") if name == "summary" else value
        if value is not None:
            reference[name] = value
    return reference


def full_name(record: Json) -> str:
    return f"{record.get('firstName', '')} {record.get('lastName', '')}".strip()


class Room:
    """The records, the settings, the clock, and the making of new records."""

    def __init__(self, state: State, settings: Settings, clock: Callable[[], datetime]) -> None:
        self.state = state
        self.settings = settings
        self.clock = clock
        self.written: list[str] = []

    def now_text(self) -> str:
        return self.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def commit(self, changes: Iterable[Change]) -> None:
        """Keeps the changes on disk and remembers what this request wrote, for the journal."""
        kept = list(changes)
        self.state.commit(kept)
        self.written += [f"{verb} {kind} {record['id']}" for verb, kind, record in kept]

    @property
    def api_member(self) -> Json:
        return next(one for one in self.state.all("member") if one.get("licenseClass") == "A")

    def author(self, wanted: Any, resource: str, resolve: Resolve) -> Json:
        """The member a body names, or the API member; refuses unknown and inactive ones."""
        if not wanted:
            return self.api_member
        member = resolve(self, "member", "member", wanted, resource)
        if member.get("inactiveFlag"):
            message = f"Member {member['identifier']} is inactive."
            raise invalid(resource, Complaint("InvalidField", message, "member/id"))
        return member if self.settings.member_honoured else self.api_member

    def stamp(self, name: str = "") -> Json:
        now, who = self.now_text(), name or self.api_member["identifier"]
        return {"lastUpdated": now, "updatedBy": who, "dateEntered": now, "enteredBy": who}

    def touch(self, record: Json) -> None:
        record["_info"] = {
            **record["_info"],
            "lastUpdated": self.now_text(),
            "updatedBy": self.api_member["identifier"],
        }

    def touched(self, record: Json) -> Json:
        copy = deepcopy(record)
        self.touch(copy)
        return copy

    def new_ticket(self, summary: str, board: Json, status: Json, company: Json) -> Json:
        return {
            "id": self.state.take_id("ticket"),
            "summary": summary,
            "recordType": "ServiceTicket",
            "board": reference_to("board", board),
            "status": reference_to("status", status),
            "company": reference_to("company", company),
            "priority": reference_to("priority", self.state.all("priority")[2]),
            "severity": "Medium",
            "impact": "Medium",
            "closedFlag": bool(status.get("closedStatus")),
            "actualHours": 0.0,
            "automaticEmailContactFlag": False,
            "automaticEmailResourceFlag": False,
            "automaticEmailCcFlag": False,
            "customerUpdatedFlag": False,
            "hasMergedChildTicketFlag": False,
            "location": {"id": 2, "name": "Main Office"},
            "department": {"id": 10, "name": "Technology"},
            "_info": self.stamp(),
        }

    def fill_contact(self, ticket: Json) -> None:
        """Copies name, phone and e-mail of the ticket's contact onto it, as ConnectWise does."""
        contact = self.state.get("contact", int(ticket.get("contact", {}).get("id", 0)))
        if contact is None:
            return
        ticket["contactName"] = full_name(contact)
        for item in contact["communicationItems"]:
            name = "contactPhoneNumber" if item["communicationType"] == "Phone" else "contactEmailAddress"
            ticket.setdefault(name, item["value"])

    def new_note(self, ticket: Json, text: str, flags: Json, member: Json | None = None) -> Json:
        author = member or self.api_member
        stamp = self.stamp(author["identifier"])
        inside = bool(flags.get("internalAnalysisFlag"))
        outside = bool(flags.get("detailDescriptionFlag") or flags.get("resolutionFlag"))
        return {
            "id": self.state.take_id("note"),
            "ticketId": ticket["id"],
            "text": " ".join(text.splitlines()) if self.settings.newlines_collapse else text,
            "detailDescriptionFlag": bool(flags.get("detailDescriptionFlag")),
            "internalAnalysisFlag": inside,
            "resolutionFlag": bool(flags.get("resolutionFlag")),
            "issueFlag": bool(flags.get("issueFlag")),
            "member": reference_to("member", author),
            "customerUpdatedFlag": False,
            "processNotifications": bool(flags.get("processNotifications")),
            "dateCreated": stamp["dateEntered"],
            "createdBy": author["identifier"],
            "internalFlag": inside,
            "externalFlag": outside,
            "_info": stamp,
        }

    def email(self, ticket: Json, to: str, reason: str) -> Change:
        """An e-mail ConnectWise would have sent: recorded, never sent."""
        number = self.state.take_id("email")
        return (
            "put",
            "email",
            {"id": number, "ticketId": ticket["id"], "to": to, "reason": reason, "at": self.now_text()},
        )

    def note_emails(self, ticket: Json, reason: str, *, contact: bool) -> list[Change]:
        """To the contact when the note is client-visible, and to the owner."""
        owner = self.state.get("member", int(ticket.get("owner", {}).get("id", 0)))
        addresses = [ticket.get("contactEmailAddress", "")] if contact else []
        addresses += [owner["officeEmail"]] if owner else []
        return [self.email(ticket, address, reason) for address in addresses if address]


def present(kind: str, record: Json, base: str) -> Json:
    """The record as it goes out: without our own notes, with the `_info` links ConnectWise adds."""
    shown = {name: _linked(name, value, base) for name, value in record.items() if name != "_practice"}
    shown = {name: value for name, value in shown.items() if value is not None}
    if kind in ("projectNote", "projectAllNote"):
        return {name: value for name, value in shown.items() if name not in NOT_ON_PROJECT_NOTES}
    if kind == "projectTicket":
        return {name: value for name, value in shown.items() if name not in NOT_ON_PROJECT_TICKETS}
    if kind == "ticket":
        shown = {name: value for name, value in shown.items() if name not in PROJECT_ONLY}
        if "_info" in shown:
            links = (
                "activities",
                "scheduleentries",
                "documents",
                "configurations",
                "tasks",
                "notes",
                "products",
            )
            own = f"{base}service/tickets/{record.get('id', 0)}"
            shown["_info"] = {**shown["_info"], **{f"{link}_href": f"{own}/{link}" for link in links}}
    return shown


def _linked(name: str, value: Any, base: str) -> Any:
    if isinstance(value, list):
        return [_linked("", one, base) for one in value]
    if not isinstance(value, dict):
        return value
    copy = {key: _linked(key, one, base) for key, one in value.items()}
    if name in ADDRESSES and "id" in copy:
        copy["_info"] = {f"{name}_href": f"{base}{ADDRESSES[name]}/{copy['id']}"}
    return copy
