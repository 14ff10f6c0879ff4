"""Claude's client with the scripted model: every fault ends in a defined state, and the vendor's own SDK vouches for both sides."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from bench.live_claude import SCHEMAS, rows
from bot.settings import Settings
from demo.model import PracticeModel, practice_model
from engine.clients.claude import Claude, request_of
from engine.model import Failure, Hearing, ModelFailed, ModelReply, StopReason, Usage
from tests.contracts.claude_wire import SCHEMA, call, client_at

PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}


@pytest.fixture
async def model() -> AsyncIterator[PracticeModel]:
    async with practice_model() as model:
        yield model


@pytest.fixture
async def claude(model: PracticeModel) -> AsyncIterator[Claude]:
    async with client_at(model.url) as client:
        await client.open()
        yield client


Ended = StopReason | Failure


@pytest.mark.parametrize(
    ("fault", "ended", "started"),
    [
        ({"kind": "status", "status": 400}, Failure.REJECTED, False),
        ({"kind": "status", "status": 401}, Failure.KEY_REFUSED, False),
        ({"kind": "status", "status": 402}, Failure.UNPAID, False),
        ({"kind": "status", "status": 403}, Failure.FORBIDDEN, False),
        ({"kind": "status", "status": 413}, Failure.TOO_LARGE, False),
        ({"kind": "status", "status": 429, "retry_after": 90}, Failure.BUSY, False),
        ({"kind": "status", "status": 500}, Failure.OVERLOADED, False),
        ({"kind": "status", "status": 503}, Failure.OVERLOADED, False),
        ({"kind": "status", "status": 529}, Failure.OVERLOADED, False),
        ({"kind": "html"}, Failure.OVERLOADED, False),
        ({"kind": "error_event"}, Failure.OVERLOADED, True),
        ({"kind": "reset", "after": 0}, Failure.CONNECTION, False),
        ({"kind": "reset", "after": 4}, Failure.CONNECTION, True),
        ({"kind": "cut"}, Failure.CONNECTION, True),
        ({"kind": "cut_body"}, Failure.CONNECTION, True),
        ({"kind": "json_to_stream"}, StopReason.END_TURN, True),
        ({"kind": "stall"}, Failure.SILENT, False),
        ({"kind": "stall", "after": 4}, Failure.SILENT, True),
        ({"kind": "refusal"}, StopReason.REFUSAL, True),
        ({"kind": "max_tokens"}, StopReason.MAX_TOKENS, True),
        ({"kind": "malformed"}, StopReason.END_TURN, True),
        ({"kind": "unknown_block"}, StopReason.END_TURN, True),
        ({"kind": "thinking_first"}, StopReason.END_TURN, True),
    ],
    ids=lambda given: "-".join(str(each) for each in given.values()) if isinstance(given, dict) else "",
)
async def test_every_fault_ends_in_one_request_and_one_defined_state_with_the_books_even(
    claude: Claude, model: PracticeModel, fault: Mapping[str, Any], ended: Ended, started: bool
) -> None:
    model.faults.add(**fault)
    heard: list[str] = []
    told: list[Usage] = []

    async def begin(_: str, usage: Usage) -> None:
        told.append(usage)

    async def hear(text: str) -> None:
        heard.append(text)

    try:
        outcome: ModelReply | ModelFailed = await claude.ask(call(silence=0.4), Hearing(begin, hear))
    except ModelFailed as failed:
        outcome = failed
    (asked,) = model.asked
    assert bool(told) is started
    assert as_told(outcome.usage) == as_told(asked.usage)
    if isinstance(outcome, ModelFailed):
        assert (outcome.failure, outcome.started) == (ended, started)
        assert outcome.retry_after == fault.get("retry_after")
        assert outcome.request_id in {asked.request_id, ""}
    else:
        assert outcome.stop_reason is ended
        assert outcome.text == "".join(heard) == asked.text
        assert (outcome.message_id, outcome.request_id) == (asked.message_id, asked.request_id)


def as_told(usage: Any) -> tuple[int, int, int, int]:
    """Ours and the practice model's, in the vendor's words."""
    if isinstance(usage, Usage):
        return usage.input, usage.cache_read, usage.cache_write, usage.output
    shown = usage.as_json()
    return (
        shown["input_tokens"],
        shown["cache_read_input_tokens"],
        shown["cache_creation_input_tokens"],
        shown["output_tokens"],
    )


async def test_the_second_request_reads_the_first_from_the_cache_and_begins_with_its_bytes(
    claude: Claude, model: PracticeModel
) -> None:
    said = ["The printer is silent. " * 20]
    first = await claude.ask(call(*said))
    said += [first.text, "It is on."]
    second = await claude.ask(call(*said))
    assert first.usage.cache_read == 0
    assert second.usage.cache_read == first.usage.prompt
    before, after = (entry.raw for entry in model.asked)
    messages = before[: before.index(b'],"model"')]
    assert after.startswith(messages + b",")


# ── The vendor's SDK as a judge ─────────────────────────────────────────────────────────────────────────────


@cache
def adapter(name: str) -> Any:
    """For a list of one of the SDK's types. Making one takes longer than using it."""
    from anthropic import types  # noqa: PLC0415 - takes seconds
    from anthropic.types import message_create_params as params  # noqa: PLC0415
    from pydantic import TypeAdapter  # noqa: PLC0415

    kind: Any = getattr(types, name, None) or getattr(params, name)
    return TypeAdapter[Any](list[kind])


def judged(asked: Mapping[str, Any]) -> None:
    """Raises ValidationError. What is iterable is judged only when it is gone through, and blocks one by one: going
    through an iterable inside another one crashes pydantic.
    """
    (streaming,) = adapter("MessageCreateParamsStreaming").validate_python([{**asked, "stream": True}])
    (whole,) = adapter("MessageCreateParamsNonStreaming").validate_python([dict(asked)])
    assert len(list(streaming["messages"])) == len(list(whole["messages"])) == len(asked["messages"])
    for message in asked["messages"]:
        adapter("ContentBlockParam").validate_python(message["content"])
    adapter("TextBlockParam").validate_python(asked.get("system", []))
    # A TypedDict lets unknown names pass.
    assert set(streaming) == {*asked, "stream"}


def test_what_we_send_is_what_the_sdk_calls_a_request() -> None:
    asked = call("Look.", '{"say": "At what?"}', "At this.")
    with_picture = {"role": "user", "content": [PICTURE, {"type": "text", "text": "Here."}]}
    judged(request_of(asked))
    judged(request_of(replace(asked, cache=False, system=())))
    judged(request_of(replace(asked, messages=(with_picture,))))


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_tokens": "many"},
        {"messages": [{"role": "system", "content": 5}]},
        {"messages": [{"role": "user", "content": [{"type": "hologram"}]}]},
        {"system": [{"type": "text"}]},
        {"output_config": {"format": {"type": "json_schema"}}},
        {"cache_control": {"type": "ephemeral", "ttl": "2h"}},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_this_judge_turns_wrong_requests_down(wrong: dict[str, Any]) -> None:
    """Or its silence would say nothing."""
    from pydantic import ValidationError  # noqa: PLC0415

    with pytest.raises(ValidationError):
        judged({**request_of(call()), **wrong})


@pytest.mark.parametrize("kind", ["", "thinking_first", "refusal", "max_tokens"])
async def test_the_scripted_models_answers_pass_the_sdks_strict_validation(
    model: PracticeModel, kind: str
) -> None:
    from anthropic import AsyncAnthropic  # noqa: PLC0415

    if kind:
        model.faults.add(kind=kind, times=2)
    strict = AsyncAnthropic(
        api_key=model.key, base_url=model.url, max_retries=0, _strict_response_validation=True
    )
    async with strict:
        asked = request_of(call())
        events = [event async for event in await strict.messages.create(stream=True, **asked)]
        message = await strict.messages.create(stream=False, **asked)
        assert (await strict.models.retrieve("claude-haiku-5-5")).id == "claude-haiku-5-5"
    assert (events[0].type, events[-1].type) == ("message_start", "message_stop")
    reason = {"": "end_turn", "thinking_first": "end_turn"}.get(kind, kind)
    assert message.stop_reason == reason
    if reason == "end_turn":
        text = next(block.text for block in message.content if block.type == "text")
        assert set(json.loads(text)) == set(SCHEMA["properties"])


async def test_strict_validation_turns_a_wrong_answer_down(model: PracticeModel) -> None:
    """Or passing it would say nothing."""
    from anthropic import APIResponseValidationError, AsyncAnthropic  # noqa: PLC0415

    model.faults.add(kind="unknown_block", times=None)
    strict = AsyncAnthropic(
        api_key=model.key, base_url=model.url, max_retries=0, _strict_response_validation=True
    )
    async with strict:
        with pytest.raises(APIResponseValidationError):
            await strict.messages.create(stream=False, **request_of(call()))


# ── The check for whoever has a key ─────────────────────────────────────────────────────────────────────────


async def test_the_live_check_asks_for_each_purpose_and_looks_at_schema_and_cache(
    model: PracticeModel,
) -> None:
    found = await rows(Settings(anthropic_api_key=model.key, anthropic_base_url=model.url))
    assert {row["schema"] for row in found} == {"kept"}
    by_name = {row["what"]: row for row in found}
    assert by_name.keys() == {*(purpose.value for purpose in SCHEMAS), "turn 2"}
    assert by_name["turn 2"]["cache_read"] >= by_name["turn"]["cache_write"]
    assert len(model.asked) == len(found)


async def test_the_live_check_shows_what_failed_and_goes_on(model: PracticeModel) -> None:
    model.faults.add(kind="status", status=529)
    first, *others = await rows(Settings(anthropic_api_key=model.key, anthropic_base_url=model.url))
    assert first["ended"].startswith("overloaded (status 529")
    assert others
    assert all(row["schema"] == "kept" for row in others)


async def test_the_live_check_asks_nothing_without_a_key() -> None:
    with pytest.raises(ValueError, match="Set ANTHROPIC_API_KEY"):
        await rows(Settings())
