"""The vendor's own SDK, at its strictest, finds nothing wrong with the practice model's answers and errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic
from anthropic.types import MessageCreateParams
from pydantic import TypeAdapter

from demo.model import PracticeModel, practice_model
from demo.model_caller import HOUR, SMALL, picture, shaped, user

REQUEST: Any = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 500,
    "system": [{"type": "text", "text": "You guide.", "cache_control": HOUR}],
    "messages": [user("Hello", picture())],
    "output_config": shaped(SMALL),
    "cache_control": HOUR,
}


def plain(message: anthropic.types.Message) -> list[str]:
    """The blocks of a message in the order they came: its text, or the kind of another one."""
    return [block.text if block.type == "text" else block.type for block in message.content]


@pytest.fixture
async def model() -> AsyncIterator[PracticeModel]:
    async with practice_model() as running:
        yield running


@asynccontextmanager
async def client(model: PracticeModel, key: str = "") -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(
        api_key=key or model.key, base_url=model.url, max_retries=0, _strict_response_validation=True
    ) as asking:
        yield asking


def test_what_these_tests_send_is_what_the_sdk_calls_a_request() -> None:
    TypeAdapter(MessageCreateParams).validate_python(REQUEST)


@pytest.mark.parametrize("kind", ["", "thinking_first", "refusal", "max_tokens", "malformed", "hostile"])
async def test_messages_and_streams_are_of_the_vendors_shape(model: PracticeModel, kind: str) -> None:
    if kind:
        model.faults.add(kind=kind, times=2)
    async with client(model) as asking:
        whole = await asking.messages.create(**REQUEST)
        async with asking.messages.stream(**REQUEST) as stream:
            async for event in stream:
                assert event.type
            streamed = await stream.get_final_message()
    assert (streamed.stop_reason, plain(streamed)) == (whole.stop_reason, plain(whole))
    assert streamed.usage.output_tokens == whole.usage.output_tokens
    assert (whole.usage.cache_read_input_tokens, streamed.usage.input_tokens) == (0, 0)
    assert streamed.usage.cache_read_input_tokens == whole.usage.cache_creation_input_tokens
    assert [entry.message_id for entry in model.asked] == [whole.id, streamed.id]
    assert whole._request_id == model.asked[0].request_id


async def test_models_are_of_the_vendors_shape(model: PracticeModel) -> None:
    async with client(model) as asking:
        listed = [one.id async for one in asking.models.list(limit=2)]
        assert listed == ["claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-5-5"]
        assert (await asking.models.retrieve(listed[0])).lifecycle == "active"


@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (529, anthropic.InternalServerError),
    ],
)
async def test_errors_are_those_the_sdk_knows(
    model: PracticeModel, status: int, raised: type[anthropic.APIStatusError]
) -> None:
    model.faults.add(kind="status", status=status)
    async with client(model) as asking:
        with pytest.raises(raised) as caught:
            await asking.messages.create(**REQUEST)
    assert (caught.value.status_code, caught.value.request_id) == (status, model.asked[0].request_id)


async def test_an_overload_in_the_middle_is_an_error_with_status_200(model: PracticeModel) -> None:
    model.faults.add(kind="error_event")
    async with client(model) as asking:
        with pytest.raises(anthropic.APIStatusError) as caught:
            async with asking.messages.stream(**REQUEST) as stream:
                await stream.get_final_message()
    assert (caught.value.status_code, "overloaded_error" in str(caught.value)) == (200, True)


async def test_a_clean_cut_is_no_error_for_the_sdk(model: PracticeModel) -> None:
    model.faults.add(kind="cut", after=5)
    async with client(model) as asking, asking.messages.stream(**REQUEST) as stream:
        assert (await stream.get_final_message()).stop_reason is None


async def test_a_wrong_key_is_an_authentication_error(model: PracticeModel) -> None:
    async with client(model, key="sk-ant-x") as asking:
        with pytest.raises(anthropic.AuthenticationError):
            await asking.models.list()
