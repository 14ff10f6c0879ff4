"""Claude's client keeps what `Model` promises, whatever comes over the wire: a reply, or one ModelFailed that says enough."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from engine.clients.claude import Claude
from engine.model import Failure, Hearing, ModelFailed, StopReason, Usage
from tests.contracts.claude_wire import (
    BLOCK,
    END_OF_BLOCK,
    KEY,
    PROMPT,
    SECRET,
    START,
    STOP,
    WHOLE,
    Answering,
    Ear,
    Wire,
    call,
    client_at,
    ends,
    error,
    event,
    refusal,
    says,
    stream,
    then_reset,
    then_silence,
    well,
    wire,
)


@pytest.fixture
async def server() -> AsyncIterator[Wire]:
    async with wire(well) as here:
        yield here


@pytest.fixture
async def claude(server: Wire) -> AsyncIterator[Claude]:
    async with client_at(server.url) as client:
        yield client


# ── An answer ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_answer_is_heard_as_it_comes_and_handed_over_whole(claude: Claude) -> None:
    ear = Ear()
    reply = await claude.ask(call(), ear.hearing)
    assert (reply.text, reply.stop_reason) == ('{"say": "Hello."}', StopReason.END_TURN)
    assert (reply.message_id, reply.request_id, reply.model) == ("msg_1", "req_1", "claude-sonnet-5-5")
    assert reply.usage == replace(PROMPT, output=9)
    assert ear.began == [("msg_1", PROMPT)]
    assert ear.said == ['{"say": ', '"Hello."}']


async def test_the_request_is_what_the_current_family_takes(claude: Claude, server: Wire) -> None:
    asked = call()
    await claude.ask(asked)
    await claude.ask(replace(asked, cache=False))
    sent, without = (each.json for each in server.journal)
    assert sent == {
        "model": "claude-sonnet-5-5",
        "max_tokens": 512,
        "system": list(asked.system),
        "messages": list(asked.messages),
        "output_config": {"format": {"type": "json_schema", "schema": asked.schema}},
        "cache_control": {"type": "ephemeral", "ttl": "1h"},
        "stream": True,
    }
    assert "cache_control" not in without
    first = server.journal[0]
    assert first.line == "POST /v1/messages HTTP/1.1"
    assert first.headers["authorization"] == f"Bearer {KEY}"


async def test_the_next_request_begins_with_the_bytes_of_the_one_before(claude: Claude, server: Wire) -> None:
    said = ("It is silent – ⟦DEVICE_1⟧.", '{"say": "Is it on?"}', 'Yes.\n"On" since 9.')
    await claude.ask(call(said[0]))
    await claude.ask(call(*said))
    await claude.ask(call(*said))
    first, second, again = (each.body for each in server.journal)
    assert again == second
    messages = first[first.index(b'"messages":[') : first.index(b'],"model"')]
    assert second.startswith(first[: first.index(b'"messages":[')] + messages + b",")
    assert second[second.index(b'],"model"') :] == first[first.index(b'],"model"') :]


async def test_a_connection_is_used_again(claude: Claude, server: Wire) -> None:
    for _ in range(3):
        await claude.ask(call())
    assert server.connections == 1


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("end_turn", StopReason.END_TURN),
        ("max_tokens", StopReason.MAX_TOKENS),
        ("refusal", StopReason.REFUSAL),
        ("model_context_window_exceeded", StopReason.OTHER),
        ("a_reason_of_next_year", StopReason.OTHER),
        (None, StopReason.OTHER),
    ],
)
async def test_why_it_ended_is_said(
    claude: Claude, server: Wire, told: str | None, reason: StopReason
) -> None:
    server.answer = stream(START, BLOCK, says("{"), END_OF_BLOCK, ends(told), STOP)
    reply = await claude.ask(call())
    assert (reply.stop_reason, reply.text) == (reason, "{")


async def test_thoughts_and_kinds_we_do_not_know_are_no_text(claude: Claude, server: Wire) -> None:
    thinking = {"type": "thinking_delta", "thinking": "secret thought"}
    server.answer = stream(
        *(b": a comment\n\n", event("ping"), START),
        event(
            "content_block_start",
            index=0,
            content_block={"type": "thinking", "thinking": "", "signature": ""},
        ),
        event("content_block_delta", index=0, delta=thinking),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": "in the wrong block"}),
        event("content_block_start", index=1, content_block={"type": "hologram", "text": "shiny"}),
        event("content_block_delta", index=1, delta={"type": "hologram_delta", "text": "shiny"}),
        *(event("an_event_of_next_year", text="x"), event("content_block_delta", index="1", delta=None)),
        *(b"data: [1, 2]\n\n", b"event: message_delta\ndata:\n\n"),
        event("content_block_start", index=2, content_block={"type": "text", "text": "{"}),
        *(says("}", 2), event("content_block_stop", index=2), ends(), STOP),
    )
    ear = Ear()
    reply = await claude.ask(call(), ear.hearing)
    assert (reply.text, ear.said) == ("{}", ["{", "}"])


async def test_a_complete_answer_is_handed_over_while_the_connection_lingers(
    claude: Claude, server: Wire
) -> None:
    await claude.open()
    server.answer = then_silence(WHOLE)
    reply = await claude.ask(call(seconds=5, silence=5))
    assert (reply.text, reply.stop_reason) == ('{"say": "Hello."}', StopReason.END_TURN)
    async with asyncio.timeout(5):
        await server.ended.wait()


async def test_a_gateway_that_cannot_stream_is_understood(claude: Claude, server: Wire) -> None:
    content = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "{}"}]
    message = {
        "type": "message",
        "id": "msg_2",
        "content": content,
        "usage": {"input_tokens": 5, "output_tokens": 3},
    }
    server.answer = refusal(200, json.dumps({**message, "stop_reason": "max_tokens"}))
    ear = Ear()
    reply = await claude.ask(call(), ear.hearing)
    assert (reply.text, reply.stop_reason) == ("{}", StopReason.MAX_TOKENS)
    assert (reply.message_id, reply.usage) == ("msg_2", Usage(input=5, output=3))
    assert (len(ear.began), ear.said) == (1, ["{}"])


async def test_usage_is_never_less_than_was_told_and_nonsense_does_not_count(
    claude: Claude, server: Wire
) -> None:
    later = {"input_tokens": 8, "cache_read_input_tokens": None, "cache_creation_input_tokens": -5}
    server.answer = stream(
        START,
        event("message_delta", delta={"stop_reason": "end_turn"}, usage={**later, "output_tokens": "9"}),
        STOP,
    )
    reply = await claude.ask(call())
    assert reply.usage == replace(PROMPT, input=8)


async def test_what_goes_wrong_in_an_ear_is_not_taken_for_the_vendors_fault(
    claude: Claude, server: Wire
) -> None:
    for mistake in (ValueError("ours"), TimeoutError("ours"), OSError("ours")):

        async def broken(_: str, mistake: Exception = mistake) -> None:
            raise mistake

        with pytest.raises(type(mistake), match="ours"):
            await claude.ask(call(), Hearing(text=broken))


# ── What stays private ──────────────────────────────────────────────────────────────────────────────────────


async def test_neither_prompt_nor_answer_nor_key_is_in_a_log_or_a_failure(
    claude: Claude, server: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await claude.ask(call(SECRET))
    for answer in (
        refusal(400, error("invalid_request_error", SECRET)),
        refusal(502, SECRET, "text/html"),
        stream(START, BLOCK, says(SECRET), event("error", error={"type": "api_error", "message": SECRET})),
        stream(START, b"data: {" + json.dumps(SECRET).encode() + b"\n\n"),
        then_reset(START, BLOCK, says(SECRET)),
    ):
        server.answer = answer
        with pytest.raises(ModelFailed) as failed:
            await claude.ask(call(SECRET))
        assert failed.value.__context__ is None
        assert "hunter2" not in "".join(traceback.format_exception(failed.value))
    lines = [record.getMessage() for record in caplog.records if record.name == "flowpilot.claude"]
    assert "end_turn, status 200" in lines[0]
    assert "327 tokens in, 300 cached, 9 out, request req_1" in lines[0]
    assert len(lines) == 6
    assert not [line for line in caplog.text.splitlines() if "hunter2" in line or KEY in line]


async def test_an_id_that_comes_from_outside_cannot_write_into_the_log(claude: Claude, server: Wire) -> None:
    message = {"id": "msg\nWARNING forged" + "x" * 500, "model": 5, "usage": {"input_tokens": True}}
    server.answer = stream(event("message_start", message=message), STOP)
    reply = await claude.ask(call())
    assert "\n" not in reply.message_id
    assert (len(reply.message_id) <= 100, reply.model, reply.usage) == (True, "", Usage())


# ── Which models there are ──────────────────────────────────────────────────────────────────────────────────

MODEL = {
    "type": "model",
    "id": "claude-haiku-5-5",
    "display_name": "Haiku",
    "created_at": "2026-01-01T00:00:00Z",
}


async def test_a_model_is_there_or_it_is_not(claude: Claude, server: Wire) -> None:
    server.answer = refusal(200, json.dumps(MODEL))
    assert await claude.has("claude-haiku-5-5")
    assert server.journal[-1].line == "GET /v1/models/claude-haiku-5-5 HTTP/1.1"
    server.answer = refusal(404, error("not_found_error"))
    assert not await claude.has("claude-x")


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (refusal(401, error("authentication_error")), Failure.KEY_REFUSED),
        (refusal(200, "<html>Sign in", "text/html"), Failure.CONNECTION),
        (refusal(200, '{"type": "mod'), Failure.CONNECTION),
        (then_silence(), Failure.SILENT),
    ],
)
async def test_where_nothing_is_known_of_a_model_that_is_a_failure(
    claude: Claude, server: Wire, answer: Answering, failure: Failure
) -> None:
    await claude.open()
    server.answer = answer
    with pytest.raises(ModelFailed) as failed:
        await claude.has("claude-haiku-5-5", seconds=0.5)
    assert failed.value.failure is failure


def test_the_whole_answer_of_these_tests_is_more_than_nothing() -> None:
    assert WHOLE.count(b"event: ") == 7
