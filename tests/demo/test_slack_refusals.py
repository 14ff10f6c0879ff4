"""The practice Slack refuses what Slack refuses, in Slack's words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from demo.slack_world import Settings
from tests.demo.slack_client import Ground, Json, actions, ask, button, ground, menu, modal, plain, section


@pytest.fixture
async def on() -> AsyncIterator[Ground]:
    async with ground(Settings(own_events=False)) as made:
        yield made


async def refused(call: Any) -> Json:
    """The body of a call that must fail."""
    with pytest.raises(SlackApiError) as caught:
        await call
    body: Json = caught.value.response.data
    return body


async def code(call: Any) -> str:
    return str((await refused(call))["error"])


def many(count: int, make: Callable[[int], Json]) -> list[Json]:
    return [make(number) for number in range(count)]


async def test_tokens(on: Ground) -> None:
    def with_token(token: str) -> AsyncWebClient:
        return AsyncWebClient(token, base_url=on.slack.api_url)

    assert await code(with_token("xoxb-wrong").auth_test()) == "invalid_auth"
    assert await code(with_token("").auth_test()) == "not_authed"
    assert await code(with_token("xapp-practice").auth_test()) == "not_allowed_token_type"
    for reason in ("token_revoked", "account_inactive"):
        on.slack.world.grants["xoxb-practice"].refused = reason
        assert await code(on.client.auth_test()) == reason


async def test_a_scope_taken_away_is_named(on: Ground) -> None:
    scopes = on.slack.world.grants["xoxb-practice"].scopes
    scopes -= {"chat:write", "channels:history", "users:read.email"}
    body = await refused(on.client.chat_postMessage(channel="C0HELP", text="x"))
    assert (body["error"], body["needed"]) == ("missing_scope", "chat:write")
    assert "commands" in body["provided"]
    assert (await refused(on.client.conversations_history(channel="C0HELP")))["needed"] == "channels:history"
    profile = (await on.client.users_info(user="U0ANNA"))["user"]["profile"]
    assert "email" not in profile


async def test_channels(on: Ground) -> None:
    def post(channel: str) -> Any:
        return on.client.chat_postMessage(channel=channel, text="x")

    assert await code(post("C0NONE")) == "channel_not_found"
    assert await code(post("C0QUIET")) == "not_in_channel"
    on.slack.world.channels["C0ESC"].archived = True
    assert await code(post("C0ESC")) == "is_archived"
    on.slack.world.channels["G0PRIV"].members.remove("U0FLOW")
    assert await code(post("G0PRIV")) == "channel_not_found"
    assert await code(on.client.users_info(user="U0NOBODY")) == "user_not_found"
    asked = on.client.chat_postEphemeral(channel="C0ESC", user="U0ANNA", text="x")
    assert await code(asked) == "is_archived"
    asked = on.client.chat_postEphemeral(channel="C0HELP", user="U0FLOW2", text="x")
    assert await code(asked) == "user_not_found"


async def test_texts(on: Ground) -> None:
    ts = (await on.client.chat_postMessage(channel="C0HELP", text="x"))["ts"]
    assert await code(on.client.chat_postMessage(channel="C0HELP", text="x" * 40_001)) == "msg_too_long"
    assert await code(on.client.chat_postMessage(channel="C0HELP", text="")) == "no_text"
    assert await code(on.client.chat_update(channel="C0HELP", ts=ts, text="x" * 4_001)) == "msg_too_long"
    long = many(5, lambda number: section("x" * 2_900))
    asked = on.client.chat_postMessage(channel="C0HELP", text="x", blocks=long)
    assert await code(asked) == "msg_blocks_too_long"


async def test_an_edit_without_blocks_takes_them_away_and_only_ones_own_can_be_edited(on: Ground) -> None:
    ts = await on.button()
    await on.client.chat_update(channel="C0HELP", ts=ts, text="plain")
    assert "blocks" not in on.slack.channel("C0HELP")["messages"][0]
    hers = (await on.slack.act("U0ANNA", "say", channel="C0HELP", text="hers"))["ts"]
    assert await code(on.client.chat_update(channel="C0HELP", ts=hers, text="x")) == "cant_update_message"
    assert await code(on.client.chat_delete(channel="C0HELP", ts=hers)) == "cant_delete_message"
    assert await code(on.client.chat_update(channel="C0HELP", ts="1.1", text="x")) == "message_not_found"


BAD_BLOCKS: dict[str, tuple[list[Any], str]] = {
    "51 blocks": (many(51, lambda number: {"type": "divider"}), "no more than 50 items"),
    "unknown type": ([{"type": "banner"}], "unsupported type: banner"),
    "no object": (["text"], "must be an object"),
    "long section": ([section("x" * 3_001)], "less than 3001"),
    "empty section": ([section("")], "more than 0"),
    "eleven fields": ([{"type": "section", "fields": many(11, lambda n: plain("x"))}], "no more than 10"),
    "long field": ([{"type": "section", "fields": [plain("x" * 2_001)]}], "less than 2001"),
    "long header": ([{"type": "header", "text": plain("x" * 151)}], "less than 151"),
    "mrkdwn header": ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "plain_text"),
    "eleven in context": ([{"type": "context", "elements": many(11, lambda n: plain("x"))}], "no more than 10"),
    "26 buttons": ([actions(*[str(n) for n in range(26)])], "no more than 25"),
    "long button": ([actions("x" * 76)], "less than 76"),
    "long value": ([{"type": "actions", "elements": [button("a") | {"value": "x" * 2_001}]}], "less than 2001"),
    "long action_id": ([{"type": "actions", "elements": [button("a", "x" * 256)]}], "less than 256"),
    "style": ([{"type": "actions", "elements": [button("a") | {"style": "loud"}]}], "primary, danger"),
    "same action_id": ([actions("a"), actions("a")], "action_id 'a' already exists"),
    "same block_id": ([section() | {"block_id": "b"}, section() | {"block_id": "b"}], "block_id 'b'"),
    "101 options": (
        [{"type": "actions", "elements": [menu("static_select", *map(str, range(101)))]}],
        "no more than 100",
    ),
    "six in overflow": ([{"type": "actions", "elements": [menu("overflow", *"abcdef")]}], "no more than 5"),
    "long option": (
        [{"type": "actions", "elements": [menu("overflow") | {"options": [{"text": plain("a"), "value": "x" * 151}]}]}],
        "less than 151",
    ),
    "eleven radios": ([{"type": "actions", "elements": [menu("radio_buttons", *"abcdefghijk")]}], "no more than 10"),
    "initial option": (
        [{"type": "actions", "elements": [menu("static_select", "a") | {"initial_option": {"text": plain("b"), "value": "b"}}]}],
        "initial_option",
    ),
    "confirm": (
        [{"type": "actions", "elements": [button("a") | {"confirm": {
            "title": plain("x" * 101), "text": plain("x"), "confirm": plain("y"), "deny": plain("n")}}]}],
        "less than 101",
    ),
    "long markdown": ([{"type": "markdown", "text": "x" * 12_001}], "less than 12001"),
    "two tables": (many(2, lambda n: {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}), "only_one_table"),
    "alert": ([{"type": "alert", "text": plain("x")}], "not allowed in a message"),
    "file input": ([ask("x", {"type": "file_input"})], "only allowed in a modal"),
    "text input in actions": ([{"type": "actions", "elements": [{"type": "plain_text_input"}]}], "not allowed here"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_BLOCKS)
async def test_blocks(on: Ground, name: str) -> None:
    blocks, words = BAD_BLOCKS[name]
    body = await refused(on.client.chat_postMessage(channel="C0HELP", text="x", blocks=blocks))
    assert body["error"] == "invalid_blocks"
    assert words in " ".join(body["response_metadata"]["messages"])
    assert on.slack.channel("C0HELP")["messages"] == []


BAD_VIEWS: dict[str, Json] = {
    "long title": modal(section(), title=plain("x" * 25)),
    "long submit": modal(section(), submit=plain("x" * 25)),
    "no title": modal(section(), title=None),
    "input without submit": modal(ask("a"), submit=None),
    "long metadata": modal(section(), private_metadata="x" * 3_001),
    "101 blocks": modal(*many(101, lambda number: {"type": "divider"})),
    "markdown": modal({"type": "markdown", "text": "x"}),
    "home": modal(section(), type="home"),
    "long input": modal(ask("a", {"type": "plain_text_input", "max_length": 3_001})),
    "button in input": modal(ask("a", button("b"))),
    "same action": modal(actions("a"), actions("a")),
}


@pytest.mark.parametrize("name", BAD_VIEWS)
async def test_windows(on: Ground, name: str) -> None:
    trigger = (await on.slack.act("U0ANNA", "command", channel="C0HELP"))["trigger_id"]
    body = await refused(on.client.views_open(trigger_id=trigger, view=BAD_VIEWS[name]))
    assert body["error"] == "invalid_arguments"
    assert body["response_metadata"]["messages"]


async def test_inputs_may_share_an_action_id_because_their_blocks_differ(on: Ground) -> None:
    await on.window(ask("one"), ask("two"))
    assert len(on.slack.views("U0ANNA")) == 1


async def test_response_urls_are_used_up_after_five_posts_and_run_out_after_thirty_minutes() -> None:
    now = [1_795_000_000.0]
    async with (
        ground(Settings(own_events=False, limits=False), clock=lambda: now[0]) as on,
        aiohttp.ClientSession() as session,
    ):

        async def respond(url: str, **body: Any) -> tuple[int, str]:
            async with session.post(url, json=body) as answer:
                return answer.status, await answer.text()

        on.app.answers = {"command": 200}
        on.slack.delivery.events_url = ""
        url = (await on.slack.act("U0ANNA", "command", channel="C0QUIET"))["response_url"]
        assert (await respond(url, text=""))[0] == 400
        for number in range(5):
            assert await respond(url, text=str(number)) == (200, "ok")
        assert "used_url" in (await respond(url, text="six"))[1]
        assert len(on.slack.ephemerals("U0ANNA")) == 5
        late = (await on.slack.act("U0ANNA", "command", channel="C0QUIET"))["response_url"]
        now[0] += 1_801
        status, body = await respond(late, text="late")
        assert (status, "expired_url" in body) == (404, True)


async def test_a_response_url_replaces_deletes_or_speaks_to_all(on: Ground) -> None:
    ts = await on.button()
    url = (await on.slack.act("U0ANNA", "click", channel="C0HELP", ts=ts, label="Go"))["response_url"]
    async with aiohttp.ClientSession() as session:
        await session.post(url, json={"replace_original": True, "text": "replaced"})
        row = on.slack.channel("C0HELP")["messages"][0]
        assert (row["text"], "blocks" in row) == ("replaced", False)
        await session.post(url, json={"response_type": "in_channel", "text": "to all"})
        await session.post(url, json={"delete_original": True})
    assert [one["text"] for one in on.slack.channel("C0HELP")["messages"]] == ["to all"]
    await on.client.chat_postEphemeral(channel="C0HELP", user="U0ANNA", text="x", blocks=[actions("Mine")])
    url = (await on.slack.act("U0ANNA", "click", channel="C0HELP", label="Mine"))["response_url"]
    async with aiohttp.ClientSession() as session:
        await session.post(url, json={"delete_original": True})
    assert on.slack.ephemerals("U0ANNA") == []
