"""Files from Slack: what is taken, what is refused for which reason, and that nobody else is ever asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from bot.slack.api import Api, Away, FileRefused, Refused
from bot.slack.files import LIMIT, download
from tests.bot.slack.scripted import Scripted, hang_up, scripted

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40
PATH = "/files-pri/T1-F1/x"
LOGIN = "<!DOCTYPE html><title>Slack</title>"


@pytest.fixture
async def slack() -> AsyncIterator[Scripted]:
    async with scripted() as running:
        yield running


@pytest.fixture
async def api(slack: Scripted) -> AsyncIterator[Api]:
    made = Api("xoxb-t", slack.api_url)
    yield made
    await made.close()


def file(slack: Scripted, **more: Any) -> dict[str, Any]:
    url = f"{slack.url}{PATH}"
    known = {"id": "F1", "name": "x.log", "mimetype": "text/plain", "size": 3, "url_private_download": url}
    return {**known, **more}


async def refusal(api: Api, given: dict[str, Any], **more: Any) -> str:
    with pytest.raises(FileRefused) as refused:
        await download(api, given, **more)
    return refused.value.reason


async def test_a_log_comes_with_its_name_its_type_and_our_token(slack: Scripted, api: Api) -> None:
    slack.will(PATH, web.Response(body=b"log", content_type="text/plain"))
    found = await download(api, file(slack))
    assert (found.name, found.media_type, found.content) == ("x.log", "text/plain", b"log")
    assert slack.asked[0].headers["Authorization"] == "Bearer xoxb-t"


async def test_a_file_brings_the_way_to_where_a_person_opens_it(slack: Scripted, api: Api) -> None:
    slack.will(PATH, web.Response(body=PNG, content_type="image/png"))
    there = "https://practice.slack.com/files/U1/F1/x.png"
    assert (await download(api, file(slack, mimetype="image/png", permalink=there))).link == there


async def test_an_image_is_what_its_first_bytes_say(slack: Scripted, api: Api) -> None:
    slack.will(PATH, web.Response(body=PNG, content_type="image/jpeg"))
    assert (await download(api, file(slack, mimetype="image/jpeg"))).media_type == "image/png"
    slack.will(PATH, web.Response(body=b"MZ", content_type="image/png"))
    assert await refusal(api, file(slack, mimetype="image/png")) == "unreadable"


@pytest.mark.parametrize("declared", ["image/png", "text/plain", "text/html", ""])
async def test_a_login_page_means_that_a_scope_is_missing(slack: Scripted, api: Api, declared: str) -> None:
    slack.will(PATH, web.Response(text=LOGIN, content_type="text/html"))
    assert await refusal(api, file(slack, mimetype=declared)) == "missing_scope"


async def test_a_page_that_was_really_uploaded_is_taken(slack: Scripted, api: Api) -> None:
    slack.will(PATH, web.Response(text="<p>x</p>", content_type="text/html"))
    assert (await download(api, file(slack, mimetype="text/html", size=8))).content == b"<p>x</p>"


async def test_20_mb_are_taken_and_one_byte_more_is_refused(slack: Scripted, api: Api) -> None:
    slack.will(PATH, web.Response(body=b"x" * LIMIT))
    assert len((await download(api, file(slack, size=LIMIT))).content) == LIMIT
    slack.will(PATH, web.Response(body=b"x" * (LIMIT + 1)))
    assert await refusal(api, file(slack, size=3)) == "too_large"


async def test_what_says_that_it_is_too_large_is_not_even_asked_for(slack: Scripted, api: Api) -> None:
    assert await refusal(api, file(slack, size=LIMIT + 1)) == "too_large"
    assert slack.asked == []


async def test_a_file_that_never_ends_is_left_when_the_limit_is_reached(slack: Scripted, api: Api) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65_536)

    slack.will(PATH, endless)
    assert await refusal(api, file(slack), limit=200_000) == "too_large"


@pytest.mark.parametrize(
    ("status", "location", "reason"),
    [
        (302, "https://practice.slack.com/?redir=x", "missing_scope"),
        (302, "https://evil.example/x", "not_ours"),
        (302, "http://notslack.com/x", "not_ours"),
        (302, "http://[", "unreadable"),
        (302, PATH, "unreadable"),
        (404, "", "gone"),
        (410, "", "gone"),
        (403, "", "missing_scope"),
        (401, "", "missing_scope"),
        (418, "", "unreadable"),
    ],
)
async def test_what_is_no_file_is_refused_with_its_reason(
    slack: Scripted, api: Api, status: int, location: str, reason: str
) -> None:
    slack.will(PATH, web.Response(status=status, headers={"Location": location}))
    assert await refusal(api, file(slack)) == reason


async def test_a_redirect_on_the_same_host_is_followed(slack: Scripted, api: Api) -> None:
    slack.will(PATH, web.Response(status=302, headers={"Location": "/there"}))
    slack.will("/there", web.Response(body=b"log"))
    assert (await download(api, file(slack))).content == b"log"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/x",
        "http://files.slack.com/x",
        "https://files.slack.com.evil.example/",
        "x",
        "//[",
    ],
)
async def test_the_token_goes_to_nobody_but_slack(url: str) -> None:
    api = Api("xoxb-t")
    assert await refusal(api, {"url_private_download": url}) == "not_ours"
    await api.close()


@pytest.mark.parametrize(
    ("stub", "reason"),
    [
        ({"mode": "tombstone"}, "gone"),
        ({"mode": "hidden_by_limit"}, "gone"),
        ({"mode": "external"}, "not_ours"),
        ({"is_external": True}, "not_ours"),
        ({"file_access": "access_denied"}, "not_ours"),
        ({"file_access": "file_not_found"}, "gone"),
        ({"url_private_download": ""}, "gone"),
    ],
)
async def test_a_file_that_is_only_a_stub_is_refused_without_asking(
    slack: Scripted, api: Api, stub: dict[str, Any], reason: str
) -> None:
    assert await refusal(api, file(slack, **stub)) == reason
    assert slack.asked == []


async def test_a_file_of_another_organisation_is_looked_up(slack: Scripted, api: Api) -> None:
    slack.method("files.info", ok=True, file=file(slack))
    slack.will(PATH, web.Response(body=b"log"))
    stub = {"id": "F1", "file_access": "check_file_info"}
    assert (await download(api, stub)).content == b"log"
    assert slack.asked[0].form == {"file": "F1"}
    slack.method("files.info", ok=True, file=stub)
    assert await refusal(api, stub) == "unreadable"
    for code, reason in (
        ("file_deleted", "gone"),
        ("missing_scope", "missing_scope"),
        ("access_denied", "not_ours"),
    ):
        slack.method("files.info", ok=False, error=code)
        assert await refusal(api, stub) == reason
    slack.method("files.info", ok=False, error="token_revoked")
    with pytest.raises(Refused, match="token_revoked"):
        await download(api, stub)


async def test_a_slack_that_is_unwell_is_asked_again_later(slack: Scripted, api: Api) -> None:
    slack.will(PATH, web.Response(status=429, headers={"Retry-After": "9"}))
    with pytest.raises(Away) as away:
        await download(api, file(slack))
    assert away.value.retry_after == 9
    slack.will(PATH, web.Response(status=502))
    with pytest.raises(Away, match="http_502"):
        await download(api, file(slack))
    slack.will(PATH, hang_up)
    with pytest.raises(Away, match="unreachable"):
        await download(api, file(slack))


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\logs\\spool.log", "spool.log"),
        ("a\x00b\x1b[2J\u202egnp.exe", "ab[2Jgnp.exe"),
        ("n" * 300 + ".log", "n" * 116 + ".log"),
        ("..", "file"),
        (None, "file"),
    ],
)
async def test_a_name_is_only_a_name(slack: Scripted, api: Api, given: str | None, name: str) -> None:
    slack.will(PATH, web.Response(body=b"log"))
    assert (await download(api, file(slack, name=given))).name == name
