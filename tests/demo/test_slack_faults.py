"""Faults, rate limits, tokens, uploads, streams: the practice Slack under a real client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from demo.slack_oauth import CLIENT, CLIENT_SECRET
from demo.slack_refusals import Impossible
from demo.slack_world import Settings
from tests.demo.slack_client import Ground, ground

START = 1_795_000_000.0


@pytest.fixture
async def on() -> AsyncIterator[Ground]:
    async with ground(Settings(own_events=False)) as made:
        yield made


@pytest.fixture
def now() -> list[float]:
    """Epoch seconds of the practice Slack's clock, to be changed."""
    return [START]


@pytest.fixture
async def timed(now: list[float]) -> AsyncIterator[Ground]:
    async with ground(Settings(own_events=False), clock=lambda: now[0]) as made:
        made.slack.events_url = ""
        yield made


async def failed(call: Any) -> SlackApiError:
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value


async def code(call: Any) -> str:
    return str((await failed(call)).response["error"])


def post(on: Ground, text: str = "x", channel: str = "C0HELP") -> Any:
    return on.client.chat_postMessage(channel=channel, text=text)


async def test_a_429_names_its_wait_and_the_next_call_passes(on: Ground) -> None:
    on.slack.faults.add(kind="429", method="chat.postMessage", retry_after=7)
    error = await failed(post(on))
    assert (error.response.status_code, error.response.headers["Retry-After"]) == (429, "7")
    assert error.response["error"] == "ratelimited"
    await post(on)
    assert [one["outcome"] for one in on.slack.journal(method="chat.postMessage")] == ["ratelimited", "ok"]


async def test_any_error_code_can_be_switched_on_for_a_channel_after_some_calls(on: Ground) -> None:
    on.slack.faults.add(kind="is_archived", method="chat.*", channel="C0ESC", skip=1, times=None)
    await post(on, channel="C0HELP")
    await post(on, channel="C0ESC")
    assert await code(post(on, channel="C0ESC")) == "is_archived"
    on.slack.faults.clear()
    await post(on, channel="C0ESC")


async def test_a_lost_reply_posts_and_breaks_the_connection_and_a_reset_posts_nothing(on: Ground) -> None:
    client = AsyncWebClient("xoxb-practice", base_url=on.slack.api_url, retry_handlers=[])
    for kind, stored in (("lost_reply", 1), ("reset", 1)):
        on.slack.faults.add(kind=kind, method="chat.postMessage")
        with pytest.raises(aiohttp.ClientError):
            await client.chat_postMessage(channel="C0HELP", text=kind)
        assert len(on.slack.channel("C0HELP")["messages"]) == stored


async def test_a_500_and_a_gateways_page_and_a_stall(on: Ground) -> None:
    on.slack.faults.add(kind="500", method="chat.postMessage")
    assert (await failed(post(on))).response.status_code == 500
    on.slack.faults.add(kind="html", method="chat.postMessage")
    with pytest.raises(SlackApiError):
        await post(on)
    on.slack.faults.add(kind="stall", method="chat.postMessage", seconds=60)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(post(on), 0.05)
    assert on.slack.channel("C0HELP")["messages"] == []


async def test_the_journal_holds_no_token(on: Ground) -> None:
    async with aiohttp.ClientSession() as session:
        await session.post(f"{on.slack.api_url}auth.test", data={"token": "xoxb-practice"})
    assert "xoxb" not in str(list(on.slack.world.journal))


async def test_posts_into_one_channel_are_limited_when_asked_for(timed: Ground, now: list[float]) -> None:
    for _ in range(20):
        await post(timed)
    timed.slack.settings.limits = True
    for _ in range(4):
        await post(timed)
    assert await code(post(timed)) == "ratelimited"
    await post(timed, channel="C0ESC")
    now[0] += 4.1
    await post(timed)


async def test_history_is_once_a_minute_for_new_apps(timed: Ground, now: list[float]) -> None:
    timed.slack.settings.limits = timed.slack.settings.new_app_limits = True
    await timed.client.conversations_history(channel="C0HELP")
    error = await failed(timed.client.conversations_history(channel="C0HELP"))
    assert error.response.headers["Retry-After"] == "60"
    now[0] += 60
    await timed.client.conversations_history(channel="C0HELP")


async def test_the_sdks_own_retry_gets_through(on: Ground) -> None:
    on.client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    on.slack.faults.add(kind="429", method="auth.test", retry_after=0)
    assert (await on.client.auth_test())["bot_id"] == "B0FLOW"


async def test_metadata_comes_back_only_when_asked_for(on: Ground) -> None:
    metadata = {"event_type": "fp", "event_payload": {"key": "1"}}
    ts = (await on.client.chat_postMessage(channel="C0HELP", text="x", metadata=metadata))["ts"]
    await on.client.chat_postMessage(channel="C0HELP", text="y", thread_ts=ts, metadata=metadata)
    found = await on.client.conversations_replies(channel="C0HELP", ts=ts, include_all_metadata=True)
    assert [one["metadata"]["event_payload"]["key"] for one in found["messages"]] == ["1", "1"]
    found = await on.client.conversations_history(channel="C0HELP")
    assert [one["text"] for one in found["messages"]] == ["x"] and "metadata" not in found["messages"][0]


async def test_conversations_are_opened_listed_and_paged(on: Ground) -> None:
    opened = await on.client.conversations_open(users="U0ANNA")
    channel = opened["channel"]["id"]
    await post(on, "privately", channel)
    await post(on, "by user id", "U0ANNA")
    assert [one["text"] for one in on.slack.dm("U0ANNA")["messages"]] == ["privately", "by user id"]
    first = await on.client.conversations_list(limit=2)
    rest = await on.client.conversations_list(limit=2, cursor=first["response_metadata"]["next_cursor"])
    assert [one["id"] for one in [*first["channels"], *rest["channels"]]] == ["C0HELP", "C0ESC", "C0QUIET"]
    assert [one["is_member"] for one in [*first["channels"], *rest["channels"]]] == [True, True, False]
    assert "U0ANNA" in (await on.client.conversations_members(channel="C0ESC"))["members"]
    person = (await on.client.users_info(user="U0CARLA"))["user"]
    assert (person["profile"]["email"], person["is_restricted"]) == ("carla@practice.example", False)
    assert (await on.client.users_info(user="U0STRANGE"))["user"]["is_stranger"] is True
    assert (await on.client.users_lookupByEmail(email="ben@practice.example"))["user"]["id"] == "U0BEN"


async def test_a_file_of_the_app_is_uploaded_into_a_thread(on: Ground) -> None:
    on.slack.world.grants["xoxb-practice"].scopes.add("files:write")
    ts = (await post(on))["ts"]
    await on.client.files_upload_v2(
        channel="C0HELP",
        thread_ts=ts,
        filename="log.txt",
        content="lines",
        title="The log",
        initial_comment="here",
    )
    reply = on.slack.channel("C0HELP")["messages"][0]["replies"][0]
    assert (reply["text"], reply["files"][0]["title"]) == ("here", "The log")
    assert on.slack.world.contents[reply["files"][0]["id"]] == b"lines"
    found = await on.client.files_info(file=reply["files"][0]["id"])
    assert found["file"]["name"] == "log.txt"


async def test_a_status_fades_after_two_minutes_or_with_the_answer(timed: Ground, now: list[float]) -> None:
    ts = (await timed.slack.act("U0ANNA", "say", channel="C0HELP", text="help"))["ts"]

    async def status(words: str = "is thinking…") -> None:
        await timed.client.assistant_threads_setStatus(channel_id="C0HELP", thread_ts=ts, status=words)

    def shown() -> str:
        return str(timed.slack.control.status("C0HELP", ts)["status"])

    await status()
    now[0] += 119
    assert shown() == "is thinking…"
    now[0] += 1
    assert shown() == ""
    await status()
    await timed.client.chat_postMessage(channel="C0HELP", thread_ts=ts, text="answer")
    assert shown() == ""
    await status()
    await status("")
    assert shown() == ""


async def test_a_stream_grows_stops_and_dies_when_left_alone(timed: Ground, now: list[float]) -> None:
    ts = (await timed.slack.act("U0ANNA", "say", channel="C0HELP", text="help"))["ts"]
    asked = timed.client.chat_startStream(channel="C0HELP", thread_ts=ts)
    assert await code(asked) == "missing_recipient_user_id"
    who: dict[str, Any] = {"recipient_user_id": "U0ANNA", "recipient_team_id": "T0PRACTICE"}
    stream = (await timed.client.chat_startStream(channel="C0HELP", thread_ts=ts, **who))["ts"]
    await timed.client.chat_appendStream(channel="C0HELP", ts=stream, markdown_text="one ")
    await timed.client.chat_stopStream(channel="C0HELP", ts=stream, markdown_text="two")
    assert timed.slack.channel("C0HELP")["messages"][0]["replies"][0]["text"] == "one two"
    asked = timed.client.chat_appendStream(channel="C0HELP", ts=stream, markdown_text="x")
    assert await code(asked) == "message_not_in_streaming_state"
    stream = (await timed.client.chat_startStream(channel="C0HELP", thread_ts=ts, **who))["ts"]
    now[0] += 301
    asked = timed.client.chat_appendStream(channel="C0HELP", ts=stream, markdown_text="x")
    assert await code(asked) == "message_not_in_streaming_state"
    await timed.client.chat_update(channel="C0HELP", ts=stream, text="instead")


async def test_the_stop_button_is_there_only_while_something_is_processed(on: Ground) -> None:
    ts = (await on.slack.act("U0ANNA", "say", channel="C0HELP", text="help"))["ts"]
    with pytest.raises(Impossible):
        await on.slack.act("U0ANNA", "stop", channel="C0HELP", thread_ts=ts)
    await on.client.agents_sessions_setStatus(
        channel_id="C0HELP", thread_ts=ts, status="processing", title="Printer"
    )
    stopped = await on.slack.act("U0ANNA", "stop", channel="C0HELP", thread_ts=ts)
    assert (stopped["status"], stopped["streaming_message_ts"]) == (200, [])
    assert on.app.events("agent_session_stopped")[0]["thread_ts"] == ts
    assert on.slack.control.status("C0HELP", ts)["session"] == {"title": "Printer", "status": "processing"}


async def test_a_code_installs_the_app_in_another_team_and_refresh_tokens_work_once(
    timed: Ground, now: list[float]
) -> None:
    timed.slack.settings.rotate = True
    client, keys = (
        AsyncWebClient(base_url=timed.slack.api_url),
        {"client_id": CLIENT, "client_secret": CLIENT_SECRET},
    )
    made = await timed.slack.control.answer("POST", "/_practice/workspaces/T0OTHER/code", {}, b"")
    given = await client.oauth_v2_access(code=made[1]["code"], **keys)
    assert (given["team"]["id"], given["expires_in"]) == ("T0OTHER", 43_200)
    assert await code(client.oauth_v2_access(code=made[1]["code"], **keys)) == "invalid_code"
    theirs = AsyncWebClient(given["access_token"], base_url=timed.slack.api_url)
    assert (await theirs.auth_test())["team_id"] == "T0OTHER"
    assert await code(theirs.chat_postMessage(channel="C0HELP", text="x")) == "channel_not_found"
    now[0] += 43_200
    assert await code(theirs.auth_test()) == "token_expired"
    refresh = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
    fresh = await client.oauth_v2_access(**keys, **refresh)
    assert (await AsyncWebClient(fresh["access_token"], base_url=timed.slack.api_url).auth_test())["ok"]
    assert await code(client.oauth_v2_access(**keys, **refresh)) == "invalid_refresh_token"
    wrong = {**keys, "client_secret": "no"}
    assert await code(client.oauth_v2_access(code="x", **wrong)) == "bad_client_secret"


async def test_a_browser_that_installs_the_app_comes_back_with_a_code_or_a_refusal(on: Ground) -> None:
    back = "http://127.0.0.1/back"
    asked = {"client_id": CLIENT, "redirect_uri": back, "state": "s", "scope": "chat:write,commands"}
    keys = {"client_id": CLIENT, "client_secret": CLIENT_SECRET}
    client = AsyncWebClient(base_url=on.slack.api_url)
    async with aiohttp.ClientSession() as session:

        async def allowed(**more: str) -> dict[str, str]:
            url = f"{on.slack.url}/oauth/v2/authorize"
            async with session.get(url, params=asked | more, allow_redirects=False) as answer:
                return dict(parse_qsl(urlsplit(answer.headers.get("Location", "")).query))

        assert await allowed(deny="1") == {"error": "access_denied", "state": "s"}
        assert await allowed(client_id="other") == {}
        code = (await allowed(team="T0OTHER"))["code"]
    given = await client.oauth_v2_access(code=code, redirect_uri=back, **keys)
    assert (given["team"]["id"], given["scope"]) == ("T0OTHER", "chat:write,commands")


async def test_a_permalink_names_thread_and_channel(on: Ground) -> None:
    ts = (await post(on))["ts"]
    reply = (await on.client.chat_postMessage(channel="C0HELP", thread_ts=ts, text="r"))["ts"]
    found = await on.client.chat_getPermalink(channel="C0HELP", message_ts=reply)
    assert found["permalink"].endswith(
        f"/archives/C0HELP/p{reply.replace('.', '')}?thread_ts={ts}&cid=C0HELP"
    )


async def test_a_deleted_head_leaves_a_tombstone_while_it_has_replies(on: Ground) -> None:
    ts = (await post(on, "head"))["ts"]
    reply = (await on.client.chat_postMessage(channel="C0HELP", thread_ts=ts, text="r"))["ts"]
    await on.client.chat_delete(channel="C0HELP", ts=ts)
    assert on.slack.channel("C0HELP")["messages"][0]["subtype"] == "tombstone"
    await on.client.chat_delete(channel="C0HELP", ts=reply)
    assert on.slack.channel("C0HELP")["messages"][0]["replies"] == []


async def test_a_reaction_is_counted_once(on: Ground) -> None:
    on.slack.world.grants["xoxb-practice"].scopes.add("reactions:write")
    ts = (await post(on))["ts"]
    await on.client.reactions_add(channel="C0HELP", timestamp=ts, name="eyes")
    assert (
        await code(on.client.reactions_add(channel="C0HELP", timestamp=ts, name="eyes")) == "already_reacted"
    )
    await on.client.reactions_remove(channel="C0HELP", timestamp=ts, name="eyes")
    assert on.slack.channel("C0HELP")["messages"][0]["reactions"] == []
