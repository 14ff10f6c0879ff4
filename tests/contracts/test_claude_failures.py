"""Whatever comes in place of an answer, or in the middle of one, is one ModelFailed that says enough, within time and size."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from engine.clients.claude import Claude
from engine.clients.claude_heard import MOST_TEXT
from engine.clients.claude_sdk import MOST_BYTES
from engine.model import Failure, Hearing, ModelFailed, StopReason, Usage
from tests.contracts.claude_wire import (
    BLOCK,
    PROMPT,
    SECRET,
    START,
    STOP,
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


async def failure_of(claude: Claude, **changes: float) -> ModelFailed:
    with pytest.raises(ModelFailed) as failed:
        await claude.ask(call(**changes))
    return failed.value


# ── No answer ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "failure", "status"),
    [
        (refusal(400, error("invalid_request_error", SECRET)), Failure.REJECTED, 400),
        (refusal(401, error("authentication_error", SECRET)), Failure.KEY_REFUSED, 401),
        (refusal(402, error("billing_error", SECRET)), Failure.UNPAID, 402),
        (refusal(400, error("billing_error", SECRET)), Failure.UNPAID, 400),
        (refusal(429, error("rate_limit_error", "", "enforced_spend_limit_reached")), Failure.UNPAID, 429),
        (refusal(403, error("permission_error", SECRET)), Failure.FORBIDDEN, 403),
        (refusal(403, "<html>Blocked", "text/html"), Failure.FORBIDDEN, 403),
        (refusal(404, error("not_found_error", "model: claude-x")), Failure.REJECTED, 404),
        (refusal(413, "<html>Too large", "text/html"), Failure.TOO_LARGE, 413),
        (refusal(429, error("rate_limit_error", SECRET)), Failure.BUSY, 429),
        (refusal(500, error("api_error", SECRET)), Failure.OVERLOADED, 500),
        (refusal(502, f"<html>{SECRET}", "text/html"), Failure.OVERLOADED, 502),
        (refusal(503, ""), Failure.OVERLOADED, 503),
        (refusal(529, error("overloaded_error", SECRET)), Failure.OVERLOADED, 529),
        (refusal(500, '{"error": ["odd"]}'), Failure.OVERLOADED, 500),
        (refusal(307, "", location="http://127.0.0.1:1/v1/messages"), Failure.REJECTED, 307),
        (refusal(200, '{"type": "message"}'), Failure.CONNECTION, 200),
        (refusal(200, '{"type": "mess'), Failure.CONNECTION, 200),
        (refusal(200, "[1]"), Failure.CONNECTION, 200),
        (refusal(200, "<html>Sign in", "text/html"), Failure.CONNECTION, 200),
        (then_reset(), Failure.CONNECTION, 0),
    ],
)
async def test_an_answer_that_is_none_is_one_failure_and_one_request(
    claude: Claude, server: Wire, answer: Answering, failure: Failure, status: int
) -> None:
    server.answer = answer
    failed = await failure_of(claude)
    assert (failed.failure, failed.status) == (failure, status)
    assert (failed.started, failed.usage) == (False, Usage())
    assert failed.request_id == ("req_1" if status else "")
    assert len(server.journal) == 1


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (
            stream(START, BLOCK, says("{"), event("error", error={"type": "overloaded_error"})),
            Failure.OVERLOADED,
        ),
        (stream(START, event("error", error={"type": "rate_limit_error"})), Failure.BUSY),
        (stream(START, event("error", error={"type": "authentication_error"})), Failure.KEY_REFUSED),
        (stream(START, event("error", error={"type": "of_next_year"})), Failure.OVERLOADED),
        (stream(START, event("error", error=None)), Failure.OVERLOADED),
        (stream(START, b"event: error\ndata: {oops\n\n"), Failure.CONNECTION),
        (stream(START, BLOCK, says("{"), ends()), Failure.CONNECTION),
        (stream(START, BLOCK, b'event: content_block_delta\ndata: {"type": "content'), Failure.CONNECTION),
        (stream(START, b"event: message_stop\ndata: {oops\n\n"), Failure.CONNECTION),
        (stream(START, b"event: message_stop\ndata: " + b"[" * 100_000 + b"\n\n"), Failure.CONNECTION),
        (stream(START, b"data: \xff\xfe\n\n"), Failure.CONNECTION),
        (then_reset(START, BLOCK, says("{")), Failure.CONNECTION),
    ],
)
async def test_an_answer_that_breaks_says_what_was_paid_for(
    claude: Claude, server: Wire, answer: Answering, failure: Failure
) -> None:
    server.answer = answer
    ear = Ear()
    with pytest.raises(ModelFailed) as caught:
        await claude.ask(call(), ear.hearing)
    failed = caught.value
    assert (failed.failure, failed.started, failed.request_id) == (failure, True, "req_1")
    assert replace(failed.usage, output=1) == PROMPT
    assert ear.began == [("msg_1", PROMPT)]
    assert len(server.journal) == 1


async def test_an_empty_stream_was_not_paid_for(claude: Claude, server: Wire) -> None:
    server.answer = stream()
    failed = await failure_of(claude)
    assert (failed.failure, failed.started) == (Failure.CONNECTION, False)


async def test_where_nobody_listens_there_is_no_connection() -> None:
    async with client_at("http://127.0.0.1:1") as claude:
        failed = await failure_of(claude)
    assert (failed.failure, failed.status) == (Failure.CONNECTION, 0)


async def test_an_address_that_is_none_is_no_connection() -> None:
    async with client_at("http://127.0.0.1:port") as claude:
        assert (await failure_of(claude)).failure is Failure.CONNECTION


@pytest.mark.parametrize("key", ["two words", "ключ", "line\nbreak"])
async def test_a_key_that_no_header_carries_is_refused_before_anything_leaves(server: Wire, key: str) -> None:
    claude = Claude(key, base_url=server.url, now=lambda: None)  # type: ignore[arg-type,return-value]
    assert (await failure_of(claude)).failure is Failure.KEY_REFUSED
    assert not server.journal


async def test_half_a_character_in_the_prompt_is_rejected_and_not_repeated(claude: Claude) -> None:
    half = f"{SECRET} \ud800"
    with pytest.raises(ModelFailed) as failed:
        await claude.ask(call(half))
    assert failed.value.failure is Failure.REJECTED
    assert "hunter2" not in "".join(traceback.format_exception(failed.value))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "90"}, 90.0),
        ({"retry_after": "1.5"}, 1.5),
        ({"retry_after": "Mon, 23 Nov 2026 12:01:30 GMT"}, 90.0),
        ({"retry_after": "Mon, 23 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry_after_ms": "2500", "retry_after": "90"}, 2.5),
        ({"retry_after": "-3"}, None),
        ({"retry_after": "inf"}, None),
        ({"retry_after": "soon"}, None),
        ({}, None),
    ],
)
async def test_how_long_to_wait_is_read_in_each_way_it_is_said_and_nobody_waits_here(
    claude: Claude, server: Wire, headers: dict[str, str], seconds: float | None
) -> None:
    server.answer = refusal(429, error("rate_limit_error"), **headers)
    failed = await failure_of(claude)
    assert (failed.failure, failed.retry_after) == (Failure.BUSY, seconds)


# ── Time and size ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("said", [(), (START,), (START, BLOCK, says("{"))], ids=["nothing", "start", "text"])
async def test_silence_ends_the_call_and_the_connection(
    claude: Claude, server: Wire, said: tuple[bytes, ...]
) -> None:
    await claude.open()
    server.answer = then_silence(*said)
    failed = await failure_of(claude, silence=0.3)
    assert (failed.failure, failed.started) == (Failure.SILENT, bool(said))
    async with asyncio.timeout(5):
        await server.ended.wait()


async def test_a_ping_is_a_sign_of_life_and_still_the_whole_call_has_an_end(
    claude: Claude, server: Wire
) -> None:
    await claude.open()
    pings = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + START)
        while True:
            writer.write(event("ping"))
            await writer.drain()
            pings.set()
            await asyncio.sleep(0.05)

    server.answer = answer
    failed = await failure_of(claude, silence=0.6, seconds=1.2)
    assert (failed.failure, failed.started) == (Failure.SILENT, True)
    assert pings.is_set()
    async with asyncio.timeout(5):
        await server.ended.wait()


async def test_a_call_can_be_given_up_at_any_moment_and_lets_go(claude: Claude, server: Wire) -> None:
    heard = asyncio.Event()

    async def hear(_: str) -> None:
        heard.set()

    server.answer = then_silence(START, BLOCK, says("{"))
    asking = asyncio.create_task(claude.ask(call(), Hearing(text=hear)))
    await heard.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    async with asyncio.timeout(5):
        await server.ended.wait()


async def test_an_answer_without_end_is_not_read_to_its_end(claude: Claude, server: Wire) -> None:
    server.answer = stream(START, BLOCK, says("x" * MOST_TEXT), says("x"), ends(), STOP)
    failed = await failure_of(claude)
    assert (failed.failure, failed.started, failed.usage) == (Failure.REJECTED, True, PROMPT)
    server.answer = stream(START, b"data: " + b"x" * MOST_BYTES, STOP)
    assert (await failure_of(claude)).failure is Failure.REJECTED
    server.answer = refusal(500, "x" * (MOST_BYTES + 1))
    assert (await failure_of(claude)).failure is Failure.REJECTED


async def test_many_ask_at_once(claude: Claude, server: Wire) -> None:
    replies = await asyncio.gather(*(claude.ask(call(f"Number {number}.")) for number in range(40)))
    assert {reply.stop_reason for reply in replies} == {StopReason.END_TURN}
    assert {each.json["messages"][0]["content"][0]["text"] for each in server.journal} == {
        f"Number {number}." for number in range(40)
    }
