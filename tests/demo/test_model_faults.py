"""Every fault of the practice model that can be switched on, and what the journal says of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientError

from demo.model import practice_model
from demo.model_caller import SMALL, Caller, Heard, caller, shaped, user
from demo.model_room import BYTES_KEPT, Room, Settings

WHOLE = [
    "message_start",
    "ping",
    "content_block_start",
    "content_block_stop",
    "message_delta",
    "message_stop",
]


@pytest.fixture
async def ask() -> AsyncIterator[Caller]:
    async with practice_model() as model, caller(model) as asking:
        yield asking


async def failing(ask: Caller, kind: str, *, stream: bool = True, **fault: Any) -> Heard:
    ask.model.faults.add(kind=kind, **fault)
    return await ask(user("Hello"), stream=stream, output_config=shaped(SMALL))


def ended(ask: Caller) -> tuple[str, str]:
    entry = ask.model.asked[-1]
    return entry.ended, entry.fault


async def until_ended(ask: Caller) -> str:
    async with asyncio.timeout(20):
        while ask.model.asked[-1].ended == "open":  # noqa: ASYNC110 - the server offers no event, as a real one would not
            await asyncio.sleep(0.01)
    return ask.model.asked[-1].ended


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "api_error"),
        (529, "overloaded_error"),
    ],
)
async def test_a_status_has_its_type_and_costs_nothing(ask: Caller, status: int, kind: str) -> None:
    heard = await failing(ask, "status", status=status)
    assert heard.error[:2] == (status, kind)
    assert ended(ask) == ("fault", "status")
    assert ask.model.totals.prompt == 0
    assert (await ask(user("Hello"))).status == 200


async def test_a_limit_says_how_long_to_wait(ask: Caller) -> None:
    heard = await failing(ask, "status", status=429, retry_after=90, headers={"x-should-retry": "true"})
    assert (heard.headers["retry-after"], heard.headers["x-should-retry"]) == ("90", "true")


async def test_a_gateway_answers_in_html(ask: Caller) -> None:
    heard = await failing(ask, "html")
    assert (heard.status, heard.headers["Content-Type"].split(";")[0], heard.body) == (502, "text/html", None)


@pytest.mark.parametrize("after", [1, 3, 4])
async def test_an_error_comes_in_the_middle_of_a_stream(ask: Caller, after: int) -> None:
    heard = await failing(ask, "error_event", after=after)
    assert (heard.status, len(heard.events), heard.kinds[-1]) == (200, after + 1, "error")
    assert heard.events[-1]["error"]["type"] == "overloaded_error"
    assert ended(ask) == ("fault", "error_event")


async def test_an_error_event_is_a_529_where_nothing_is_streamed(ask: Caller) -> None:
    assert (await failing(ask, "error_event", stream=False)).status == 529


@pytest.mark.parametrize("after", [1, 3])
async def test_a_reset_breaks_the_connection_after_so_many_events(ask: Caller, after: int) -> None:
    heard = await failing(ask, "reset", after=after)
    assert heard.whole is False
    assert len(heard.events) == after
    assert ended(ask) == ("fault", "reset")
    assert ask.model.asked[-1].usage.output == 1


@pytest.mark.parametrize("stream", [True, False])
async def test_a_reset_may_come_before_the_headers(ask: Caller, stream: bool) -> None:
    with pytest.raises(ClientError):
        await failing(ask, "reset", stream=stream, after=0)
    assert ended(ask) == ("fault", "reset")
    assert ask.model.totals.prompt == 0


async def test_a_stream_that_is_cut_ends_cleanly_without_message_stop(ask: Caller) -> None:
    heard = await failing(ask, "cut", after=4)
    assert (heard.whole, len(heard.events)) == (True, 4)
    assert "message_stop" not in heard.kinds


async def test_a_body_is_cut_in_half_with_200(ask: Caller) -> None:
    heard = await failing(ask, "cut_body", stream=False)
    assert (heard.status, heard.body, heard.whole) == (200, None, True)
    assert heard.raw.startswith(b'{"id"')


async def test_a_stall_before_the_headers_or_between_events_only_delays(ask: Caller) -> None:
    for after in (None, 3):
        heard = await failing(ask, "stall", seconds=0.01, after=after)
        assert list(dict.fromkeys(heard.kinds))[-1] == "message_stop"
        assert ended(ask) == ("answered", "stall")


async def test_who_hangs_up_during_a_stall_is_written_down_with_what_he_was_told(ask: Caller) -> None:
    ask.model.faults.add(kind="stall", seconds=0.2, after=3)
    impatient = asyncio.create_task(ask(user("Hello"), stream=True))
    async with asyncio.timeout(20):
        while not ask.model.asked or not ask.model.asked[-1].usage.prompt:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    impatient.cancel()
    assert await until_ended(ask) == "hung_up"
    entry = ask.model.asked[-1]
    assert (entry.usage.output, entry.answered) == (1, False)


async def test_json_comes_though_a_stream_was_asked_for(ask: Caller) -> None:
    heard = await failing(ask, "json_to_stream")
    assert (heard.status, heard.body["type"]) == (200, "message")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("kind", ["refusal", "max_tokens"])
async def test_an_answer_ends_early_with_its_reason(ask: Caller, kind: str, stream: bool) -> None:
    heard = await failing(ask, kind, stream=stream)
    ending = heard.events[-2]["delta"] if stream else heard.body
    assert ending["stop_reason"] == kind
    assert (ending["stop_details"] is not None) == (kind == "refusal")
    with pytest.raises(json.JSONDecodeError):
        json.loads(heard.text)


async def test_max_tokens_are_kept_and_cut_the_json(ask: Caller) -> None:
    heard = await ask(user("Hello"), max_tokens=5, output_config=shaped(SMALL))
    assert (heard.body["stop_reason"], heard.body["usage"]["output_tokens"]) == ("max_tokens", 5)
    assert len(heard.text) == 20


async def test_malformed_json_and_any_text_come_as_an_ordinary_answer(ask: Caller) -> None:
    heard = await failing(ask, "malformed")
    assert heard.events[-2]["delta"]["stop_reason"] == "end_turn"
    with pytest.raises(json.JSONDecodeError):
        json.loads(heard.text)
    assert (await failing(ask, "malformed", text="Sorry.", stream=False)).text == "Sorry."


@pytest.mark.parametrize(("kind", "first"), [("thinking_first", "thinking"), ("unknown_block", "aura")])
async def test_another_block_comes_before_the_text(ask: Caller, kind: str, first: str) -> None:
    heard = await failing(ask, kind)
    starts = [one for one in heard.events if one["type"] == "content_block_start"]
    assert [(one["index"], one["content_block"]["type"]) for one in starts] == [(0, first), (1, "text")]
    assert set(heard.answer) == {"text", "steps"}
    whole = await failing(ask, kind, stream=False)
    assert [one["type"] for one in whole.body["content"]] == [first, "text"]


async def test_a_hostile_answer_breaks_what_a_schema_promises(ask: Caller) -> None:
    ask.model.script({"text": "fine"}, purpose="")
    answer = (await failing(ask, "hostile")).answer
    assert (answer["confidence"], answer["options"], answer["text"]) == ("high", "none", "fine")
    answer = (await failing(ask, "hostile", variant="options")).answer
    assert len(answer["options"]) == 50
    assert (await failing(ask, "hostile", variant="confidence")).answer["confidence"] == 9.0
    assert "<!channel>" in (await failing(ask, "hostile", variant="mention")).answer["say"]
    assert len((await failing(ask, "hostile", variant="long")).answer["say"]) == 10_000
    answer = (await failing(ask, "answer", answer={"text": 7, "more": True})).answer
    assert (answer["text"], answer["more"]) == (7, True)


async def test_a_fault_waits_for_its_text_and_hits_so_many_times(ask: Caller) -> None:
    fault = ask.model.faults.add(kind="status", status=529, when="Outlook", times=2, skip=1)
    asked = ["Printer", "Outlook 1", "Outlook 2", "Outlook 3", "Outlook 4"]
    statuses = [(await ask(user(words))).status for words in asked]
    assert statuses == [200, 200, 529, 529, 200]
    assert fault.hits == 2


async def test_a_request_that_is_refused_uses_no_fault_up(ask: Caller) -> None:
    ask.model.faults.add(kind="status", status=529)
    assert (await ask(user("Hello"), temperature=1)).status == 400
    assert (await ask(user("Hello"))).status == 529


async def test_faults_settings_clock_and_scripts_can_be_changed_from_outside(ask: Caller) -> None:
    status, fault = await ask.get("/_practice/faults", "POST", {"kind": "status", "status": 503})
    assert (status, fault["times"]) == (201, 1)
    assert (await ask(user("Hello"))).status == 503
    assert (await ask.get("/_practice/faults"))[1][0]["hits"] == 1
    assert (await ask.get(f"/_practice/faults/{fault['id']}", "DELETE"))[1] == []
    assert (await ask.get("/_practice/faults", "POST", {"kind": "rain"}))[0] == 400
    assert (await ask.get("/_practice/faults", "PUT", [{"kind": "cut"}, {"kind": "rain"}]))[0] == 400
    assert (await ask.get("/_practice/faults"))[1] == []
    assert (await ask.get("/_practice/settings", "PUT", {"obedient": True}))[1]["obedient"] is True
    assert (await ask.get("/_practice/settings", "PUT", {"obedient": "yes"}))[0] == 400
    assert (await ask.get("/_practice/clock", "PUT", {"at": 5, "forward": 60}))[1] == {"now": 65.0}
    script = {"turns": [{"text": "From outside."}], "purpose": ""}
    assert (await ask.get("/_practice/scripts", "POST", script))[0] == 201
    assert (await ask(user("Hello"), output_config=shaped(SMALL))).answer["text"] == "From outside."
    assert (await ask.get("/_practice/scripts", "DELETE"))[0] == 200
    assert (await ask(user("Hello"), output_config=shaped(SMALL))).answer["text"] == "Ready."
    assert (await ask.get("/_practice/weather"))[0] == 404


async def test_the_journal_keeps_every_byte_and_no_key(ask: Caller) -> None:
    await ask(user("Größe ⟦HOST_1⟧"), stream=True, output_config=shaped(SMALL))
    await ask.send(b"{")
    first, second = ask.model.asked
    assert first.body["messages"][0]["content"][0]["text"] == "Größe ⟦HOST_1⟧"
    assert (second.raw, second.body, second.ended, second.status) == (b"{", None, "refused", 400)
    assert (first.answered, first.stop_reason, json.loads(first.text)["steps"]) == (True, "end_turn", [])
    assert ask.model.key not in json.dumps(first.headers)
    status, shown = await ask.get(f"/_practice/journal?after={first.number}&body=0")
    assert (status, [one["number"] for one in shown]) == (200, [second.number])
    assert (await ask.get("/_practice/journal"))[1][0]["usage"] == first.usage.as_json()
    await ask.get("/_practice/journal", "DELETE")
    assert (ask.model.journal, ask.model.totals.prompt) == ([], 0)


async def test_events_that_are_slow_are_the_same_events(ask: Caller) -> None:
    fast = await ask(user("Hello"), stream=True, output_config=shaped(SMALL))
    ask.model.control.change_settings({"event_seconds": 0.001, "latency_seconds": 0.001})
    slow = await ask(user("Hello"), stream=True, output_config=shaped(SMALL))
    assert slow.kinds == fast.kinds
    assert slow.text == fast.text
    assert list(dict.fromkeys(kind for kind in fast.kinds if kind != "content_block_delta")) == WHOLE


def test_of_the_oldest_requests_the_bodies_are_let_go_when_all_are_too_much() -> None:
    room = Room(Settings())
    for _ in range(5):
        room.keep(room.open("POST", "/v1/messages", {}), bytes(100))
    room.keep(room.open("POST", "/v1/messages", {}), bytes(BYTES_KEPT - 250))
    assert [len(entry.raw) for entry in room.journal] == [0, 0, 0, 100, 100, BYTES_KEPT - 250]
