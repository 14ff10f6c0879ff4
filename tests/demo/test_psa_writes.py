"""What the practice ConnectWise stores, shows and e-mails."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import FormData

from demo.psa import practice_psa
from demo.psa_caller import Caller, caller
from demo.psa_room import Settings


@pytest.fixture
async def ask() -> AsyncIterator[Caller]:
    async with practice_psa() as psa, caller(psa) as asking:
        yield asking


def put(path: str, value: object) -> list[dict[str, object]]:
    return [{"op": "replace", "path": path, "value": value}]


async def test_an_internal_note_is_stored_under_the_named_member_and_sends_no_email(ask: Caller) -> None:
    body = {
        "text": "Checked.",
        "internalAnalysisFlag": True,
        "processNotifications": False,
        "member": {"id": 101},
    }
    heard = await ask("POST", "service/tickets/4711/notes", body=body)
    assert (heard.status, heard.body["ticketId"]) == (201, 4711)
    assert isinstance(heard.body["id"], int)
    assert heard.body["member"]["identifier"] == "anna"
    assert (heard.body["internalFlag"], heard.body["externalFlag"]) == (True, False)
    assert ask.psa.records("emails") == []
    read = await ask("GET", f"service/tickets/4711/notes/{heard.body['id']}")
    assert read.body["text"] == "Checked."


async def test_a_member_may_be_ignored_as_some_tenants_do() -> None:
    async with practice_psa(settings=Settings(member_honoured=False)) as psa, caller(psa) as ask:
        body = {"text": "Checked.", "internalAnalysisFlag": True, "member": {"id": 101}}
        heard = await ask("POST", "service/tickets/4711/notes", body=body)
    assert heard.body["member"]["identifier"] == "flowpilot"


async def test_process_notifications_writes_down_the_emails_it_would_send(ask: Caller) -> None:
    body = {"text": "Done.", "detailDescriptionFlag": True, "processNotifications": True}
    await ask("POST", "service/tickets/4711/notes", body=body)
    sent = {one["to"] for one in ask.psa.records("emails", 4711)}
    assert sent == {"jane.doe@harborpine.example", "anna@practice.example"}


async def test_notifications_for_an_internal_note_never_go_to_the_contact(ask: Caller) -> None:
    body = {"text": "Staff only.", "internalAnalysisFlag": True, "processNotifications": True}
    await ask("POST", "service/tickets/4711/notes", body=body)
    assert [one["to"] for one in ask.psa.records("emails", 4711)] == ["anna@practice.example"]


async def test_a_time_entry_with_a_place_shows_on_the_ticket_and_counts(ask: Caller) -> None:
    entry = {
        "chargeToId": 4711,
        "chargeToType": "ServiceTicket",
        "member": {"id": 101},
        "timeStart": "2026-08-20T08:00:00Z",
        "timeEnd": "2026-08-20T08:45:00Z",
        "notes": "Signed in again.",
        "internalNotes": "[fp:0123abcd] broker key",
        "addToResolutionFlag": True,
    }
    made = await ask("POST", "time/entries", body=entry)
    assert (made.status, made.body["actualHours"]) == (201, 0.75)
    notes = (await ask("GET", "service/tickets/4711/allNotes")).body
    mine = next(one for one in notes if one["noteType"] == "TimeEntryNote")
    assert (mine["text"], mine["resolutionFlag"]) == ("Signed in again.", True)
    assert "broker key" not in str(notes)
    assert all(
        one["text"] != "Signed in again." for one in (await ask("GET", "service/tickets/4711/notes")).body
    )
    assert (await ask("GET", "service/tickets/4711")).body["actualHours"] == 0.75


async def test_overlapping_time_entries_are_both_kept(ask: Caller) -> None:
    entry = {
        "chargeToId": 4711,
        "chargeToType": "ServiceTicket",
        "timeStart": "2026-08-20T08:00:00Z",
        "timeEnd": "2026-08-20T08:45:00Z",
    }
    assert [(await ask("POST", "time/entries", body=entry)).status for _ in range(2)] == [201, 201]
    assert len(ask.psa.records("timeEntries", 4711)) == 2


async def test_time_entry_email_flags_are_written_down(ask: Caller) -> None:
    entry = {
        "chargeToId": 4711,
        "chargeToType": "ServiceTicket",
        "timeStart": "2026-08-20T08:00:00Z",
        "actualHours": 0.5,
        "emailContactFlag": True,
    }
    await ask("POST", "time/entries", body=entry)
    assert [one["to"] for one in ask.psa.records("emails", 4711)] == ["jane.doe@harborpine.example"]


async def test_time_on_a_project_ticket_is_charged_as_such(ask: Caller) -> None:
    entry = {
        "chargeToId": 4650,
        "chargeToType": "ProjectTicket",
        "timeStart": "2026-08-20T08:00:00Z",
        "timeEnd": "2026-08-20T09:00:00Z",
    }
    assert (await ask("POST", "time/entries", body=entry)).status == 201
    assert (await ask("GET", "project/tickets/4650")).body["phase"]["name"] == "Migration"
    assert (await ask("GET", "project/tickets/4711")).status == 404
    assert (await ask("GET", "service/tickets/4650")).body["recordType"] == "ProjectTicket"


async def test_a_whole_status_reference_changes_the_status(ask: Caller) -> None:
    heard = await ask("PATCH", "service/tickets/4711", body=put("status", {"id": 3}))
    assert (heard.status, heard.body["status"]["name"], heard.body["closedFlag"]) == (
        200,
        "In Progress",
        False,
    )


async def test_a_sub_path_is_a_false_200(ask: Caller) -> None:
    heard = await ask("PATCH", "service/tickets/4711", body=put("status/id", 3))
    assert (heard.status, heard.body["status"]["name"]) == (200, "New")
    assert ask.psa.journal("PATCH")[-1]["stored"] is False


async def test_resources_are_silently_left_alone(ask: Caller) -> None:
    heard = await ask("PATCH", "service/tickets/4711", body=put("resources", "ben"))
    assert (heard.status, heard.body["resources"]) == (200, "anna")


async def test_the_owner_can_be_changed_and_removed(ask: Caller) -> None:
    heard = await ask("PATCH", "service/tickets/4711", body=put("owner", {"id": 103}))
    assert heard.body["owner"]["name"] == "Carla Mendes"
    heard = await ask("PATCH", "service/tickets/4711", body=[{"op": "remove", "path": "owner"}])
    assert "owner" not in heard.body


async def test_one_refused_operation_keeps_the_others_of_the_patch_from_happening(ask: Caller) -> None:
    operations = [*put("owner", {"id": 103}), *put("status", {"id": 16})]
    assert (await ask("PATCH", "service/tickets/4711", body=operations)).status == 400
    assert (await ask("GET", "service/tickets/4711")).body["owner"]["identifier"] == "anna"


async def test_closing_on_the_help_desk_board_emails_the_contact_once(ask: Caller) -> None:
    heard = await ask("PATCH", "service/tickets/4711", body=put("status", {"id": 6}))
    assert heard.body["closedFlag"] is True
    await ask("PATCH", "service/tickets/4711", body=put("status", {"id": 6}))
    assert [one["reason"] for one in ask.psa.records("emails")] == [
        "Workflow rule: status Completed on Help Desk"
    ]


async def test_closing_on_another_board_or_silently_emails_nobody(ask: Caller) -> None:
    await ask("PATCH", "service/tickets/4711", body=put("status", {"id": 7}))
    await ask("PATCH", "service/tickets/4717", body=put("status", {"id": 18}))
    assert ask.psa.records("emails") == []


async def test_reopening_takes_the_closed_marks_away(ask: Caller) -> None:
    await ask("PATCH", "service/tickets/4711", body=put("status", {"id": 7}))
    heard = await ask("PATCH", "service/tickets/4711", body=put("status", {"id": 3}))
    assert heard.body["closedFlag"] is False
    assert "closedDate" not in heard.body


async def test_a_write_moves_last_updated_and_a_read_does_not(ask: Caller) -> None:
    before = (await ask("GET", "service/tickets/4711")).body["_info"]["lastUpdated"]
    assert (await ask("GET", "service/tickets/4711")).body["_info"]["lastUpdated"] == before
    heard = await ask("PATCH", "service/tickets/4711", body=put("severity", "High"))
    assert heard.body["_info"]["lastUpdated"] > before


async def test_a_schedule_entry_adds_the_member_to_the_resources(ask: Caller) -> None:
    wanted = {"objectId": 4711, "type": {"id": 4}, "member": {"id": 102}}
    assert (await ask("POST", "schedule/entries", body=wanted)).status == 201
    assert (await ask("GET", "service/tickets/4711")).body["resources"] == "anna, ben"


async def test_a_file_can_be_attached_and_is_listed(ask: Caller) -> None:
    form = FormData()
    for name, value in (
        ("recordType", "Ticket"),
        ("recordId", "4711"),
        ("title", "Screen"),
        ("privateFlag", "true"),
    ):
        form.add_field(name, value)
    form.add_field("file", b"\x89PNG....", filename="screen.png", content_type="image/png")
    made = await ask("POST", "system/documents", form=form)
    assert (made.status, made.body["fileName"], made.body["publicFlag"]) == (201, "screen.png", False)
    listed = await ask("GET", "system/documents", query={"recordType": "Ticket", "recordId": "4711"})
    assert [one["title"] for one in listed.body] == ["Screen"]


async def test_a_new_ticket_takes_the_boards_first_status_and_the_contacts_phone(ask: Caller) -> None:
    body = {
        "summary": "Mouse broken",
        "company": {"id": 250},
        "board": {"name": "Managed Services"},
        "contact": {"id": 601},
        "initialDescription": "It does not move.",
    }
    made = await ask("POST", "service/tickets", body=body)
    assert (made.status, made.body["status"]["name"]) == (201, "New")
    assert (made.body["status"]["id"], made.body["contactPhoneNumber"]) == (14, "555-0141")
    notes = await ask("GET", f"service/tickets/{made.body['id']}/notes")
    assert [one["text"] for one in notes.body] == ["It does not move."]


async def test_numbers_are_never_given_twice_even_after_a_delete(ask: Caller) -> None:
    body = {"text": "a", "internalAnalysisFlag": True}
    first = (await ask("POST", "service/tickets/4711/notes", body=body)).body["id"]
    assert (await ask("DELETE", f"service/tickets/4711/notes/{first}")).status == 204
    second = (await ask("POST", "service/tickets/4711/notes", body=body)).body["id"]
    assert second > first


async def test_unknown_names_in_a_body_are_ignored_but_seen_in_the_journal(ask: Caller) -> None:
    body = {"text": "a", "internalAnalysisFlag": True, "intrenalFlag": True}
    assert (await ask("POST", "service/tickets/4711/notes", body=body)).status == 201
    assert ask.psa.journal("POST")[-1]["unknown_fields"] == ["intrenalFlag"]


async def test_the_journal_never_holds_the_keys(ask: Caller) -> None:
    await ask("GET", "system/info")
    assert "practice-private" not in str(ask.psa.journal())
    assert "Basic" not in str(ask.psa.journal())


async def test_line_breaks_can_collapse_as_they_may_on_the_real_one() -> None:
    async with practice_psa(settings=Settings(newlines_collapse=True)) as psa, caller(psa) as ask:
        body = {"text": "One\nTwo", "internalAnalysisFlag": True}
        assert (await ask("POST", "service/tickets/4711/notes", body=body)).body["text"] == "One Two"


async def test_a_time_entry_can_be_corrected_and_deleted(ask: Caller) -> None:
    entry = ask.psa.records("timeEntries", 4714)[0]["id"]
    heard = await ask("PATCH", f"time/entries/{entry}", body=put("notes", "Corrected."))
    assert (heard.status, heard.body["notes"]) == (200, "Corrected.")
    assert (await ask("DELETE", f"time/entries/{entry}")).status == 204
    assert (await ask("GET", f"time/entries/{entry}")).status == 404


async def test_a_note_can_be_changed_but_not_hidden_from_everywhere(ask: Caller) -> None:
    note = ask.psa.records("notes", 4711)[1]["id"]
    path = f"service/tickets/4711/notes/{note}"
    assert (await ask("PATCH", path, body=put("text", "Better."))).body["text"] == "Better."
    assert (await ask("PATCH", path, body=put("internalAnalysisFlag", False))).status == 400
    assert (await ask("GET", f"service/tickets/4712/notes/{note}")).status == 404


async def test_moving_to_another_board_starts_at_its_first_status(ask: Caller) -> None:
    heard = await ask("PATCH", "service/tickets/4711", body=put("board", {"id": 21}))
    assert (heard.body["board"]["name"], heard.body["status"]["id"]) == ("Managed Services", 14)
