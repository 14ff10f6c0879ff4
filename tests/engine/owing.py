"""A solved and an escalated Session of Ana's, and what is owed for them under given settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from engine.history import History
from engine.posts import (
    ForecastLine,
    PostDraft,
    forecast,
    owed,
)
from engine.psa import BoardStatus, Ticket, parse_settings
from engine.session import Escalation, Status, StepKind, Target
from tests.engine.record import ANA, BEN, NOON, TICKET, history, step, worked

BERLIN = ZoneInfo("Europe/Berlin")
DONE, CLOSED, NO_TIME = 30, 31, 32
STATUSES = (
    BoardStatus(DONE, "Completed", 21),
    BoardStatus(CLOSED, "Closed", 21, closed=True),
    BoardStatus(NO_TIME, "Invoiced", 21, time_entry_not_allowed=True),
)
MEMBERS = {ANA: (7, "ana"), BEN: (8, "ben")}
POST = UUID(int=0x1234ABCD)
MARKER, REF = "[fp:1234abcd]", "Ref FP-1234ABCD"
DOINGS = (step(1, "Power cycle the printer"), step(2, "Restart the print spooler", "fixed"))
SOLVED = history(
    *DOINGS,
    step(3, "Print a test page", "yes", kind=StepKind.VERIFICATION),
    status=Status.RESOLVED,
    ticket_id=4711,
)
ASKED = history(
    *DOINGS[:1],
    status=Status.REQUESTING_ESCALATION,
    escalation=Escalation(ANA, NOON, "Out of ideas", Target()),
    ticket_id=4711,
)
CUSTOMER = (
    "Your request “Cannot print to the printer upstairs” has been solved. "
    "Solution: Restart the print spooler. We checked that it works."
)


def drafts(
    occasion: str = "resolution",
    record: History = SOLVED,
    reviewed: Mapping[str, Any] | None = None,
    ticket: Ticket | None = TICKET,
    engineer: UUID = ANA,
    **around: Any,
) -> dict[str, PostDraft]:
    """What is owed by kind; a second part of a kind gets a number. Settings are given by their names."""
    given_settings = {k: around.pop(k) for k in list(around) if k in SETTINGS}
    facts: dict[str, Any] = {
        "connected": True, "members": MEMBERS, "statuses": STATUSES, "zone": BERLIN, "unowed": (worked(0, 23),), **around,
    }  # fmt: skip
    settings = parse_settings(given_settings)
    found = owed(record, occasion, engineer, settings, ticket, reviewed=reviewed, **facts)
    named: dict[str, PostDraft] = {}
    for draft in found:
        named[draft.kind if draft.kind not in named else f"{draft.kind}{len(named)}"] = draft
    return named


SETTINGS = {
    *("auto_push", "review_before_push", "note_visibility", "time_entries", "time_rounding_minutes"),
    *("resolved_status", "escalated_status"),
}
SHARED: dict[str, Any] = {"note_visibility": "discussion", "resolved_status": {"21": DONE}}


def held(found: Mapping[str, PostDraft]) -> dict[str, str | None]:
    return {kind: draft.held_because for kind, draft in found.items()}


def lines(**around: Any) -> tuple[ForecastLine, ...]:
    settings = parse_settings({k: around.pop(k) for k in list(around) if k in SETTINGS})
    facts: dict[str, Any] = {
        "connected": True, "members": MEMBERS, "statuses": STATUSES, "zone": BERLIN, "reviewed": None,
        "unowed": (worked(0, 23),), **around,
    }  # fmt: skip
    return forecast(SOLVED, "resolution", ANA, settings, TICKET, **facts)
