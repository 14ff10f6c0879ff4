"""What the practice model refuses, as the current family of models does, and what it takes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from demo.model import practice_model
from demo.model_caller import HOUR, PICTURE, SMALL, Caller, assistant, caller, picture, shaped, text, user
from demo.model_refusals import Json, Refused
from demo.model_rules import check_request
from demo.model_schema import fits, fitted


@pytest.fixture
async def ask() -> AsyncIterator[Caller]:
    async with practice_model() as model, caller(model) as asking:
        yield asking


def refused(*messages: Json, **fields: Any) -> tuple[int, str]:
    """What the rules say to a request that is right but for these fields; (200, "") when they take it."""
    body = {"model": "claude-sonnet-5-5", "max_tokens": 100, "messages": list(messages) or [user("Hello")]}
    try:
        check_request({**body, **fields})
    except Refused as no:
        return no.status, no.message
    return 200, ""


def test_a_plain_request_is_taken() -> None:
    everything = {
        "system": [text("You guide.", cache_control=HOUR)],
        "stream": True,
        "thinking": {"type": "adaptive"},
        "cache_control": HOUR,
        "output_config": {**shaped(SMALL), "effort": "low"},
        "metadata": {"user_id": "someone"},
    }
    assert refused(user("Hello", picture()), assistant("{}"), user("More"), **everything) == (200, "")


@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
def test_sampling_parameters_are_refused(name: str) -> None:
    status, message = refused(**{name: 1})
    assert (status, name in message) == (400, True)


@pytest.mark.parametrize(
    ("model", "kind", "status"),
    [
        ("claude-sonnet-5-5", "enabled", 400),
        ("claude-haiku-5-5", "enabled", 400),
        ("claude-sonnet-5-5", "disabled", 400),
        ("claude-opus-5-5", "disabled", 400),
        ("claude-haiku-5-5", "disabled", 200),
        ("claude-sonnet-5-5", "between_tools", 200),
        ("claude-opus-5-5", "adaptive", 200),
    ],
)
def test_thinking_is_what_each_model_takes(model: str, kind: str, status: int) -> None:
    thinking = {"type": kind, **({"budget_tokens": 2_000} if kind == "enabled" else {})}
    assert refused(model=model, thinking=thinking)[0] == status


@pytest.mark.parametrize(("model", "status"), [("claude-sonnet-5-5", 400), ("claude-haiku-5-5", 200)])
def test_a_forced_tool_is_refused_where_the_model_does(model: str, status: int) -> None:
    tool = {"name": "look", "input_schema": {"type": "object", "properties": {}}}
    assert refused(model=model, tools=[tool], tool_choice={"type": "any"})[0] == status


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([user("Hello"), assistant("{")], "prefill"),
        ([assistant("Hello"), user("Hello")], "first message must use the user role"),
        ([{"role": "system", "content": "Hello"}], "role"),
        ([{"role": "user", "content": ""}], "non-empty"),
        ([{"role": "user", "content": []}], "non-empty"),
        ([user("")], "text content blocks must be non-empty"),
        ([user("  \n")], "non-whitespace"),
        ([user(text("", cache_control=HOUR))], "cache_control cannot be set for empty text blocks"),
        (
            [{"role": "user", "content": [{"type": "picture", "id": "1"}]}],
            "does not match any of the expected",
        ),
        ([user(text("Hello", number=1))], "Extra inputs"),
        ([user(text("Hello", cache_control={"type": "ephemeral", "ttl": "2h"}))], "ttl"),
        ([user(picture("not base64"))], "base64"),
        ([user(picture(PICTURE, "image/jpeg"))], "does not match the provided media type"),
        ([user(picture(PICTURE, "image/bmp"))], "media_type"),
        ([user(picture("A" * (5 * 1024 * 1024 + 4)))], "exceeds 5 MB"),
    ],
)
def test_messages_of_a_wrong_shape_are_refused(messages: list[Json], said: str) -> None:
    status, message = refused(*messages)
    assert status == 400
    assert said in message


def of(schema: Json, **properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
        **schema,
    }


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (of({"additionalProperties": True}, a={"type": "string"}), "additionalProperties"),
        ({"type": "object", "properties": {}, "required": []}, "additionalProperties"),
        (of({}, a={"type": "array", "items": {"type": "object", "properties": {}}}), "additionalProperties"),
        (of({"required": []}, a={"type": "string"}), "required"),
        (
            of({"required": []}, **{f"a{n}": {"type": "string"} for n in range(25)}),
            "compiled grammar is too large",
        ),
        (of({}, a={"type": "integer", "minimum": 0}), "'minimum' is not supported"),
        (
            of({}, a={"type": "array", "items": {"type": "string"}, "maxItems": 3}),
            "'maxItems' is not supported",
        ),
        (of({}, a={"type": "text"}), "unknown type"),
        (of({}, a={"$ref": "#/$defs/b"}), "cannot resolve"),
        ("{}", "valid dictionary"),
    ],
)
def test_a_schema_that_would_not_compile_is_refused(schema: Any, said: str) -> None:
    status, message = refused(output_config=shaped(schema))
    assert status == 400
    assert said in message


def test_a_schema_that_refers_to_itself_is_refused() -> None:
    schema = of({"$defs": {"tree": of({}, inner={"$ref": "#/$defs/tree"})}}, root={"$ref": "#/$defs/tree"})
    assert refused(output_config=shaped(schema))[0] == 400


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"model": "claude-3-opus"}, 404, "model: claude-3-opus"),
        ({"max_tokens": 128_001}, 400, "max_tokens"),
        ({"max_tokens": -1}, 400, "max_tokens"),
        ({"messages": []}, 400, "messages"),
        ({"betas": ["x"]}, 400, "betas: Extra inputs are not permitted"),
        ({"system": [picture()]}, 400, "only text blocks"),
        ({"output_config": {"format": {"type": "json"}}}, 400, "json_schema"),
        ({"output_config": {"effort": "huge"}}, 400, "effort"),
        ({"tool_choice": {"type": "auto"}}, 400, "tools"),
    ],
)
def test_fields_that_are_wrong_are_named(fields: Json, status: int, said: str) -> None:
    found, message = refused(**fields)
    assert found == status
    assert said in message


async def test_more_than_four_breakpoints_are_refused_the_one_at_the_top_included(ask: Caller) -> None:
    four = [text(f"Part {n}", cache_control=HOUR) for n in range(4)]
    assert (await ask(user("Hello"), system=four)).status == 200
    heard = await ask(user("Hello"), system=four, cache_control=HOUR)
    assert heard.error[:2] == (400, "invalid_request_error")
    assert "maximum of 4 blocks" in heard.error[2]


async def test_an_hour_may_not_stand_behind_five_minutes(ask: Caller) -> None:
    short = [text("Part", cache_control={"type": "ephemeral"})]
    assert (await ask(user("Hello"), system=short, cache_control=HOUR)).status == 400
    assert (await ask(user("Hello"), system=short, cache_control={"type": "ephemeral"})).status == 200


async def test_a_key_that_is_not_for_practice_is_answered_401(ask: Caller) -> None:
    heard = await ask.send({}, key="sk-ant-real")
    assert heard.error[:2] == (401, "authentication_error")
    assert heard.body["request_id"] == heard.headers["request-id"]


async def test_a_request_without_a_known_version_is_refused(ask: Caller) -> None:
    heard = await ask.send({}, version="2022-01-01")
    assert heard.status == 400
    assert "anthropic-version" in heard.error[2]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff\xfe"])
async def test_a_body_that_is_no_object_is_refused(ask: Caller, body: bytes) -> None:
    assert (await ask.send(body)).error[:2] == (400, "invalid_request_error")


async def test_a_body_that_is_too_large_is_answered_413(ask: Caller) -> None:
    ask.model.control.change_settings({"largest_body": 5_000})
    heard = await ask(user("x" * 6_000))
    assert heard.error[:2] == (413, "request_too_large")
    assert ask.model.asked[-1].ended == "refused"


async def test_models_are_listed_and_unknown_ones_are_not_there(ask: Caller) -> None:
    status, listed = await ask.get("/v1/models")
    assert (status, listed["data"][0]["id"], listed["has_more"]) == (200, "claude-sonnet-5-5", False)
    assert (await ask.get("/v1/models?limit=1"))[1]["has_more"] is True
    assert (await ask.get("/v1/models/claude-haiku-5-5"))[1]["display_name"] == "Claude Haiku 5.5"
    status, error = await ask.get("/v1/models/claude-1")
    assert (status, error["error"]["type"]) == (404, "not_found_error")
    assert (await ask.get("/v1/files"))[0] == 404


def test_whatever_is_wished_the_answer_follows_the_schema() -> None:
    schema = of(
        {}, a={"type": "string", "enum": ["x", ""]}, b={"anyOf": [{"type": "null"}, {"type": "integer"}]}
    )
    for wish in ({}, {"a": "x", "b": 3}, {"a": 7, "b": "no", "c": 1}, None, [1]):
        assert fits(schema, fitted(schema, wish))
    assert fitted(schema, {"a": "x", "b": 3}) == {"a": "x", "b": 3}
    assert fitted(schema, {"a": "y", "b": True, "c": 1}) == {"a": "", "b": None}
    assert json.loads(json.dumps(fitted(SMALL, {"steps": [1, "2"]}))) == {"text": "", "steps": [1, 0]}
