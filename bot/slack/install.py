"""The install pages of many workspaces: to Slack and back with a sealed state, then the workspace is remembered."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import ipaddress
import json
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from aiohttp import web
from slack_sdk.oauth import AuthorizeUrlGenerator
from yarl import URL

from bot.settings import Settings
from bot.slack.api import Away, Refused, is_real
from bot.slack.manifest import INSTALL_PATH, REDIRECT_PATH, scopes
from bot.slack.tokens import PLATFORM, Apis, credentials_of
from bot.words import say
from storage.vault import KeysUnusable, Vault
from storage.workspaces import Workspace

log = logging.getLogger("flowpilot.slack")

STATE_SECONDS = 600
COOKIE = "flowpilot_slack_install"
_PURPOSE = "slack-install"
_STYLE = "body{font:18px/1.5 sans-serif;max-width:34em;margin:4em auto;padding:0 1em}h1{font-size:1.4em}"
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class NotDone(Exception):
    """The install ends here; `key` names the sentence."""

    def __init__(self, key: str, status: int = 400) -> None:
        super().__init__(key)
        self.key = key
        self.status = status


@dataclass(frozen=True, slots=True)
class Installing:
    settings: Settings
    vault: Vault
    apis: Apis
    scopes: tuple[str, ...]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def begin(self, request: web.Request) -> web.Response:
        """To Slack's own page; the state comes back from there, its other half stays in the browser."""
        nonce = secrets.token_urlsafe(24)
        sealed = self.vault.seal(
            json.dumps({"for": _PURPOSE, "nonce": nonce, "at": self.now().timestamp()}).encode()
        )
        generator = AuthorizeUrlGenerator(
            client_id=quote(self.settings.slack_client_id),
            scopes=self.scopes,
            authorization_url=_authorize_url(self.settings.slack_api_url),
        )
        to = generator.generate(quote(sealed.decode(), safe=""))
        found = web.Response(status=302, headers={**_HEADERS, "Location": to})
        found.set_cookie(
            COOKIE,
            nonce,
            max_age=STATE_SECONDS,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=not _on_loopback(request.host),
        )
        return found

    async def end(self, request: web.Request) -> web.Response:
        try:
            workspace = await self._installed(request)
        except NotDone as ended:
            page = _page(
                say("slack.install.not_done_title"), say(ended.key), say("slack.install.begin"), ended.status
            )
        else:
            linked = workspace.account_id is not None
            title = say("slack.install.done_title", team=workspace.name)
            page = _page(title, say("slack.install.again" if linked else "slack.install.done"))
        page.del_cookie(COOKIE, path="/")
        return page

    async def _installed(self, request: web.Request) -> Workspace:
        # Also a refusal must come from where the install began, or anybody could show it to anybody.
        if not self._begun_here(request.query.get("state", ""), request.cookies.get(COOKIE, "")):
            raise NotDone("slack.install.state")
        if error := request.query.get("error", ""):
            log.info("an install ended in Slack (%s)", "denied" if error == "access_denied" else "error")
            raise NotDone("slack.install.denied", 200)
        try:
            return await self._exchanged(request.query.get("code", ""))
        except Refused as refused:
            log.warning("an install failed: %s", refused.log_safe)
            raise NotDone("slack.install.exchange") from refused
        except Away as away:
            log.warning("an install failed: %s", away.log_safe)
            raise NotDone("slack.install.away", 503) from away

    def _begun_here(self, state: str, nonce: str) -> bool:
        try:
            found = json.loads(self.vault.open(state.encode()))
            kept, at = str(found["nonce"]), float(found["at"])
            ours = found["for"] == _PURPOSE and -60 <= self.now().timestamp() - at <= STATE_SECONDS
        except (KeysUnusable, ValueError, KeyError, TypeError):
            return False
        return ours and hmac.compare_digest(kept.encode(), nonce.encode())

    async def _exchanged(self, code: str) -> Workspace:
        settings, method = self.settings, "oauth.v2.access"
        if not code:
            raise Refused("no_code", method)
        answer = await self.apis.with_token().authorized(
            method, settings.slack_client_id, settings.slack_client_secret, code=code
        )
        if answer.get("is_enterprise_install"):
            raise NotDone("slack.install.org")
        try:
            credentials = credentials_of(answer, self.now())
            team = _team(answer)
        except (ValueError, KeyError, TypeError) as wrong:
            raise Refused("unreadable_answer", method) from wrong
        # Only auth.test names the bot itself; and a token that does not work must not replace one that does.
        about = await self.apis.with_token(credentials["token"]).call("auth.test")
        workspace = await self.apis.workspaces.install(
            PLATFORM,
            team["id"],
            str(team.get("name") or team["id"]),
            str(answer.get("bot_user_id") or about.get("user_id") or ""),
            str(about.get("bot_id") or ""),
            str(answer.get("app_id") or ""),
            credentials,
            str(answer.get("scope") or ""),
        )
        self.apis.forget(workspace.external_id)
        log.info("workspace %s: installed", workspace.external_id)
        return workspace


def add_routes(app: web.Application, settings: Settings, vault: Vault, apis: Apis) -> bool:
    """Whether there are install pages: they need the app's id and secret."""
    if not (settings.slack_client_id and settings.slack_client_secret):
        return False
    installing = Installing(settings, vault, apis, scopes())
    app.router.add_get(INSTALL_PATH, installing.begin, allow_head=False)
    app.router.add_get(REDIRECT_PATH, installing.end, allow_head=False)
    return True


def _team(answer: dict[str, Any]) -> dict[str, Any]:
    team = answer["team"]
    if not isinstance(team, dict) or not isinstance(team.get("id"), str) or not team["id"]:
        raise ValueError("no team")
    return team


def _authorize_url(api_url: str) -> str:
    """Slack's, or the one beside another API address."""
    base = "https://slack.com" if is_real(api_url) else str(URL(api_url).origin())
    return f"{base}/oauth/v2/authorize"


def _on_loopback(host: str) -> bool:
    """Whether a browser calls it by a name of its own machine, where there is no TLS."""
    try:
        name = URL(f"http://{host}").host or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _page(title: str, sentence: str, again: str = "", status: int = 200) -> web.Response:
    link = f'<p><a href="install">{html.escape(again)}</a></p>' if again else ""
    text = (
        f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{html.escape(title)}</h1><p>{html.escape(sentence)}</p>{link}</html>"
    )
    return web.Response(text=text, content_type="text/html", status=status, headers=_HEADERS)
