"""The texts and times of the parts owed, how a form shows them, and the writes that come of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.documentation import compose, edited
from engine.post_writes import CONTINUED
from engine.posts import (
    documentation_for,
    forecast,
    note_write,
    owner_write,
    time_write,
)
from engine.psa import parse_settings
from engine.session import Interval, Status
from engine.time_entries import day_totals
from tests.engine.owing import (
    ASKED,
    BERLIN,
    CLOSED,
    CUSTOMER,
    MARKER,
    MEMBERS,
    POST,
    REF,
    SHARED,
    SOLVED,
    STATUSES,
    drafts,
    lines,
)
from tests.engine.record import ANA, BEN, NOON, TICKET, minutes, worked

# ── Texts ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_text_stands_twice_on_a_ticket() -> None:
    spread = (worked(0, 10), worked(120, 130), worked(300, 310))
    for visibility in ("internal", "discussion"):
        found = drafts(reviewed={}, note_visibility=visibility, unowed=spread)
        texts = [
            str(d.content.get(name))
            for d in found.values()
            for name in ("text", "notes")
            if name in d.content
        ]
        assert len(set(texts)) == len(texts)
        details = [str(d.content["internal_notes"]) for d in found.values() if d.kind == "time"]
        assert len(set(details)) == 3


def test_what_was_posted_before_is_not_posted_again() -> None:
    before = drafts(reviewed={}, note_visibility="discussion")
    posted = [str(before["note"].content["text"]).replace("\n", "  "), CUSTOMER]
    again = drafts(reviewed={}, note_visibility="discussion", posted_texts=posted)
    assert list(again) == ["time"]
    assert again["time"].content["notes"] == "Support work on 2 September 2026."


def test_the_invoice_gets_the_customer_text_and_the_team_the_details() -> None:
    content = drafts(reviewed={}, time_rounding_minutes=30, note_visibility="internal")["time"].content
    assert content["notes"] == CUSTOMER
    assert content["rounding"] == "23 → 30 min"
    assert content["internal_notes"] == (
        "Ana Example: active time between 12:00 and 12:23 (Europe/Berlin), 23 → 30 min. "
        "Steps: 1 Power cycle the printer; 2 Restart the print spooler; 3 Print a test page."
    )


def test_the_form_and_what_was_stored_of_it_decide_the_texts() -> None:
    form = edited(
        compose(SOLVED, TICKET, "resolution"), {"fix": "Replaced the cable", "customer": "All good again."}
    )
    stored = replace(SOLVED, session=replace(SOLVED.session, documentation=form.to_json()))
    assert documentation_for(stored, TICKET, "resolution") == form
    found = drafts(record=stored, reviewed={"customer": "Fixed."}, note_visibility="resolution")
    assert found["customer_note"].content["text"] == "Fixed."
    assert str(found["note"].content["text"]).startswith("Fix: Replaced the cable.")


def test_no_password_reaches_the_ticket_or_the_invoice_whoever_wrote_it() -> None:
    leak = "Set the password to Wolke7!Haus for jane@harborpine.example"
    written = {"technical": leak, "customer": leak, "fix": leak}
    found = drafts(reviewed=written, note_visibility="discussion")
    said = json.dumps({name: dict(draft.content) for name, draft in found.items()})
    assert "Wolke7" not in said and "⟦SECRET⟧" in str(found["note"].content["text"])
    assert "jane@harborpine.example" in str(found["note"].content["text"]), "only secrets stay masked there"


def test_a_part_that_was_stored_before_is_masked_when_it_is_written() -> None:
    leak = {"text": "pw: Wolke7!Haus", "notes": "pw: Wolke7!Haus", "internal_notes": "pw: Wolke7!Haus"}
    content = {**drafts()["note"].content, **leak}
    assert "Wolke7" not in note_write(content, POST).text
    entry = time_write({**drafts()["time"].content, **leak}, POST)
    assert "Wolke7" not in entry.notes + entry.internal_notes


def test_a_customer_text_that_was_emptied_is_posted_nowhere() -> None:
    found = drafts(reviewed={"customer": " "}, note_visibility="discussion")
    assert "customer_note" not in found
    assert found["time"].content["notes"] == "Support work on 2 September 2026."


def test_a_technical_text_that_was_emptied_is_no_note() -> None:
    assert list(drafts(reviewed={"technical": " \n"})) == ["time"]


def test_the_content_is_json_and_holds_nothing_a_database_refuses() -> None:
    found = drafts(
        reviewed={"technical": "a\x00b\ud800", "customer": "c\x00d"}, link="https://chat/1", **SHARED
    )
    for draft in found.values():
        text = json.dumps(draft.content)
        assert json.loads(text) == draft.content
        assert "\\u0000" not in text
        assert "\\ud800" not in text


# ── Time ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_engineer_is_owed_his_own_time_only() -> None:
    both = (worked(0, 10), worked(10, 40, by=BEN))
    assert drafts(reviewed={}, unowed=both)["time"].content["billed_minutes"] == 10
    assert drafts(reviewed={}, engineer=BEN, unowed=both)["time"].content["billed_minutes"] == 30


def test_the_day_is_rounded_once_across_occasions() -> None:
    first = drafts("escalation", ASKED, {}, time_rounding_minutes=30)["time"]
    already = day_totals([first.content], ANA)
    assert "time" not in drafts(
        reviewed={}, unowed=(worked(120, 126),), time_rounding_minutes=30, already=already
    )


def test_a_length_the_person_typed_is_entered_as_he_typed_it() -> None:
    key = drafts()["time"].key
    assert drafts(reviewed={"minutes": {key: 15}})["time"].content["billed_minutes"] == 15
    for nonsense in ("15", True, -3, 0, 100_000):
        assert drafts(reviewed={"minutes": {key: nonsense}})["time"].content["billed_minutes"] == 23


def test_overlap_with_other_sessions_is_kept_and_shown() -> None:
    assert drafts(reviewed={}, overlaps=(worked(10, 15),))["time"].content["overlap_minutes"] == 5
    shown = lines(overlaps=(worked(10, 15),))
    assert "5 min overlap with your other sessions." in next(x for x in shown if x.kind == "time").remarks


# ── The forecast ────────────────────────────────────────────────────────────────────────────────────────


def test_the_form_shows_each_part_its_text_its_readers_and_what_will_wait() -> None:
    shown = lines(note_visibility="discussion", resolved_status={"21": CLOSED}, time_rounding_minutes=30)
    assert [(x.kind, x.held_because) for x in shown] == [
        ("note", None), ("customer_note", None), ("time", None), ("status", "closing_unconfirmed"),
    ]  # fmt: skip
    assert shown[1].readers == "Discussion: Jane Doe can read it in the portal. No e-mail is sent."
    assert shown[2].text.startswith("2 September, 12:00–12:30, 23 → 30 min.")
    assert shown[3].readers.startswith("ConnectWise rules on *Closed* may e-mail")


def test_the_escalation_form_shows_nothing_of_a_request_that_was_withdrawn() -> None:
    stale = replace(ASKED, session=replace(ASKED.session, status=Status.ACTIVE, package={"situation": []}))
    shown = forecast(
        stale, "escalation", ANA, parse_settings({}), TICKET, True, MEMBERS, STATUSES, BERLIN, None, ()
    )
    assert "Power cycle the printer: No change." in shown[0].text
    assert "Out of ideas" not in shown[0].text


def test_the_form_points_out_what_a_customer_should_not_read() -> None:
    shown = lines(note_visibility="discussion", reviewed={"customer": "Rebooted WS-JDOE01"})
    assert "It names a device or an address." in shown[1].remarks


# ── Writes ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_internal_note_ends_with_thread_and_marker_and_a_public_one_with_its_reference() -> None:
    found = drafts(reviewed={}, link="https://chat.example/t/1", **SHARED)
    note = note_write(found["note"].content, POST, link=str(found["note"].content["link"]))
    assert note.text.endswith(f"\nThread: https://chat.example/t/1\n{MARKER}")
    public = note_write(found["customer_note"].content, POST, link="https://chat.example/t/1")
    assert public.text == f"{CUSTOMER}\n{REF}"
    assert public.marker == REF
    assert public.visibility == "discussion"


@given(some.text(max_size=400), some.integers(120, 400), some.booleans())
def test_a_long_note_is_cut_visibly_and_its_marker_never(text: str, limit: int, internal: bool) -> None:
    content = dict(drafts(reviewed={}, members={})["note"].content) | {"text": text * 3}
    content["visibility"] = "internal" if internal else "discussion"
    write = note_write(content, POST, limit=limit)
    assert len(write.text) <= limit
    assert write.text.endswith(MARKER if internal else REF)
    assert "Ana Example" in write.text
    assert len(text * 3) <= limit or CONTINUED in write.text


def test_a_time_entry_carries_its_marker_inside_and_its_reference_outside() -> None:
    write = time_write(drafts(reviewed={})["time"].content, POST)
    assert (write.start, write.end) == (NOON, NOON + minutes(23))
    assert write.notes == f"{CUSTOMER}\n{REF}"
    assert write.internal_notes.endswith(MARKER)
    assert write.show_on == "nowhere"
    assert (write.ticket_id, write.record_type, write.member_id) == (4711, "ServiceTicket", 7)


def test_a_project_ticket_is_written_to_as_one() -> None:
    project = replace(TICKET, record_type="ProjectTicket")
    assert (
        time_write(drafts(reviewed={}, ticket=project)["time"].content, POST).record_type == "ProjectTicket"
    )


def test_what_is_not_complete_is_not_written() -> None:
    with pytest.raises(ValueError, match="member"):
        time_write(drafts(members={})["time"].content, POST)
    with pytest.raises(ValueError, match="member"):
        owner_write(drafts("owner", members={})["owner"].content)
    assert owner_write(drafts("owner")["owner"].content).member_id == 7
    alone = replace(SOLVED, session=replace(SOLVED.session, ticket_id=None))
    with pytest.raises(ValueError, match="ticket"):
        note_write(drafts(record=alone, ticket=None)["note"].content, POST)


spans = some.lists(
    some.builds(
        lambda start, length, by, confirmed: Interval(by, start, start + length, confirmed),
        some.integers(0, 3 * 86_400).map(lambda s: datetime(2026, 10, 24, tzinfo=UTC) + timedelta(seconds=s)),
        some.timedeltas(timedelta(), timedelta(hours=6)),
        some.sampled_from([ANA, BEN]),
        some.sampled_from([True, None, False]),
    ),
    max_size=6,
)


@given(
    spans,
    some.sampled_from(["escalation", "resolution", "handover", "escalated", "abandoned", "time"]),
    some.booleans(),
)
def test_whatever_was_worked_every_entry_can_be_written_and_automatic_never_posts_the_doubtful(
    unowed: list[Interval], occasion: str, mapped: bool
) -> None:
    found = drafts(
        occasion,
        unowed=tuple(unowed),
        time_entries="automatic",
        review_before_push=False,
        members=MEMBERS if mapped else {},
    )
    for draft in (d for d in found.values() if d.kind == "time"):
        write = time_write(dict(draft.content) | {"member_id": 7}, POST)
        length = write.end - write.start
        going_out = mapped and length <= timedelta(hours=4)
        assert (draft.held_because is None) == going_out
        last_moment = write.end - timedelta(seconds=1)
        assert write.start.astimezone(BERLIN).date() == last_moment.astimezone(BERLIN).date()
    assert len({d.key for d in found.values()}) == len(found)
