"""What is owed to the PSA, what waits, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from engine.post_writes import completed
from engine.posts import (
    documentation_for,
    forecast,
    note_write,
    status_write,
)
from engine.psa import Ref, Ticket, parse_settings
from engine.remarks import MASKED
from engine.session import Escalation, Target
from tests.engine.owing import (
    ASKED,
    BERLIN,
    CLOSED,
    CUSTOMER,
    DONE,
    MEMBERS,
    NO_TIME,
    POST,
    SHARED,
    SOLVED,
    STATUSES,
    drafts,
    held,
    lines,
)
from tests.engine.record import ANA, BEN, NOON, TICKET, history, minutes, step, worked


def test_a_reviewed_resolution_owes_note_customer_note_time_and_status_in_this_order() -> None:
    found = drafts(reviewed={}, **SHARED)
    assert held(found) == {"note": None, "customer_note": None, "time": None, "status": None}
    assert list(found) == ["note", "customer_note", "time", "status"]
    assert found["note"].content["visibility"] == "internal"
    assert found["customer_note"].content["visibility"] == "discussion"
    assert found["customer_note"].content["text"] == CUSTOMER
    assert found["status"].content["status_id"] == DONE


def test_the_technical_note_is_internal_whatever_the_visibility() -> None:
    for visibility in ("internal", "discussion", "resolution"):
        found = drafts(reviewed={}, note_visibility=visibility)
        assert found["note"].content["visibility"] == "internal"
        assert ("customer_note" in found) == (visibility != "internal")


def test_keys_are_unique_and_the_same_when_asked_again() -> None:
    first, again = drafts(**SHARED), drafts(reviewed={}, **SHARED)
    assert [d.key for d in first.values()] == [d.key for d in again.values()]
    assert [d.key for d in first.values()] == [
        "resolution:note", "resolution:customer_note", f"time:{ANA}:2026-09-02T10:00:00+00:00", "resolution:status",
    ]  # fmt: skip


def test_a_second_escalation_of_the_session_has_keys_of_its_own() -> None:
    asked_again = replace(ASKED.session, escalation=Escalation(ANA, NOON + minutes(60), "Again", Target()))
    first = drafts("escalation", ASKED, {})["note"].key
    assert drafts("escalation", replace(ASKED, session=asked_again), {})["note"].key != first


# ── Which parts each occasion owes ──────────────────────────────────────────────────────────────────────────


def test_an_escalation_owes_the_internal_sbar_note_the_time_and_its_status() -> None:
    found = drafts("escalation", ASKED, {}, note_visibility="discussion", escalated_status={"21": DONE})
    assert list(found) == ["note", "time", "status"]
    assert found["note"].content["visibility"] == "internal"
    assert str(found["note"].content["text"]).startswith("Situation: Cannot print")
    assert "Out of ideas" in str(found["note"].content["text"])


@pytest.mark.parametrize(
    ("occasion", "kinds"),
    [
        ("handover", ["time"]),
        ("time", ["time"]),
        ("escalated", ["note", "time"]),
        ("abandoned", ["note", "time"]),
    ],
)
def test_what_the_other_occasions_owe(occasion: str, kinds: list[str]) -> None:
    both: dict[str, Any] = {"resolved_status": {"21": DONE}, "escalated_status": {"21": DONE}}
    assert list(drafts(occasion, reviewed={}, note_visibility="discussion", **both)) == kinds


def test_becoming_owner_was_asked_for_by_a_click_so_no_setting_holds_it() -> None:
    found = drafts("owner", engineer=BEN, auto_push="off")
    assert held(found) == {"owner": None}
    assert found["owner"].key == f"owner:{BEN}"
    assert held(drafts("owner", engineer=UUID(int=5))) == {"owner": "owner_unmapped"}
    assert drafts("owner", engineer=BEN, ticket=replace(TICKET, owner=Ref(8))) == {}


# ── The settings ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("auto_push", "occasion", "why"),
    [
        ("off", "resolution", "auto_push_off"),
        ("on_resolve", "resolution", None),
        ("on_resolve", "escalation", "auto_push_off"),
        ("on_resolve", "escalated", "auto_push_off"),
        ("on_resolve", "abandoned", None),
        ("on_resolve_and_escalate", "escalation", None),
    ],
)
def test_auto_push_says_when_notes_and_time_go_out(auto_push: str, occasion: str, why: str | None) -> None:
    found = drafts(occasion, ASKED if occasion == "escalation" else SOLVED, {}, auto_push=auto_push)
    assert held(found) == {"note": why, "time": why}


def test_time_counted_after_the_end_goes_out_as_the_end_did() -> None:
    assert held(drafts("time", SOLVED, {}, auto_push="on_resolve")) == {"time": None}
    assert held(drafts("time", ASKED, {}, auto_push="on_resolve")) == {"time": "auto_push_off"}


def test_a_closed_form_leaves_everything_unposted() -> None:
    assert held(drafts(**SHARED)) == {
        "note": "review", "customer_note": "review", "time": "time_draft", "status": "review",
    }  # fmt: skip


def test_without_review_the_notes_go_out_by_themselves_and_drafted_time_still_waits() -> None:
    found = drafts(review_before_push=False, **SHARED)
    assert held(found) == {"note": None, "customer_note": None, "time": "time_draft", "status": None}


@pytest.mark.parametrize(
    ("entries", "occasion", "reviewed", "why"),
    [
        ("draft", "handover", None, "time_draft"),
        ("draft", "handover", {}, None),
        ("draft", "resolution", {"post_time": False}, "time_draft"),
        ("automatic", "handover", None, None),
        ("automatic", "resolution", None, "review"),
        ("automatic", "resolution", {}, None),
    ],
)
def test_when_time_goes_out(
    entries: str, occasion: str, reviewed: dict[str, Any] | None, why: str | None
) -> None:
    assert drafts(occasion, reviewed=reviewed, time_entries=entries)["time"].held_because == why


def test_with_time_entries_off_none_is_owed() -> None:
    assert "time" not in drafts(reviewed={}, time_entries="off")


@pytest.mark.parametrize("entries", ["draft", "automatic"])
def test_time_of_an_unmapped_engineer_waits_and_his_note_names_him(entries: str) -> None:
    found = drafts(reviewed={}, members={}, time_entries=entries)
    assert held(found) == {"note": None, "time": "unmapped"}
    write = note_write(found["note"].content, POST)
    assert write.member_id is None
    assert "Technician: Ana Example" in write.text
    assert note_write(drafts(reviewed={})["note"].content, POST).member_id == 7


@pytest.mark.parametrize("entries", ["draft", "automatic"])
def test_over_four_hours_needs_a_tick(entries: str) -> None:
    long: dict[str, Any] = {"unowed": (worked(0, 241),), "time_entries": entries}
    assert drafts(reviewed={}, **long)["time"].held_because == "over_4h"
    assert drafts(reviewed={"long_time_confirmed": "yes"}, **long)["time"].held_because == "over_4h"
    assert drafts(reviewed={"long_time_confirmed": True}, **long)["time"].held_because is None
    assert drafts(reviewed={}, unowed=(worked(0, 240),))["time"].held_because is None


def test_an_unconfirmed_gap_is_never_owed_and_the_form_shows_it() -> None:
    gap = worked(23, 60, confirmed=None)
    found = drafts("handover", time_entries="automatic", unowed=(worked(0, 23), gap))
    assert found["time"].content["billed_minutes"] == 23
    assert [line.held_because for line in lines(unowed=(worked(0, 23), gap))][-1] == "gap"
    assert "37 min without activity" in lines(unowed=(gap,))[-1].text


def test_without_a_ticket_everything_is_kept_and_waits_for_one() -> None:
    alone = replace(SOLVED, session=replace(SOLVED.session, ticket_id=None))
    found = drafts(record=alone, ticket=None, reviewed={}, **SHARED)
    assert set(held(found).values()) == {"no_ticket"}
    assert list(found) == ["note", "customer_note", "time", "status"]
    linked = completed(found["status"].content, TICKET)
    assert status_write(linked).status_id == DONE
    assert note_write(completed(found["note"].content, TICKET), POST).ticket_id == 4711


def test_without_a_connection_everything_waits() -> None:
    assert set(held(drafts(connected=False, reviewed={}, **SHARED)).values()) == {"no_connection"}


# ── Status ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_closing_status_needs_a_tick() -> None:
    closing: dict[str, Any] = {"resolved_status": {"21": CLOSED}}
    waiting = drafts(reviewed={}, **closing)["status"]
    assert waiting.held_because == "closing_unconfirmed"
    with pytest.raises(ValueError, match="nobody ticked"):
        status_write(waiting.content)
    ticked = drafts(reviewed={"status_confirmed": True}, **closing)["status"]
    assert ticked.held_because is None
    assert ticked.content["confirmed"] is True
    assert status_write(ticked.content).status_id == CLOSED


def test_a_status_after_which_no_time_can_be_entered_waits_for_held_time() -> None:
    last: dict[str, Any] = {"resolved_status": {"21": NO_TIME}}
    assert drafts(reviewed={}, members={}, **last)["status"].held_because == "time_first"
    assert drafts(reviewed={}, **last)["status"].held_because is None


@pytest.mark.parametrize(
    ("ticket", "by_board"),
    [(TICKET, {}), (TICKET, {"22": DONE}), (replace(TICKET, status=Ref(DONE)), {"21": DONE})],
)
def test_a_status_that_is_not_chosen_or_set_already_is_left_alone(
    ticket: Ticket, by_board: dict[str, int]
) -> None:
    assert "status" not in drafts(reviewed={}, ticket=ticket, resolved_status=by_board)


# ── What the person edited, and what only people typed ──────────────────────────────────────────────────────


def test_an_edited_request_for_help_reaches_the_note_and_the_time_entry() -> None:
    mine = {"technical": "Spooler restarted twice.", "customer": "We are on it.", "occasion": "escalation"}
    found = drafts("escalation", ASKED, mine)
    assert str(found["note"].content["text"]).startswith(
        "Spooler restarted twice.\nAsked for help because: Out"
    )
    assert "We are on it." in str(found["time"].content["notes"])


def test_the_next_owners_resolve_form_begins_without_the_texts_of_the_request() -> None:
    kept = {"technical": "Handed over.", "customer": "Still on it.", "occasion": "escalation"}
    taken = replace(SOLVED, session=replace(SOLVED.session, documentation=kept))
    assert documentation_for(taken, TICKET, "resolution") == documentation_for(SOLVED, TICKET, "resolution")
    written = replace(SOLVED, session=replace(SOLVED.session, documentation={**kept, "occasion": ""}))
    assert documentation_for(written, TICKET, "resolution").technical == "Handed over."


FLOW_TEXT = "Open Credential Manager, Windows Credentials, and remove MicrosoftOffice16_Data entries"


@pytest.mark.parametrize(
    ("said", "kept", "warned"),
    [
        ("", None, False),
        ("the password is Tr0ub4dor&3", None, True),
        ("", {"technical": f"{FLOW_TEXT}\nThe password is Tr0ub4dor&3"}, True),
        ("", {"fix": FLOW_TEXT}, False),
    ],
)
def test_only_what_people_typed_is_looked_at_for_passwords(
    said: str, kept: dict[str, str] | None, warned: bool
) -> None:
    record = history(step(1, FLOW_TEXT, "fixed", said), ticket_id=4711, documentation=kept)
    found = forecast(
        record, "resolution", ANA, parse_settings({}), TICKET, True, MEMBERS, STATUSES, BERLIN, None, ()
    )
    note = next(line for line in found if line.kind == "note")
    assert (MASKED in note.remarks) == warned
    assert "Tr0ub4dor" not in note.text


def test_the_form_points_out_blame_a_missing_result_and_a_missing_verification() -> None:
    record = history(step(1, "Restart the spooler", None, ""), ticket_id=4711)
    written = {
        "technical": "Fix: cable. The user is an idiot.\nTried restarting the spooler",
        "customer": "Solved.",
    }
    found = forecast(
        record, "resolution", ANA, parse_settings({}), TICKET, True, MEMBERS, STATUSES, BERLIN, written, ()
    )
    said = next(line for line in found if line.kind == "note").remarks
    assert any(each.startswith("It blames somebody: “The user is an idiot") for each in said)
    assert any(each.startswith("A result is missing: “Tried restarting the spooler") for each in said)
    assert "It does not say how it was seen to work." in said
