"""The way to Slack: what is repeated and what never, which answers mean no and which mean later, and who may be asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bot.slack.api import Api, Away, Refused
from tests.bot.slack.scripted import Scripted, hang_up, scripted

TOKEN = "xoxb-very-secret"
SAID = "the printer of Mrs Klein"


@pytest.fixture
async def slack() -> AsyncIterator[Scripted]:
    async with scripted() as running:
        yield running


@pytest.fixture
async def api(slack: Scripted) -> AsyncIterator[Api]:
    made = Api(TOKEN, slack.api_url)
    yield made
    await made.close()


async def test_a_call_carries_token_text_and_json_and_leaves_out_what_is_none(
    slack: Scripted, api: Api
) -> None:
    slack.method("chat.postMessage", ok=True, ts="1.2")
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "ü \ud800"}}]
    answer = await api.call(
        "chat.postMessage", channel="C1", text=SAID, blocks=blocks, unfurl_links=False, thread_ts=None
    )
    [asked] = slack.asked
    assert answer["ts"] == "1.2"
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    assert asked.form == {
        "channel": "C1",
        "text": SAID,
        "blocks": '[{"type":"section","text":{"type":"mrkdwn","text":"ü ?"}}]',
        "unfurl_links": "false",
    }


async def test_a_no_of_slack_is_refused_with_its_code_and_method(slack: Scripted, api: Api) -> None:
    slack.method("chat.postMessage", ok=False, error="not_in_channel", response_metadata={"messages": [SAID]})
    with pytest.raises(Refused) as refused:
        await api.call("chat.postMessage", channel="C1", text=SAID)
    assert (refused.value.code, refused.value.method) == ("not_in_channel", "chat.postMessage")
    assert refused.value.detail == SAID
    assert refused.value.log_safe == str(refused.value) == "chat.postMessage: not_in_channel"
    assert refused.value.__cause__ is None


async def test_a_missing_scope_names_the_scope(slack: Scripted, api: Api) -> None:
    slack.method("users.info", ok=False, error="missing_scope", needed="users:read")
    with pytest.raises(Refused, match=r"users.info: missing_scope \(users:read\)"):
        await api.call("users.info", user="U1")


async def test_a_code_that_is_none_never_reaches_the_log(slack: Scripted, api: Api) -> None:
    slack.method("users.info", ok=False, error=f"No: {SAID}")
    with pytest.raises(Refused) as refused:
        await api.call("users.info", user="U1")
    assert (refused.value.code, SAID in str(refused.value)) == ("unknown_error", False)


@pytest.mark.parametrize(
    ("given", "seconds"), [("30", 30), ("0", 0), ("nan", 2), ("soon", 2), ("1e9", 3600), (None, 2)]
)
async def test_429_is_away_for_as_long_as_slack_says_and_is_not_repeated(
    slack: Scripted, api: Api, given: str | None, seconds: float
) -> None:
    headers = {} if given is None else {"Retry-After": given}
    slack.will("/api/chat.update", web.json_response({"ok": False}, status=429, headers=headers))
    with pytest.raises(Away) as away:
        await api.call("chat.update", ts="1")
    assert (away.value.retry_after, away.value.reason, away.value.unsure) == (seconds, "ratelimited", False)
    assert len(slack.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=503, text="<html>"),
        web.json_response({"ok": False, "error": "fatal_error"}, status=500),
        web.json_response({"ok": False, "error": "internal_error"}),
        web.Response(status=200, text="<html>", content_type="text/html"),
        web.Response(status=200, text="ok"),
        web.Response(status=200, body=b"{", content_type="application/json"),
        web.json_response([1]),
    ],
    ids=["503", "fatal_error", "internal_error", "a page", "a word", "half an object", "a list"],
)
async def test_an_unwell_slack_is_away_and_may_have_done_it(
    slack: Scripted, api: Api, answer: web.Response
) -> None:
    slack.will("/api/chat.postMessage", answer)
    with pytest.raises(Away) as away:
        await api.call("chat.postMessage", text=SAID)
    assert away.value.unsure
    assert SAID not in away.value.log_safe
    assert len(slack.asked) == 1


@pytest.mark.parametrize(
    "method", ["chat.update", "users.info", "views.publish", "assistant.threads.setStatus"]
)
async def test_a_lost_connection_is_tried_once_more_where_that_does_no_harm(
    slack: Scripted, api: Api, method: str
) -> None:
    slack.will(f"/api/{method}", hang_up, web.json_response({"ok": True}))
    assert (await api.call(method))["ok"]
    slack.will(f"/api/{method}", hang_up)
    with pytest.raises(Away, match="unreachable"):
        await api.call(method)
    assert slack.times(f"/api/{method}") == 4


@pytest.mark.parametrize(
    "method", ["chat.postMessage", "chat.postEphemeral", "chat.startStream", "views.open", "oauth.v2.access"]
)
async def test_what_would_be_done_twice_is_never_repeated(slack: Scripted, api: Api, method: str) -> None:
    slack.will(f"/api/{method}", hang_up)
    with pytest.raises(Away) as away:
        await api.call(method)
    assert away.value.unsure
    assert len(slack.asked) == 1


async def test_where_nobody_listens_it_is_sure_that_nothing_was_done() -> None:
    api = Api(TOKEN, "http://127.0.0.1:1/api/")
    with pytest.raises(Away) as away:
        await api.call("chat.postMessage", text=SAID)
    await api.close()
    assert (away.value.reason, away.value.unsure) == ("unreachable", False)


async def test_a_call_ends_when_its_time_is_up(slack: Scripted, api: Api) -> None:
    async def never(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    slack.will("/api/chat.update", never)
    with pytest.raises(Away) as away:
        await api.call("chat.update", timeout=0.05)
    assert (away.value.reason, away.value.unsure) == ("timeout", True)


async def test_neither_token_nor_content_is_logged_even_at_debug(
    slack: Scripted, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    slack.method("chat.update", ok=True, text=SAID)
    await api.call("chat.update", text=SAID)
    slack.will("/response/1", web.Response(status=404, text="used_url"))
    with pytest.raises(Refused):
        await api.respond(f"{slack.url}/response/1", {"text": SAID})
    assert SAID not in caplog.text
    assert TOKEN not in caplog.text + repr(api)


async def test_the_app_itself_speaks_with_its_id_and_secret(slack: Scripted) -> None:
    api = Api("", slack.api_url)
    slack.method("oauth.v2.access", ok=True, access_token="xoxb-new")
    assert (await api.authorized("oauth.v2.access", "1.2", "s", code="c"))["access_token"] == "xoxb-new"
    await api.close()
    [asked] = slack.asked
    assert asked.headers["Authorization"].startswith("Basic ")
    assert asked.form == {"code": "c"}


# ── response_url ────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_answer_goes_to_the_response_url_without_the_token(slack: Scripted, api: Api) -> None:
    slack.will("/response/1", web.Response(text="ok"))
    await api.respond(f"{slack.url}/response/1", {"text": SAID, "replace_original": True})
    [asked] = slack.asked
    assert asked.body == {"text": SAID, "replace_original": True}
    assert "Authorization" not in asked.headers


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (web.Response(status=404), "http_404"),
        (web.Response(status=410), "http_410"),
        (web.Response(status=404, text="expired_url"), "expired_url"),
        (web.json_response({"ok": False, "error": "used_url"}), "used_url"),
        (web.json_response({"ok": False, "error": "used_url"}, status=404), "used_url"),
        (web.Response(status=302, headers={"Location": "http://evil.example/"}), "http_302"),
    ],
    ids=["404", "410", "expired", "used", "used, 404", "redirect"],
)
async def test_a_response_url_that_is_used_up_is_refused(
    slack: Scripted, api: Api, answer: web.Response, code: str
) -> None:
    slack.will("/response/1", answer)
    with pytest.raises(Refused) as refused:
        await api.respond(f"{slack.url}/response/1", {"text": SAID})
    assert refused.value.code == code


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/actions/1",
        "http://hooks.slack.com/actions/1",
        "https://hooks.slack.com.evil.example/actions/1",
        "https://hooks.slack.com@evil.example/actions/1",
        "https://me:pw@hooks.slack.com/actions/1",
        "https://hooks.slack.com:8443/actions/1",
        "file:///etc/passwd",
        "/actions/1",
        "http://[",
        "",
    ],
)
async def test_an_answer_goes_to_nobody_but_slack(url: str) -> None:
    api = Api(TOKEN)
    with pytest.raises(Refused, match="not_ours"):
        await api.respond(url, {"text": SAID})
    await api.close()


async def test_only_the_origin_of_another_api_address_is_slack_then(slack: Scripted, api: Api) -> None:
    with pytest.raises(Refused, match="not_ours"):
        await api.respond("https://hooks.slack.com/actions/1", {})
    assert slack.asked == []


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_response_url_that_cannot_be_asked_now_is_away(
    slack: Scripted, api: Api, status: int
) -> None:
    slack.will("/response/1", web.Response(status=status, headers={"Retry-After": "7"}))
    with pytest.raises(Away) as away:
        await api.respond(f"{slack.url}/response/1", {})
    assert away.value.retry_after == 7
