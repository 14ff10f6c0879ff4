"""The nouns, the settings, the markers and the failures of the PSA."""

from __future__ import annotations

import html
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine import psa
from engine.psa import (
    Configuration,
    Connection,
    Contact,
    PsaBroken,
    PsaBusy,
    PsaFailure,
    PsaRefused,
    PsaSettings,
    RecentTicket,
    Ref,
    SettingsInvalid,
    Sla,
    Ticket,
    TicketNote,
    TimeWrite,
    carries,
    marker_for,
    parse_settings,
    public_ref_for,
    ticket_from_json,
    with_marker,
)

AT = datetime(2026, 8, 20, 18, 4, 26, tzinfo=UTC)
FULL = Ticket(
    id=4711,
    summary="Outlook fragt ständig nach dem Kennwort",
    board=Ref(21, "Help Desk"),
    status=Ref(17, "In Progress"),
    merged_into=4700,
    priority=Ref(3, "High"),
    sla=Sla("Gold", "Resolve by 18:00", True, AT, AT + timedelta(hours=2), None),
    company=Ref(5, "Contoso"),
    contact=Contact(9, "Jane", "+49 30 1", "jane@contoso.example"),
    site="Berlin",
    owner=Ref(7, "Anna"),
    notes=(TicketNote(1, "hello", "Jane", None, AT, "discussion"),),
    configurations=(Configuration(2, "PC-1", "Workstation"),),
    recent=(RecentTicket(4690, "same", "Closed", True, AT, "ben", "renewed the token"),),
    last_updated=AT,
    url="https://na.myconnectwise.net/x",
    missing=("recent",),
)
ids = some.uuids()


@pytest.mark.parametrize("ticket", [FULL, Ticket(id=1)], ids=["full", "bare"])
def test_a_ticket_comes_back_from_json_as_it_went_in(ticket: Ticket) -> None:
    stored = json.loads(json.dumps(ticket.to_json()))
    assert ticket_from_json(stored) == ticket


def test_a_stored_ticket_of_another_version_is_still_read() -> None:
    assert ticket_from_json({"id": 5, "colour": "red", "board": {"id": 1, "name": "x", "sort": 2}}) == Ticket(
        id=5, board=Ref(1, "x")
    )


def test_something_that_is_no_ticket_is_refused() -> None:
    with pytest.raises(ValueError):
        ticket_from_json({"summary": "no id"})


def test_the_goal_is_the_agreements_and_else_the_required_date() -> None:
    assert Sla(resolve_by=AT, required=AT + timedelta(1)).goal == AT
    assert Sla(required=AT).goal == AT
    assert Sla().goal is None


def test_a_connection_never_shows_its_keys() -> None:
    shown = repr(Connection("api-na.myconnectwise.net", "acme", "pub-1", "priv-2", "cid-3"))
    assert "acme" in shown
    assert not any(secret in shown for secret in ("pub-1", "priv-2", "cid-3"))


def test_settings_start_with_the_documented_defaults() -> None:
    assert PsaSettings().to_json() == {
        "auto_push": "on_resolve_and_escalate",
        "review_before_push": True,
        "note_visibility": "internal",
        "time_entries": "draft",
        "time_rounding_minutes": 0,
        "resolved_status": {},
        "escalated_status": {},
    }


def test_settings_come_back_from_json_as_they_went_in() -> None:
    chosen = parse_settings(
        {
            "auto_push": "off",
            "review_before_push": False,
            "time_rounding_minutes": 15,
            "resolved_status": {"21": "17", 22: 18, "23": None},
        }
    )
    assert chosen.resolved_status == {21: 17, 22: 18}
    assert parse_settings(json.loads(json.dumps(chosen.to_json()))) == chosen


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("auto_push", "always"),
        ("review_before_push", 1),
        ("note_visibility", "public"),
        ("time_entries", None),
        ("time_rounding_minutes", 7),
        ("time_rounding_minutes", False),
        ("time_rounding_minutes", "15"),
        ("resolved_status", [1]),
        ("resolved_status", {"x": 1}),
        ("escalated_status", {"1": True}),
        ("escalated_status", {"1": "-4"}),
        ("colour", "red"),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_a_sentence(name: str, value: object) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        parse_settings({name: value})
    assert refused.value.field == name
    assert refused.value.sentence.endswith(".")


def test_a_refused_choice_lists_the_choices() -> None:
    with pytest.raises(SettingsInvalid, match="Choose one of: 0, 5, 6, 15, 30"):
        parse_settings({"time_rounding_minutes": 1})


def test_every_failure_has_a_place_in_the_tree_and_says_whether_to_try_again() -> None:
    leaves = {each.__name__: each.retryable for each in PsaFailure.__subclasses__()}
    assert leaves == {
        "PsaUnreachable": True,
        "PsaBusy": True,
        "PsaBroken": True,
        "PsaWrongHost": False,
        "PsaKeysRefused": False,
        "PsaForbidden": False,
        "PsaNotFound": False,
        "PsaRefused": False,
    }
    assert set(leaves) <= set(dir(psa))


def test_a_failure_is_not_done_unless_it_says_unknown() -> None:
    assert PsaRefused("closed").outcome == "not_done"
    assert PsaBusy("busy", retry_after=3).retry_after == 3
    assert PsaBroken("half", outcome="unknown", retryable=False).retryable is False
    assert str(PsaRefused("The period is closed.")) == "The period is closed."


def test_the_two_marks_of_a_write_share_their_digits() -> None:
    write = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
    assert marker_for(write) == "[fp:099a8057]"
    assert public_ref_for(write) == "Ref FP-099A8057"


@given(ids, ids, some.text(max_size=300))
def test_a_text_carries_its_own_mark_and_no_other(one: UUID, other: UUID, text: str) -> None:
    marked = with_marker(text, marker_for(one))
    assert carries(marked, marker_for(one))
    if one.hex[-8:] != other.hex[-8:] and not carries(text, marker_for(other)):
        assert not carries(marked, marker_for(other))


@given(ids)
def test_a_mark_is_found_after_the_psa_changed_spaces_escapes_and_case(write: UUID) -> None:
    for mark in (marker_for(write), public_ref_for(write)):
        text = f"Restarted the spooler.\nIt prints.\n{mark}"
        for changed in (
            text.replace("\n", " "),
            text.replace("\n", "\r\n"),
            html.escape(html.escape(text)).replace(" ", "&nbsp;"),
            text.upper(),
            text.replace("[", "\\[").replace(" ", "\u00a0 "),
        ):
            assert carries(changed, mark)


def test_an_empty_mark_is_carried_by_nothing() -> None:
    assert not carries("anything", "")


@given(some.text(max_size=200), some.integers(40, 120))
def test_a_long_text_is_cut_and_keeps_its_mark(text: str, limit: int) -> None:
    mark = "[fp:1234abcd]"
    marked = with_marker(text, mark, limit)
    assert len(marked) <= limit
    assert carries(marked, mark)


def test_marking_twice_changes_nothing() -> None:
    once = with_marker("Done.", "[fp:1234abcd]")
    assert with_marker(once, "[fp:1234abcd]") == once == "Done.\n[fp:1234abcd]"


def test_a_time_entry_needs_aware_times_in_order() -> None:
    entry = TimeWrite(1, "ServiceTicket", 7, AT, AT + timedelta(minutes=5), "", "", "[fp:1234abcd]")
    assert entry.show_on == "nowhere"
    with pytest.raises(ValueError):
        replace(entry, end=AT)
    with pytest.raises(ValueError):
        replace(entry, start=AT.replace(tzinfo=None))
