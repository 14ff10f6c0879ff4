"""Turns the sample files into the records a new practice ConnectWise starts with, dated relative to now."""

from __future__ import annotations

import re
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from demo.psa_refusals import Json
from demo.psa_room import full_name, reference_to
from demo.psa_state import Change

PLACE_FLAGS = {
    "internal": "internalAnalysisFlag",
    "discussion": "detailDescriptionFlag",
    "resolution": "resolutionFlag",
}
UNITS = {"d": "days", "h": "hours", "m": "minutes"}
FIRST_NUMBERS = {"note": 90_100, "timeEntry": 70_100, "scheduleEntry": 60_100, "email": 0}


def seed(now: datetime) -> list[Change]:
    """Every record of a fresh start. `now` is what "2h" and "in 4h" in the files are counted from."""
    return _Seed(now.astimezone(UTC)).changes()


@lru_cache(maxsize=4)
def _file(name: str) -> Any:
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return yaml.safe_load(text)


def span(text: str) -> timedelta:
    """The time span of a text like 3d 4h 20m; one that begins with "in" is negative, for it lies ahead."""
    parts = re.findall(r"(\d+)([dhm])", text)
    if not parts:
        raise ValueError(f"not a span: {text!r}")
    total = timedelta(**{UNITS[unit]: int(count) for count, unit in parts})
    return -total if text.startswith("in ") else total


class _Seed:
    def __init__(self, now: datetime) -> None:
        self._now = now
        self._world = deepcopy(_file("practice.yaml"))
        self._rows: dict[str, dict[int, Json]] = {}
        self._numbers = dict(FIRST_NUMBERS)

    def changes(self) -> list[Change]:
        for kind, rows in self._world.items():
            for row in rows:
                self._put(kind, row)
        self._complete_world()
        written = [*_file("tickets.yaml"), *_file("earlier_tickets.yaml")]
        for one in deepcopy(written):
            self._add_ticket(one)
        for one in written:
            self._link_merged(one)
        return [("put", kind, row) for kind, rows in self._rows.items() for row in rows.values()]

    def _at(self, text: str) -> str:
        return (self._now - span(text)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _put(self, kind: str, row: Json) -> Json:
        long_ago = self._at("200d")
        stamp = {"lastUpdated": long_ago, "updatedBy": "carla", "dateEntered": long_ago, "enteredBy": "carla"}
        row.setdefault("_info", stamp)
        self._rows.setdefault(kind, {})[row["id"]] = row
        return row

    def _find(self, kind: str, name: str) -> Json:
        rows = self._rows[kind].values()
        found = next(
            (one for one in rows if name in (one.get("identifier"), one.get("name"), one.get("key"))), None
        )
        if found is None:
            raise ValueError(f"the sample files name no {kind} {name!r}")
        return found

    def _reference(self, kind: str, name: str) -> Json:
        return reference_to(kind, self._find(kind, name))

    def _complete_world(self) -> None:
        """References between the fixed records, written by name in the file."""
        for status in self._rows["status"].values():
            status["board"] = self._reference("board", status["board"])
        for site in self._rows["site"].values():
            site["company"] = self._reference("company", site["company"])
        for contact in self._rows["contact"].values():
            self._complete_contact(contact)
        for device in self._rows["configuration"].values():
            self._complete_device(device)
        for company in self._rows["company"].values():
            contact = next(
                one for one in self._rows["contact"].values() if one["company"]["id"] == company["id"]
            )
            company["defaultContact"] = reference_to("contact", contact)
            company["site"] = contact["site"]

    def _complete_contact(self, contact: Json) -> None:
        site = next(
            one for one in self._rows["site"].values() if one["company"]["identifier"] == contact["company"]
        )
        contact["company"], contact["site"] = (
            self._reference("company", contact["company"]),
            reference_to("site", site),
        )
        phone, mail = contact.pop("phone"), contact.pop("email")
        contact.update(defaultPhoneType="Direct", defaultPhoneNbr=phone, inactiveFlag=False)
        contact["communicationItems"] = [
            {
                "id": contact["id"] * 10 + 1,
                "type": {"id": 2, "name": "Direct"},
                "value": phone,
                "defaultFlag": True,
                "communicationType": "Phone",
            },
            {
                "id": contact["id"] * 10 + 2,
                "type": {"id": 1, "name": "Email"},
                "value": mail,
                "defaultFlag": True,
                "domain": "@" + mail.split("@")[1],
                "communicationType": "Email",
            },
        ]

    def _complete_device(self, device: Json) -> None:
        device["company"] = self._reference("company", device["company"])
        device["status"], device["activeFlag"] = {"id": 1, "name": "Active"}, True
        device["type"] = {"id": device.pop("typeId"), "name": device["type"]}
        if age := device.pop("last_backup", None):
            device["lastBackupDate"] = self._at(age)
        if name := device.pop("contact", None):
            contact = self._contact(name)
            device["contact"], device["site"] = reference_to("contact", contact), contact["site"]

    def _contact(self, name: str) -> Json:
        return next(one for one in self._rows["contact"].values() if full_name(one) == name)

    def _add_ticket(self, one: Json) -> None:
        board = self._find("board", one["board"])
        status = next(
            s
            for s in self._rows["status"].values()
            if s["board"]["id"] == board["id"] and s["name"] == one["status"]
        )
        contact = self._contact(one["contact"])
        ticket = self._ticket_body(one, board, status, contact)
        self._put("ticket", ticket)
        notes = [
            {"place": "discussion", "at": one["opened"], "text": one["description"]},
            *one.get("notes", []),
        ]
        for note in notes:
            self._add_note(ticket, note, contact)
        for entry in one.get("time", []):
            self._add_time(ticket, entry)
        latest = min((span(note["at"]) for note in notes), default=span(one["opened"]))
        ticket["_info"]["lastUpdated"] = (self._now - latest).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _ticket_body(self, one: Json, board: Json, status: Json, contact: Json) -> Json:
        opened = self._at(one["opened"])
        enterer = "monitoring" if one.get("source") == "Monitoring" else "emailconnector"
        phone, mail = (item["value"] for item in contact["communicationItems"])
        ticket: Json = {
            "id": one["id"],
            "summary": one["summary"],
            "recordType": "ProjectTicket" if board.get("projectFlag") else "ServiceTicket",
            "board": reference_to("board", board),
            "status": reference_to("status", status),
            "company": contact["company"],
            "site": contact["site"],
            "siteName": contact["site"]["name"],
            "contact": reference_to("contact", contact),
            "contactName": full_name(contact),
            "contactPhoneNumber": phone,
            "contactEmailAddress": mail,
            "type": {"id": one["typeId"], "name": one["type"]},
            "priority": self._reference("priority", one["priority"]),
            "source": self._reference("source", one.get("source", "Email Connector")),
            "severity": one.get("severity", "Medium"),
            "impact": one.get("impact", "Medium"),
            "sla": {"id": 1, "name": "Standard"}
            if one.get("sla", "Standard") == "Standard"
            else {"id": 2, "name": "Gold"},
            "closedFlag": bool(status.get("closedStatus")),
            "actualHours": 0.0,
            "automaticEmailContactFlag": False,
            "automaticEmailResourceFlag": False,
            "automaticEmailCcFlag": False,
            "customerUpdatedFlag": bool(one.get("customer_updated")),
            "hasMergedChildTicketFlag": False,
            "location": {"id": 2, "name": "Main Office"},
            "department": {"id": 10, "name": "Technology"},
            "_info": {
                "lastUpdated": opened,
                "updatedBy": enterer,
                "dateEntered": opened,
                "enteredBy": enterer,
            },
        }
        devices = [self._find("configuration", name) for name in one.get("devices", [])]
        rows = [{"id": d["id"], "deviceIdentifier": d["deviceIdentifier"]} for d in devices]
        ticket["_practice"] = {"configuration": rows}
        self._add_dates(ticket, one, status)
        if ticket["recordType"] == "ProjectTicket":
            ticket["project"], ticket["phase"] = one["project"], one["phase"]
            ticket["_practice"]["team"] = one["team"]
        return ticket

    def _add_dates(self, ticket: Json, one: Json, status: Json) -> None:
        if one.get("owner"):
            ticket["owner"] = self._reference("member", one["owner"])
            ticket["resources"] = one["owner"]
        if one.get("due"):
            goal = self._at(one["due"])
            late = span(one["due"]) > timedelta(0)
            ticket.update(requiredDate=goal, resolutionGoalUTC=goal, isInSla=not late)
            ticket["slaStatus"] = f"Resolve by {goal[:10]} {goal[11:16]} UTC"
        if status.get("closedStatus"):
            closed = self._at(one["closed"])
            ticket.update(closedDate=closed, dateResolved=closed, closedBy=one["owner"], slaStatus="Resolved")

    def _link_merged(self, one: Json) -> None:
        if parent := one.get("merged_into"):
            ticket, into = self._rows["ticket"][one["id"]], self._rows["ticket"][parent]
            ticket["mergedParentTicket"] = reference_to("ticket", into)
            ticket["closedFlag"] = True
            into["hasMergedChildTicketFlag"] = True

    def _number(self, kind: str) -> int:
        self._numbers[kind] += 1
        return self._numbers[kind]

    def _add_note(self, ticket: Json, note: Json, contact: Json) -> None:
        at, flag = self._at(note["at"]), PLACE_FLAGS[note["place"]]
        writer = {"member": self._reference("member", note["by"])} if note.get("by") else {}
        author = note.get("by") or "emailconnector"
        row: Json = {
            "id": self._number("note"),
            "ticketId": ticket["id"],
            "text": note["text"].strip(),
            **{name: name == flag for name in PLACE_FLAGS.values()},
            "issueFlag": False,
            "customerUpdatedFlag": False,
            "processNotifications": False,
            "dateCreated": at,
            "createdBy": author,
            "internalFlag": note["place"] == "internal",
            "externalFlag": note["place"] != "internal",
            **(writer or {"contact": reference_to("contact", contact)}),
            "_info": {"lastUpdated": at, "updatedBy": author, "dateEntered": at, "enteredBy": author},
        }
        self._put("note", row)

    def _add_time(self, ticket: Json, entry: Json) -> None:
        start, minutes = self._now - span(entry["at"]), int(entry["minutes"])
        begun, ended = (
            moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in (start, start + timedelta(minutes=minutes))
        )
        row: Json = {
            "id": self._number("timeEntry"),
            "company": ticket["company"],
            "companyType": "Customer",
            "chargeToId": ticket["id"],
            "chargeToType": "ProjectTicket" if ticket["recordType"] == "ProjectTicket" else "ServiceTicket",
            "member": self._reference("member", entry["by"]),
            "locationId": 2,
            "businessUnitId": 10,
            "workType": {"id": 1, "name": "Remote Support"},
            "workRole": {"id": 1, "name": "Help Desk Engineer"},
            "timeStart": begun,
            "timeEnd": ended,
            "actualHours": round(minutes / 60, 2),
            "billableOption": "Billable",
            "notes": entry["notes"],
            "addToDetailDescriptionFlag": False,
            "addToInternalAnalysisFlag": False,
            "addToResolutionFlag": bool(entry.get("resolution")),
            "enteredBy": entry["by"],
            "dateEntered": ended,
            "status": "Open",
            "ticket": reference_to("ticket", ticket),
            "ticketBoard": ticket["board"]["name"],
            "ticketStatus": ticket["status"]["name"],
            "_info": {
                "lastUpdated": ended,
                "updatedBy": entry["by"],
                "dateEntered": ended,
                "enteredBy": entry["by"],
            },
        }
        self._put("timeEntry", row)
        ticket["actualHours"] = round(ticket["actualHours"] + minutes / 60, 2)
