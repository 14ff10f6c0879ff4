"""Every fault that can be switched on, and the control addresses that switch it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import ClientError

from demo.psa import practice_psa
from demo.psa_caller import Caller, Heard, caller

NOTES = "service/tickets/4711/notes"
BODY = {"text": "Checked.", "internalAnalysisFlag": True}


@pytest.fixture
async def ask() -> AsyncIterator[Caller]:
    async with practice_psa() as psa, caller(psa) as asking:
        yield asking


async def note(ask: Caller, **fault: Any) -> Heard | None:
    """Posts a note under a fault; None when the connection broke."""
    ask.psa.faults.add(**{"method": "POST", "path": "/notes$", **fault})
    try:
        return await ask("POST", NOTES, body=BODY)
    except ClientError:
        return None


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the server offers no event, as a real one would not
            await asyncio.sleep(0.01)


def stored(ask: Caller) -> int:
    return len([one for one in ask.psa.records("notes", 4711) if one["text"] == "Checked."])


async def test_a_lost_reply_stores_the_note_and_breaks_the_connection(ask: Caller) -> None:
    assert await note(ask, kind="lost_reply") is None
    assert stored(ask) == 1
    entry = ask.psa.journal("POST")[-1]
    assert (entry["status"], entry["stored"], entry["fault"]) == (0, True, "lost_reply")


async def test_a_dropped_request_stores_nothing(ask: Caller) -> None:
    assert await note(ask, kind="dropped") is None
    assert stored(ask) == 0
    assert ask.psa.journal("POST")[-1]["stored"] is False


async def test_down_resets_every_client_but_the_page_and_the_control_still_answer(ask: Caller) -> None:
    ask.psa.faults.add(kind="down")
    for path in ("system/info", "/login/companyinfo/practice"):
        with pytest.raises(ClientError):
            await ask("GET", path)
    assert (await ask("GET", "/")).status == 200
    assert (await ask("DELETE", "/_practice/faults")).status == 204
    assert (await ask("GET", "system/info")).status == 200


async def test_429_has_the_odd_body_and_the_wished_wait(ask: Caller) -> None:
    heard = await note(ask, kind="too_many_requests", retry_after=7)
    assert heard is not None
    assert (heard.status, heard.headers["Retry-After"]) == (429, "7")
    assert heard.body == {
        "error": "ConnectWiseAPI",
        "message": "Too many requests. Please try again in 7 seconds.",
    }
    assert stored(ask) == 0


@pytest.mark.parametrize("status", [200, 502, 503])
@pytest.mark.parametrize("kept", [True, False])
async def test_a_gateway_page_may_hide_a_stored_write(ask: Caller, status: int, kept: bool) -> None:
    heard = await note(ask, kind="html", status=status, stored=kept)
    assert heard is not None
    assert (heard.status, heard.content_type, heard.body) == (status, "text/html", None)
    assert stored(ask) == (1 if kept else 0)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("server_error", 500, "InternalServerError"),
        ("unauthorized", 401, "Unauthorized"),
        ("forbidden", 403, "Security"),
        ("conflict", 409, "RecordInUse"),
    ],
)
async def test_a_refusing_fault_has_the_shape_of_the_real_one(
    ask: Caller, kind: str, status: int, code: str
) -> None:
    heard = await note(ask, kind=kind)
    assert heard is not None
    assert (heard.status, heard.body["code"]) == (status, code)
    assert stored(ask) == 0


async def test_any_refusal_can_be_spelled_out(ask: Caller) -> None:
    heard = await note(
        ask, kind="refuse", status=400, code="InvalidObject", message="The time sheet is submitted."
    )
    assert heard is not None
    assert (heard.status, heard.body["message"]) == (400, "The time sheet is submitted.")


async def test_a_false_success_looks_done_and_is_not(ask: Caller) -> None:
    heard = await note(ask, kind="false_success")
    assert heard is not None
    assert (heard.status, "id" in heard.body) == (200, False)
    assert stored(ask) == 0
    ask.psa.faults.add(kind="false_success", method="PATCH")
    change = [{"op": "replace", "path": "status", "value": {"id": 3}}]
    patched = await ask("PATCH", "service/tickets/4711", body=change)
    assert (patched.status, patched.body["status"]["name"]) == (200, "New")


async def test_broken_json_comes_with_201_and_the_note_is_there(ask: Caller) -> None:
    heard = await note(ask, kind="broken_json")
    assert heard is not None
    assert (heard.status, heard.content_type, heard.body) == (201, "application/json", None)
    assert stored(ask) == 1


async def test_a_caller_who_hangs_up_during_a_delay_has_still_written(ask: Caller) -> None:
    ask.psa.faults.add(kind="delay", delay_before=0.2, method="POST")
    impatient = asyncio.create_task(ask("POST", NOTES, body=BODY))
    await until(lambda: ask.psa.faults.as_json()[0]["hits"] == 1)
    impatient.cancel()
    await until(lambda: bool(ask.psa.journal("POST")))
    assert stored(ask) == 1


async def test_a_delay_after_storing_holds_the_reply_back_while_the_note_is_already_visible(
    ask: Caller,
) -> None:
    ask.psa.faults.add(kind="delay", delay_after=0.3, method="POST")
    waiting = asyncio.create_task(ask("POST", NOTES, body=BODY))
    await until(lambda: stored(ask) == 1)
    assert not waiting.done()
    assert (await waiting).status == 201


async def test_a_fault_hits_so_many_times_and_no_more(ask: Caller) -> None:
    ask.psa.faults.add(kind="html", status=503, times=2, path="/system/info")
    assert [(await ask("GET", "system/info")).status for _ in range(3)] == [503, 503, 200]


async def test_the_same_seed_throws_the_same_dice(ask: Caller) -> None:
    async def thrown() -> list[int]:
        ask.psa.faults.replace([{"kind": "html", "status": 503, "probability": 0.5, "seed": 7}])
        return [(await ask("GET", "system/info")).status for _ in range(20)]

    first = await thrown()
    assert set(first) == {200, 503}
    assert await thrown() == first


async def test_an_inactive_fault_and_another_method_or_path_are_left_alone(ask: Caller) -> None:
    ask.psa.faults.add(kind="down", active=False)
    ask.psa.faults.add(kind="down", method="POST,PATCH")
    ask.psa.faults.add(kind="down", path="/time/")
    assert (await ask("GET", "system/info")).status == 200


async def test_faults_are_put_shown_counted_and_removed_over_http(ask: Caller) -> None:
    rules = [{"kind": "html", "status": 502, "path": "/system/"}, {"kind": "down", "path": "/time/"}]
    put = await ask("PUT", "/_practice/faults", body=rules)
    assert [one["kind"] for one in put.body] == ["html", "down"]
    assert (await ask("GET", "system/info")).status == 502
    shown = (await ask("GET", "/_practice/faults")).body
    assert shown[0]["hits"] == 1
    assert (await ask("DELETE", f"/_practice/faults/{shown[0]['id']}")).status == 204
    assert (await ask("GET", "system/info")).status == 200
    assert (await ask("POST", "/_practice/faults", body={"kind": "conflict"})).status == 201
    assert (await ask("GET", "system/info")).status == 409


@pytest.mark.parametrize(
    "rule", [{"kind": "explode"}, {"kind": "down", "path": "("}, {"kind": "down", "how": 1}, {}]
)
async def test_a_rule_nobody_understands_is_refused_and_the_old_ones_stay(
    ask: Caller, rule: dict[str, Any]
) -> None:
    await ask("PUT", "/_practice/faults", body=[{"kind": "delay"}])
    assert (await ask("PUT", "/_practice/faults", body=[rule])).status == 400
    assert [one["kind"] for one in (await ask("GET", "/_practice/faults")).body] == ["delay"]


async def test_settings_change_over_http_and_never_show_the_private_key(ask: Caller) -> None:
    shown = (await ask("GET", "/_practice/settings")).body
    assert shown["all_notes"] == 200
    assert "private_key" not in shown
    assert (await ask("PUT", "/_practice/settings", body={"all_notes": 405})).status == 200
    assert (await ask("GET", "service/tickets/4711/allNotes")).status == 405
    assert (await ask("PUT", "/_practice/settings", body={"all_notes": "no"})).status == 400
    assert (await ask("PUT", "/_practice/settings", body={"unknown": 1})).status == 400


async def test_reset_brings_the_samples_back(ask: Caller) -> None:
    await ask("POST", NOTES, body=BODY)
    ask.psa.faults.add(kind="down")
    assert (await ask("POST", "/_practice/reset")).status == 200
    assert stored(ask) == 0
    assert ask.psa.journal() == []
    assert (await ask("GET", "service/tickets/4711")).status == 200


async def test_a_ticket_is_made_by_names_over_the_control_address(ask: Caller) -> None:
    made = await ask(
        "POST",
        "/_practice/tickets",
        body={
            "summary": "Fan is loud",
            "contact": "Jane Doe",
            "owner": "ben",
            "description": "Like a truck.",
        },
    )
    assert made.status == 201
    read = (await ask("GET", f"service/tickets/{made.body['id']}")).body
    assert (read["owner"]["identifier"], read["board"]["name"]) == ("ben", "Help Desk")
    assert (await ask("POST", "/_practice/tickets", body={"summary": "x", "contact": "Nobody"})).status == 400


async def test_state_can_be_asked_for_one_ticket(ask: Caller) -> None:
    await ask("POST", NOTES, body=BODY)
    state = (await ask("GET", "/_practice/state", query={"ticket": "4711"})).body
    assert [one["id"] for one in state["tickets"]] == [4711]
    assert {one["ticketId"] for one in state["notes"]} == {4711}
    journal = (await ask("GET", "/_practice/journal", query={"method": "POST", "path": "notes$"})).body
    assert (len(journal), journal[0]["body"], journal[0]["stored"]) == (1, BODY, True)
