"""Files that somebody sent: the token goes to hosts we know, nothing is fetched from others, and never more than fits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web

from bot.teams.port import Away, FileRefused
from bot.teams.sdk_hosts import TOKEN_HOSTS, Hosts
from tests.bot.teams.connector_site import QUICK, Scene, scene, site

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"
REAL = Hosts(local=False, remote=True)
CONNECTOR = "https://smba.trafficmanager.net/emea/tenant/"


@pytest.fixture
async def here() -> AsyncIterator[Scene]:
    async with scene() as found:
        yield found


def stored(here: Scene, content: bytes, media_type: str = "image/png") -> str:
    here.teams.world.files["one"] = (content, media_type)
    return f"{here.teams.service_url.rstrip('/')}/v3/attachments/one/views/original"


async def refusal(here: Scene, url: str, limit: int = 1000) -> str:
    with pytest.raises(FileRefused) as refused:
        await here.adapter.download(here.channel, url, limit)
    return refused.value.reason


async def test_a_pasted_picture_is_fetched_with_the_token(here: Scene) -> None:
    found = await here.adapter.download(here.channel, stored(here, PNG), 1000)
    assert (found.content, found.media_type) == (PNG, "image/png")


async def test_what_it_is_counts_not_what_it_is_called(here: Scene) -> None:
    found = await here.adapter.download(here.channel, stored(here, PNG, "application/octet-stream"), 1000)
    assert found.media_type == "image/png"
    assert await refusal(here, stored(here, b"MZ program", "image/png")) == "unreadable"
    assert await refusal(here, stored(here, b"<html>sign in", "text/html")) == "unreadable"


async def test_too_large_is_noticed_while_reading(here: Scene) -> None:
    assert await refusal(here, stored(here, PNG + bytes(1000))) == "too_large"

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "image/png"})
        await response.prepare(request)
        for _ in range(50):
            await response.write(PNG * 1000)
        return response

    async with site(endless) as url:
        at = replace(here.channel, raw={"serviceUrl": url})
        with pytest.raises(FileRefused) as refused:
            await here.adapter.download(at, f"{url}/file", 1000)
        assert refused.value.reason == "too_large"


async def test_a_file_that_is_gone_is_gone(here: Scene) -> None:
    assert await refusal(here, stored(here, PNG).replace("/one/", "/two/")) == "gone"


async def test_a_refused_token_is_renewed_once(here: Scene) -> None:
    url = stored(here, PNG)
    await here.adapter.download(here.channel, url, 1000)
    here.teams.world.tokens.clear()
    assert (await here.adapter.download(here.channel, url, 1000)).content == PNG
    assert here.teams.world.tokens_given == 2
    here.teams.faults.add(kind="BotNotRegistered", method="file", times=None)
    assert await refusal(here, url) == "not_ours"


@pytest.mark.parametrize("kind", ["503", "429", "reset", "stall"])
async def test_a_host_that_is_away_is_away(kind: str) -> None:
    async with scene(limits=replace(QUICK, download=0.1)) as here:
        url = stored(here, PNG)
        await here.adapter.members(here.channel)  # logs in
        here.teams.faults.add(kind=kind, method="file", times=None, seconds=20)
        with pytest.raises(Away):
            await here.adapter.download(here.channel, url, 1000)


async def test_a_redirect_is_followed_on_the_same_host_only(here: Scene) -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(request.path)
        if request.path == "/away":
            raise web.HTTPFound(stored(here, PNG))
        if request.path == "/near":
            raise web.HTTPFound("/file")
        if request.path == "/round":
            raise web.HTTPFound("/round")
        return web.Response(body=PNG, content_type="image/png")

    async with site(answer) as url:
        at = replace(here.channel, raw={"serviceUrl": url})
        assert (await here.adapter.download(at, f"{url}/near", 1000)).content == PNG
        for path, reason in (("away", "not_ours"), ("round", "unreadable")):
            with pytest.raises(FileRefused) as refused:
                await here.adapter.download(at, f"{url}/{path}", 1000)
            assert refused.value.reason == reason
    assert here.calls("file") == []


async def test_another_host_is_not_even_asked(here: Scene) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(body=PNG, content_type="image/png")

    async with site(answer) as url:
        assert await refusal(here, f"{url}/file") == "not_ours"
    assert asked == []
    assert here.calls("token") == []


# ── Which hosts ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("host", sorted(TOKEN_HOSTS))
def test_the_listed_hosts_get_the_token(host: str) -> None:
    found = REAL.file(f"https://{host}/v1/objects/1/views/imgo", CONNECTOR)
    assert found is not None
    assert found[1] is True


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.trafficmanager.net/v3/attachments/1/views/original",
        "https://smba.trafficmanager.net.evil.example/1",
        "https://xsmba.trafficmanager.net/1",
        "https://smba.trafficmanager.net./1",
        "https://smba.trafficmanager.net:8443/1",
        "http://smba.trafficmanager.net/1",
        "https://smba.trafficmanager.net@evil.example/1",
        "https://user@smba.trafficmanager.net/1",
        "https://evil.asm.skype.com/1",
        "https://us-api.asm.skype.com.evil.example/1",
        "https://sharepoint.com/1",
        "https://evilsharepoint.com/1",
        "http://contoso.sharepoint.com/1",
        "https://contoso.sharepoint.com:444/1",
        "https://127.0.0.1/1",
        "https://[::1]/1",
        "https://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "https://",
        "//smba.trafficmanager.net/1",
        "https://smba.trafficmanager.net:x/1",
        "",
    ],
)
def test_every_other_host_is_refused(url: str) -> None:
    assert REAL.file(url, CONNECTOR) is None


def test_an_upload_carries_its_own_permission_and_gets_no_token() -> None:
    found = REAL.file(
        "https://contoso-my.sharepoint.com/personal/a/_layouts/download.aspx?tempauth=x", CONNECTOR
    )
    assert found is not None
    assert found[1] is False


def test_the_connector_of_the_reference_is_trusted_as_it_is_and_only_that() -> None:
    gov = "https://smba.infra.gov.teams.microsoft.us/gcch/"
    found = REAL.file("https://smba.infra.gov.teams.microsoft.us/v3/attachments/1", gov)
    assert found is not None
    assert found[1] is True
    assert REAL.file("https://smba.infra.gov.teams.microsoft.us/v3/attachments/1", CONNECTOR) is None
    assert REAL.file("https://smba.trafficmanager.net/1", "http://smba.trafficmanager.net/") is None


def test_a_development_client_only_sends_files_of_its_own() -> None:
    here = Hosts(local=True, remote=False)
    assert here.file("http://127.0.0.1:56150/file", "http://127.0.0.1:56150/_connector") is not None
    assert here.file("http://127.0.0.1:6379/file", "http://127.0.0.1:56150/_connector") is None
    assert here.file("https://smba.trafficmanager.net/1", "http://127.0.0.1:56150/_connector") is None
