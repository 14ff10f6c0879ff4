"""The control addresses under /_practice: faults, settings, state, journal, reset and new tickets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from demo.psa_api import Call, answer
from demo.psa_faults import Faults
from demo.psa_refusals import Reply
from demo.psa_room import Room, Settings, full_name

KINDS_SHOWN = {
    "tickets": "ticket",
    "notes": "note",
    "timeEntries": "timeEntry",
    "emails": "email",
    "documents": "document",
    "scheduleEntries": "scheduleEntry",
    "callbacks": "callback",
    "members": "member",
    "companies": "company",
    "contacts": "contact",
    "configurations": "configuration",
    "boards": "board",
    "statuses": "status",
}


class Control:
    """Answers the control addresses. `start_again` puts the samples back."""

    def __init__(self, room: Room, faults: Faults, start_again: Callable[[], None]) -> None:
        self._room = room
        self._faults = faults
        self._start_again = start_again

    def answer(self, method: str, path: str, query: Mapping[str, str], body: bytes, base: str) -> Reply:
        """Faults: GET PUT POST DELETE; settings: GET PUT; state, journal: GET; reset, tickets: POST."""
        try:
            sent = json.loads(body) if body.strip() else None
            match method, path.strip("/").split("/")[1:]:
                case _, ["faults", *rest]:
                    return self._answer_faults(method, rest, sent)
                case "GET", ["settings"]:
                    return Reply(200, _shown(self._room.settings))
                case "PUT", ["settings"]:
                    return self._change_settings(sent)
                case "GET", ["state"]:
                    return Reply(200, self.state(query))
                case "GET", ["journal"]:
                    return Reply(200, self.journal(query))
                case "DELETE", ["journal"]:
                    self._room.state.forget_requests()
                    return Reply(204)
                case "POST", ["reset"]:
                    self._faults.clear()
                    self._start_again()
                    return Reply(200, {"tickets": len(self._room.state.all("ticket"))})
                case "POST", ["tickets"]:
                    return self._new_ticket(sent, base)
                case _:
                    return _wrong(404, "No such control address.")
        except (TypeError, ValueError, re.error) as error:
            return _wrong(400, str(error))

    def state(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Every record as it is kept; `ticket=4711` leaves only what belongs to that ticket."""
        number = int(query["ticket"]) if query.get("ticket") else None
        shown: dict[str, Any] = {}
        for name, kind in KINDS_SHOWN.items():
            rows = self._room.state.all(kind)
            if number is not None:
                key = {"ticket": "id", "timeEntry": "chargeToId", "scheduleEntry": "objectId"}.get(
                    kind, "ticketId"
                )
                rows = [row for row in rows if row.get(key) == number]
            if number is None or kind in ("ticket", "note", "timeEntry", "email", "scheduleEntry"):
                shown[name] = rows
        return shown

    def journal(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """Requests, oldest first; `method` and `path` (regular expression) choose."""
        method, path = query.get("method", "").upper(), query.get("path", "")
        entries = [dict(one) for one in self._room.state.journal]
        return [
            one for one in entries if (not method or one["method"] == method) and re.search(path, one["path"])
        ]

    def _answer_faults(self, method: str, rest: list[str], sent: Any) -> Reply:
        if method == "PUT":
            self._faults.replace(sent if isinstance(sent, list) else [sent])
        elif method == "POST":
            return Reply(201, self._faults.add(**(sent or {})).as_json())
        elif method == "DELETE" and rest:
            return Reply(204) if self._faults.remove(int(rest[0])) else _wrong(404, "No such fault.")
        elif method == "DELETE":
            self._faults.clear()
            return Reply(204)
        elif method != "GET":
            return _wrong(405, "Use GET, PUT, POST or DELETE.")
        return Reply(200, self._faults.as_json())

    def _change_settings(self, sent: Any) -> Reply:
        if not isinstance(sent, dict):
            raise TypeError("Send an object with the settings to change.")
        wanted: Any = sent  # the names and types are checked just below, against the settings in force
        changed = replace(self._room.settings, **wanted)
        for name, value in sent.items():
            if type(value) is not type(getattr(self._room.settings, name)):
                raise TypeError(f"{name} has the wrong type.")
        self._room.settings = changed
        return Reply(200, _shown(changed))

    def _new_ticket(self, sent: Any, base: str) -> Reply:
        """A ticket by names: {"summary", "contact": "Jane Doe", "board": "Help Desk", "description"?, …}."""
        if not isinstance(sent, dict) or not sent.get("summary") or not sent.get("contact"):
            raise ValueError('Send at least {"summary": …, "contact": "Jane Doe"}.')
        found = next((o for o in self._room.state.all("contact") if full_name(o) == sent["contact"]), None)
        if found is None:
            raise ValueError(f"No contact {sent['contact']!r}.")
        body: dict[str, Any] = {"summary": sent["summary"], "company": {"id": found["company"]["id"]}}
        body["contact"] = {"id": found["id"]}
        body["board"] = {"name": sent.get("board", "Help Desk")}
        for name, key in (("status", "name"), ("priority", "name"), ("owner", "identifier")):
            if sent.get(name):
                body[name] = {key: sent[name]}
        if sent.get("description"):
            body["initialDescription"] = sent["description"]
        headers = {"Content-Type": "application/json"}
        return answer(
            self._room, Call("POST", "/service/tickets", {}, headers, json.dumps(body).encode(), base)
        )


def _shown(settings: Settings) -> dict[str, Any]:
    return {name: value for name, value in asdict(settings).items() if name != "private_key"}


def _wrong(status: int, message: str) -> Reply:
    return Reply(status, {"error": message})
