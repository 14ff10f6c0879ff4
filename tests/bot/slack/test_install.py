"""The install pages: only who began it ends it, in time and once, and every ending is a page with a sentence."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.settings import Settings
from bot.slack import install
from bot.slack.install import Installing, add_routes
from bot.slack.manifest import scopes
from bot.slack.tokens import Apis
from storage.store import Store
from storage.vault import Vault, new_key
from storage.workspaces import Workspace
from tests.bot.slack.scripted import Scripted, scripted
from tests.conftest import Database

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


@dataclass(slots=True)
class Browser:
    """Somebody's browser in front of the pages, and Slack behind them."""

    slack: Scripted
    apis: Apis
    url: str
    session: aiohttp.ClientSession
    clock: list[datetime]
    team: str = field(default_factory=lambda: f"T{uuid4().hex[:10].upper()}")

    async def begin(self) -> str:
        """The state that Slack is given to bring back."""
        async with self.session.get(f"{self.url}/slack/install", allow_redirects=False) as answer:
            assert answer.status == 302
            return parse_qs(urlsplit(answer.headers["Location"]).query)["state"][0]

    async def end(self, **query: str) -> tuple[int, str]:
        async with self.session.get(f"{self.url}/slack/oauth_redirect", params=query) as answer:
            assert answer.content_type == "text/html"
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
            return answer.status, await answer.text()

    def will_install(self, **more: Any) -> None:
        known = {
            "ok": True,
            "access_token": "xoxb-new",
            "scope": "chat:write,commands",
            "bot_user_id": "U0FLOW",
            "app_id": "A0FLOW",
            "team": {"id": self.team, "name": "Klein & <b>Co</b>"},
            "enterprise": None,
            "is_enterprise_install": False,
        }
        self.slack.method("oauth.v2.access", **{**known, **more})
        self.slack.method("auth.test", ok=True, user_id="U0FLOW", bot_id="B0FLOW", team_id=self.team)

    async def kept(self) -> Workspace | None:
        return await self.apis.workspaces.find("slack", self.team)


@pytest.fixture
async def browser(database: Database) -> AsyncIterator[Browser]:
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(scripted())
        vault = Vault([new_key()])
        store = Store(database.app_url, vault, pool_size=2)
        stack.push_async_callback(store.close)
        clock = [NOW]
        apis = Apis(store, base_url=slack.api_url, now=lambda: clock[0])
        stack.push_async_callback(apis.close)
        settings = replace(
            Settings(), slack_client_id="12.34", slack_client_secret="s3cret", slack_api_url=slack.api_url
        )
        pages = Installing(settings, vault, apis, scopes(), now=lambda: clock[0])
        app = web.Application()
        app.router.add_get("/slack/install", pages.begin)
        app.router.add_get("/slack/oauth_redirect", pages.end)
        server = await stack.enter_async_context(TestServer(app))
        jar = aiohttp.CookieJar(unsafe=True)
        session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=jar))
        yield Browser(slack, apis, str(server.make_url("")).rstrip("/"), session, clock)


async def test_an_install_goes_to_slack_with_every_scope_and_comes_back_to_a_page(browser: Browser) -> None:
    async with browser.session.get(f"{browser.url}/slack/install", allow_redirects=False) as answer:
        to = urlsplit(answer.headers["Location"])
        cookie = answer.headers["Set-Cookie"]
    query = parse_qs(to.query)
    assert f"{to.scheme}://{to.netloc}{to.path}" == f"{browser.slack.url}/oauth/v2/authorize"
    assert query["client_id"] == ["12.34"]
    assert query["scope"] == [",".join(scopes())]
    for word in ("HttpOnly", "SameSite=Lax", "Max-Age=600"):
        assert word in cookie
    assert "Secure" not in cookie

    browser.will_install()
    status, page = await browser.end(state=query["state"][0], code="c0de")
    assert status == 200
    assert "FlowPilot is in Klein &amp; &lt;b&gt;Co&lt;/b&gt;" in page
    assert "ask your FlowPilot Admin for a code and type /flowpilot connect CODE" in page
    assert "<script" not in page
    kept = await browser.kept()
    assert kept is not None
    assert (kept.name, kept.bot_user_id, kept.bot_id, kept.app_id) == (
        "Klein & <b>Co</b>",
        "U0FLOW",
        "B0FLOW",
        "A0FLOW",
    )
    assert (kept.credentials, kept.scopes) == ({"token": "xoxb-new"}, "chat:write,commands")
    exchange, test = browser.slack.asked
    assert exchange.form == {"code": "c0de"}
    assert test.headers["Authorization"] == "Bearer xoxb-new"


async def test_a_token_that_ends_is_kept_with_its_end_and_its_refresh_token(browser: Browser) -> None:
    browser.will_install(expires_in=43_200, refresh_token="xoxe-1")
    assert (await browser.end(state=await browser.begin(), code="c"))[0] == 200
    kept = await browser.kept()
    ends = (NOW + timedelta(hours=12)).isoformat()
    assert kept is not None
    assert kept.credentials == {"token": "xoxb-new", "refresh": "xoxe-1", "expires_at": ends}


async def test_a_name_of_its_own_has_a_secure_cookie(browser: Browser) -> None:
    headers = {"Host": "flowpilot.example.com"}
    url = f"{browser.url}/slack/install"
    async with browser.session.get(url, headers=headers, allow_redirects=False) as answer:
        assert "Secure" in answer.headers["Set-Cookie"]


async def test_an_install_ends_only_in_the_browser_it_began_in_within_ten_minutes_and_once(
    browser: Browser,
) -> None:
    browser.will_install()
    mine = await browser.begin()
    browser.session.cookie_jar.clear()
    assert "begun in another browser" in (await browser.end(state=mine, code="c"))[1]
    await browser.begin()
    assert "begun in another browser" in (await browser.end(state=mine, code="c"))[1]
    state = await browser.begin()
    browser.clock[0] += timedelta(seconds=601)
    assert "more than 10 minutes ago" in (await browser.end(state=state, code="c"))[1]
    assert browser.slack.asked == []
    state = await browser.begin()
    assert (await browser.end(state=state, code="c"))[0] == 200
    assert (await browser.end(state=state, code="c"))[0] == 400


@pytest.mark.parametrize("state", ["", "x", "gAAAAA==", "ä" * 50])
async def test_a_state_that_is_none_of_ours_is_refused(browser: Browser, state: str) -> None:
    await browser.begin()
    status, page = await browser.end(state=state, code="c", error="access_denied")
    assert status == 400
    assert "begun in another browser" in page
    assert browser.slack.asked == []


async def test_who_says_no_in_slack_reads_that_nothing_was_kept(browser: Browser) -> None:
    status, page = await browser.end(state=await browser.begin(), error="access_denied<script>")
    assert (status, "was not allowed" in page, "<script" in page) == (200, True, False)
    assert 'href="install"' in page


@pytest.mark.parametrize(
    ("answer", "status", "sentence"),
    [
        ({"ok": False, "error": "invalid_code"}, 400, "did not confirm"),
        ({"ok": False, "error": "internal_error"}, 503, "does not answer"),
        ({"ok": True, "is_enterprise_install": True, "access_token": "x"}, 400, "workspace by workspace"),
        ({"ok": True, "access_token": "x"}, 400, "did not confirm"),
        ({"ok": True, "access_token": "x", "team": {"id": 7}}, 400, "did not confirm"),
        ({"ok": True, "team": {"id": "T"}}, 400, "did not confirm"),
    ],
    ids=["invalid code", "unwell", "an organisation", "no team", "a number", "no token"],
)
async def test_an_exchange_that_fails_is_a_page_and_keeps_nothing(
    browser: Browser, answer: dict[str, Any], status: int, sentence: str
) -> None:
    browser.slack.method("oauth.v2.access", **answer)
    found, page = await browser.end(state=await browser.begin(), code="c")
    assert (found, sentence in page) == (status, True)
    assert await browser.kept() is None


async def test_a_token_that_does_not_work_replaces_none(browser: Browser) -> None:
    browser.will_install()
    await browser.end(state=await browser.begin(), code="c")
    browser.will_install(access_token="xoxb-dead")
    browser.slack.method("auth.test", ok=False, error="invalid_auth")
    assert "did not confirm" in (await browser.end(state=await browser.begin(), code="c"))[1]
    kept = await browser.kept()
    assert kept is not None
    assert kept.credentials["token"] == "xoxb-new"
    browser.slack.asked.clear()
    assert "did not confirm" in (await browser.end(state=await browser.begin()))[1]
    assert browser.slack.asked == []


async def test_a_new_install_is_used_at_once(browser: Browser) -> None:
    browser.will_install()
    await browser.end(state=await browser.begin(), code="c")
    assert await browser.apis.of(browser.team)
    browser.will_install(access_token="xoxb-newer")
    await browser.end(state=await browser.begin(), code="c")
    found = await browser.apis.workspace(browser.team)
    assert found is not None
    assert found.credentials["token"] == "xoxb-newer"


async def test_the_style_of_a_page_is_the_one_its_policy_allows(browser: Browser) -> None:
    _, page = await browser.end(state="x")
    [style] = re.findall(r"<style>(.*?)</style>", page)
    assert style == install._STYLE


def test_without_the_apps_id_and_secret_there_are_no_pages(browser: Browser) -> None:
    vault = Vault([new_key()])
    for settings in (Settings(), replace(Settings(), slack_client_id="1")):
        app = web.Application()
        assert not add_routes(app, settings, vault, browser.apis)
        assert list(app.router.routes()) == []
    app = web.Application()
    both = replace(Settings(), slack_client_id="1", slack_client_secret="s")
    assert add_routes(app, both, vault, browser.apis)
    assert {route.resource.canonical for route in app.router.routes() if route.resource} == {
        "/slack/install",
        "/slack/oauth_redirect",
    }
