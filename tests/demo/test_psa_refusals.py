"""What the practice ConnectWise refuses, in the words and shapes of the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from demo.psa import practice_psa
from demo.psa_caller import Caller, caller
from demo.psa_room import Settings


@pytest.fixture
async def ask() -> AsyncIterator[Caller]:
    async with practice_psa() as psa, caller(psa) as asking:
        yield asking


INTERNAL = {"text": "Checked the queue.", "internalAnalysisFlag": True}
HALF_HOUR = {
    "chargeToId": 4711,
    "chargeToType": "ServiceTicket",
    "timeStart": "2026-08-20T08:00:00Z",
    "timeEnd": "2026-08-20T08:30:00Z",
}


async def test_a_missing_client_id_is_401(ask: Caller) -> None:
    heard = await ask("GET", "system/info", headers={"clientId": ""})
    assert (heard.status, heard.body["code"]) == (401, "Unauthorized")


async def test_wrong_keys_are_404_on_the_cloud(ask: Caller) -> None:
    heard = await ask("GET", "system/info", headers={"Authorization": "Basic bm9ib2R5"})
    assert heard.status == 404


async def test_wrong_keys_are_401_on_premises() -> None:
    async with practice_psa(settings=Settings(cloud=False)) as psa, caller(psa) as ask:
        heard = await ask("GET", "system/info", headers={"Authorization": "Basic bm9ib2R5"})
    assert (heard.status, heard.body["code"]) == (401, "UserNotAuthenticated")


async def test_any_accept_header_is_tolerated(ask: Caller) -> None:
    assert (await ask("GET", "system/info", headers={"Accept": "text/x-strange; version=1"})).status == 200


async def test_an_unknown_ticket_is_a_404_of_the_usual_shape(ask: Caller) -> None:
    heard = await ask("GET", "service/tickets/99999")
    assert heard.status == 404
    assert heard.body == {"code": "NotFound", "message": "Ticket 99999 not found", "errors": None}


async def test_a_number_too_large_for_an_int_is_refused_not_a_crash(ask: Caller) -> None:
    assert (await ask("GET", "service/tickets/99999999999999")).status == 400


async def test_a_malformed_condition_is_400(ask: Caller) -> None:
    heard = await ask("GET", "service/tickets", query={"conditions": "summary = 'x'"})
    assert (heard.status, heard.body["code"]) == (400, "ApiFindCondition")


async def test_a_note_without_a_place_is_refused_and_not_stored(ask: Caller) -> None:
    before = len(ask.psa.records("notes", 4711))
    heard = await ask("POST", "service/tickets/4711/notes", body={"text": "Where to?"})
    assert (heard.status, heard.body["code"]) == (400, "InvalidObject")
    sentence = "Please choose where to display the notes in order to save this record."
    assert heard.body["errors"][0]["message"] == sentence
    assert len(ask.psa.records("notes", 4711)) == before


async def test_a_flag_that_is_no_boolean_is_the_permanent_500(ask: Caller) -> None:
    heard = await ask("POST", "service/tickets/4711/notes", body={**INTERNAL, "internalAnalysisFlag": "yes"})
    assert heard.status == 500
    assert heard.body["message"] == "String was not recognized as a valid Boolean."


async def test_a_status_of_another_board_is_refused_with_its_field(ask: Caller) -> None:
    operations = [{"op": "replace", "path": "status", "value": {"id": 16}}]
    heard = await ask("PATCH", "service/tickets/4711", body=operations)
    assert heard.status == 400
    error = heard.body["errors"][0]
    assert (error["code"], error["field"]) == ("NotFound", "status/id")
    assert error["message"] == "Service Status 16 not found for Service Board 1"


async def test_an_inactive_status_cannot_be_set(ask: Caller) -> None:
    operations = [{"op": "replace", "path": "status", "value": {"id": 8}}]
    assert (await ask("PATCH", "service/tickets/4711", body=operations)).status == 400


async def test_a_too_long_summary_is_a_max_length_field(ask: Caller) -> None:
    operations = [{"op": "replace", "path": "summary", "value": "x" * 101}]
    heard = await ask("PATCH", "service/tickets/4711", body=operations)
    assert (heard.status, heard.body["errors"][0]["code"]) == (400, "MaxLengthField")


async def test_an_inactive_member_cannot_own_a_ticket_or_write(ask: Caller) -> None:
    operations = [{"op": "replace", "path": "owner", "value": {"id": 104}}]
    assert (await ask("PATCH", "service/tickets/4711", body=operations)).status == 400
    assert (
        await ask("POST", "service/tickets/4711/notes", body={**INTERNAL, "member": {"id": 104}})
    ).status == 400


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"timeStart": "2026-08-20T08:00:00.000Z"}, "timeStart"),
        ({"timeStart": "2026-08-20 08:00"}, "timeStart"),
        ({"timeStart": None}, "timeStart"),
        ({"timeEnd": None}, "timeEnd"),
        ({"timeEnd": "2026-08-20T08:00:00Z"}, "timeEnd"),
        ({"chargeToType": None}, "chargeToType"),
        ({"chargeToType": "ProjectTicket"}, "chargeToId"),
        ({"chargeToId": 99999}, "chargeToId"),
        ({"workRole": {"id": 3}}, "workRole/id"),
        ({"member": {"id": 999}}, "member/id"),
        ({"billableOption": "Sometimes"}, "billableOption"),
    ],
)
async def test_a_wrong_time_entry_names_the_field(ask: Caller, change: dict[str, object], field: str) -> None:
    heard = await ask("POST", "time/entries", body={**HALF_HOUR, **change})
    assert (heard.status, heard.body["code"]) == (400, "InvalidObject")
    assert heard.body["errors"][0]["field"] == field
    assert ask.psa.records("timeEntries", 4711) == []


async def test_time_on_a_status_that_allows_none_is_refused(ask: Caller) -> None:
    await ask("PATCH", "service/tickets/4711", body=[{"op": "replace", "path": "status", "value": {"id": 6}}])
    heard = await ask("POST", "time/entries", body=HALF_HOUR)
    assert heard.status == 400
    assert "not allowed" in heard.body["errors"][0]["message"]


async def test_time_in_a_closed_period_is_refused_with_a_sentence_for_the_person() -> None:
    settings = Settings(closed_before="2026-09-01")
    async with practice_psa(settings=settings) as psa, caller(psa) as ask:
        heard = await ask("POST", "time/entries", body=HALF_HOUR)
        later = {"timeStart": "2026-09-02T08:00:00Z", "timeEnd": "2026-09-02T08:30:00Z"}
        assert (await ask("POST", "time/entries", body={**HALF_HOUR, **later})).status == 201
    assert heard.status == 400
    assert "08/20/2026 is closed" in heard.body["errors"][0]["message"]


async def test_a_schedule_entry_for_someone_outside_the_project_team_is_refused(ask: Caller) -> None:
    wanted = {"objectId": 4650, "type": {"id": 4}, "member": {"id": 101}}
    assert (await ask("POST", "schedule/entries", body=wanted)).status == 400
    assert (await ask("POST", "schedule/entries", body={**wanted, "member": {"id": 102}})).status == 201


async def test_json_sent_to_documents_is_415(ask: Caller) -> None:
    assert (await ask("POST", "system/documents", body={"recordId": 4711})).status == 415


async def test_the_same_callback_twice_is_object_exists(ask: Caller) -> None:
    wanted = {"url": "https://bot.example/cw?recordId=", "objectId": 1, "type": "ticket", "level": "owner"}
    assert (await ask("POST", "system/callbacks", body=wanted)).status == 201
    heard = await ask("POST", "system/callbacks", body=wanted)
    assert (heard.status, heard.body["code"]) == (400, "ObjectExists")


async def test_an_unknown_company_has_no_codebase(ask: Caller) -> None:
    assert (await ask("GET", "/login/companyinfo/nobody")).text == "null"
    assert (await ask("GET", "/login/companyinfo/practice")).body["Codebase"] == "v2025_1/"


async def test_the_codebase_it_names_works_with_a_double_slash(ask: Caller) -> None:
    assert (await ask("GET", "/v2025_1//apis/3.0/system/info")).status == 200


async def test_the_wrong_host_answers_html_with_200() -> None:
    async with practice_psa(settings=Settings(wrong_host="html")) as psa, caller(psa) as ask:
        heard = await ask("GET", "system/info")
    assert (heard.status, heard.content_type) == (200, "text/html")


async def test_the_wrong_host_may_also_say_that_ssl_is_required() -> None:
    async with practice_psa(settings=Settings(wrong_host="ssl")) as psa, caller(psa) as ask:
        heard = await ask("GET", "system/info")
    assert (heard.body["code"], heard.body["message"]) == ("Security", "SSL is required.")


async def test_an_endless_query_never_reaches_the_api(ask: Caller) -> None:
    conditions = " or ".join(f"id = {number}" for number in range(300))
    heard = await ask("GET", "service/tickets", query={"conditions": conditions})
    assert (heard.status, heard.content_type) == (404, "text/html")
    assert (await ask("POST", "service/tickets/search", body={"conditions": conditions})).status == 200


@pytest.mark.parametrize("status", [404, 405])
async def test_all_notes_can_be_missing(status: int) -> None:
    async with practice_psa(settings=Settings(all_notes=status)) as psa, caller(psa) as ask:
        assert (await ask("GET", "service/tickets/4711/allNotes")).status == status
        assert (await ask("GET", "service/tickets/4711/notes")).status == 200


async def test_above_the_rate_comes_429_with_the_odd_body_and_retry_after() -> None:
    async with practice_psa(settings=Settings(rate_per_minute=3)) as psa, caller(psa) as ask:
        heard = [await ask("GET", "system/info") for _ in range(4)]
    assert [one.status for one in heard] == [200, 200, 200, 429]
    assert heard[3].body["error"] == "ConnectWiseAPI"
    assert int(heard[3].headers["Retry-After"]) > 0
