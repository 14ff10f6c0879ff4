"""A token for each workspace: opened for a minute, renewed by one process before it ends, gone once it is revoked."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import time
import zlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from sqlalchemy.exc import SQLAlchemyError

from bot.settings import Settings
from bot.slack.api import DEFAULT_URL, Api, Away, Refused, open_session
from bot.trouble import LoggedTrouble
from storage.leader import Leader
from storage.store import Store
from storage.workspaces import Workspace, Workspaces

log = logging.getLogger("flowpilot.slack")

PLATFORM = "slack"
FRESH_SECONDS = 60.0
"""How long an uninstall may go unseen."""
EARLY = timedelta(minutes=30)
LEASE = timedelta(seconds=60)
"""Longer than one call and the tries to store what it brought."""
PATIENCE_SECONDS = 3.0
AGAIN_SECONDS = 60.0
STORING_SECONDS = (0.2, 1.0, 5.0, 10.0)
MOST_KNOWN = 5_000
_LOCKS = 64
NEEDS_INSTALL = "needs_install"
COPY_IT = "copy the Bot User OAuth Token (xoxb-…) of your Slack app from OAuth & Permissions into it and start again"
_SPENT = frozenset({"invalid_refresh_token", "invalid_grant", "token_revoked", "token_expired"})


@dataclass(frozen=True, slots=True)
class _Known:
    workspace: Workspace
    api: Api
    read_at: float


class Apis:
    """Everybody's way to Slack in one process. `now` is the time tokens end by, `clock` counts seconds."""

    def __init__(
        self,
        store: Store,
        *,
        base_url: str = DEFAULT_URL,
        client_id: str = "",
        client_secret: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.workspaces = Workspaces(store)
        self._store = store
        self._base_url = base_url
        self._client_id = client_id
        self._client_secret = client_secret
        self._now = now
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._known: OrderedDict[str, _Known] = OrderedDict()
        # A few teams share a lock, so that there is never more than a handful.
        self._asking = tuple(asyncio.Lock() for _ in range(_LOCKS))
        self._not_before: dict[str, float] = {}
        self._renewing: set[asyncio.Task[Workspace | None]] = set()

    async def close(self) -> None:
        """What is being renewed is stored first: its old half is spent."""
        if self._renewing:
            await asyncio.wait(self._renewing)
        if self._session is not None:
            await self._session.close()

    async def of(self, team: str) -> Api | None:
        """None where it is not installed. Raises Away where its token ended and Slack gives no new one now."""
        known = await self._find(team)
        return known.api if known else None

    async def workspace(self, team: str) -> Workspace | None:
        """As `of`: at most a minute old, and None once it is uninstalled."""
        known = await self._find(team)
        return known.workspace if known else None

    def with_token(self, token: str = "") -> Api:
        """In this process's session: with a token not yet stored, or with none, for what the app itself asks."""
        return self._api(token)

    def forget(self, team: str) -> None:
        """The next question reads it anew, for example after Slack refused its token."""
        self._known.pop(team, None)
        self._not_before.pop(team, None)

    async def revoke(self, team: str, at: datetime | None = None) -> None:
        """It was uninstalled: delete its keys."""
        await self.workspaces.revoke(PLATFORM, team, at)
        self.forget(team)

    # ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────

    async def _find(self, team: str) -> _Known | None:
        if known := self._fresh(team):
            return known
        async with self._asking[zlib.crc32(team.encode()) % _LOCKS]:
            return self._fresh(team) or await self._read(team)

    def _fresh(self, team: str) -> _Known | None:
        known = self._known.get(team)
        if known is None or self._clock() - known.read_at >= FRESH_SECONDS:
            return None
        return None if self._ended(known.workspace) else known

    async def _read(self, team: str) -> _Known | None:
        found = await self.workspaces.find(PLATFORM, team)
        if found is not None and self._due(found) and self._clock() >= self._not_before.get(team, 0.0):
            found = await self._renewed(found)
        if found is None or found.state != "installed" or not found.credentials.get("token"):
            self._known.pop(team, None)
            return None
        if self._ended(found):
            self._known.pop(team, None)
            if not found.credentials.get("refresh"):
                return None
            raise Away(max(self._not_before.get(team, 0.0) - self._clock(), 1.0), "token_expired")
        known = _Known(found, self._api(str(found.credentials["token"])), self._clock())
        self._known[team] = known
        self._known.move_to_end(team)
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return known

    def _api(self, token: str) -> Api:
        if self._session is None:
            self._session = open_session(self._base_url)
        return Api(token, self._base_url, self._session)

    def _due(self, found: Workspace) -> bool:
        ends = _ends(found)
        return bool(found.credentials.get("refresh")) and ends is not None and ends - self._now() <= EARLY

    def _ended(self, found: Workspace) -> bool:
        ends = _ends(found)
        return ends is not None and ends <= self._now()

    # ── Renewing ────────────────────────────────────────────────────────────────────────────────────────────

    async def _renewed(self, found: Workspace) -> Workspace | None:
        """With a new pair, by us or by another process; as it is where neither works."""
        # A name of its own for each try: a lease is renewed for whoever has its holder's name.
        holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(6)}"
        leader = Leader(self._store, f"slack-token:{found.external_id}", holder)
        until = self._clock() + PATIENCE_SECONDS
        while not await leader.lead(LEASE):
            await asyncio.sleep(0.2)
            again = await self.workspaces.find(PLATFORM, found.external_id)
            if again is None or not self._due(again) or self._clock() >= until:
                return again
        # Whoever waits may be cancelled; the new pair must be stored all the same.
        task = asyncio.create_task(self._led(leader, found.external_id))
        self._renewing.add(task)
        task.add_done_callback(self._renewed_once)
        return await asyncio.shield(task)

    def _renewed_once(self, task: asyncio.Task[Workspace | None]) -> None:
        self._renewing.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            LoggedTrouble().note("Slack token", failure)

    async def _led(self, leader: Leader, team: str) -> Workspace | None:
        try:
            found = await self.workspaces.find(PLATFORM, team)
            if found is None or not self._due(found):
                return found
            await self._renew(found)
            return await self.workspaces.find(PLATFORM, team)
        finally:
            await leader.resign()

    async def _renew(self, found: Workspace) -> None:
        """Ask once with the refresh token, which works once."""
        kept = {**found.credentials, "refresh": "", "problem": NEEDS_INSTALL}
        try:
            answer = await self.with_token().authorized(
                "oauth.v2.access",
                self._client_id,
                self._client_secret,
                grant_type="refresh_token",
                refresh_token=str(found.credentials["refresh"]),
            )
            kept = credentials_of(answer, self._now())
        except Away as away:
            return self._later(found, away.log_safe, max(away.retry_after, AGAIN_SECONDS))
        except ValueError:
            return self._later(found, "oauth.v2.access: no token in the answer", AGAIN_SECONDS)
        except Refused as refused:
            if refused.code not in _SPENT:
                return self._later(found, refused.log_safe, 5 * AGAIN_SECONDS)
        if "problem" in kept:
            why = "workspace %s: Slack renews its token no more; FlowPilot must be installed there again"
            log.error(why, found.external_id)
        await self._store_pair(found, kept)
        return None

    def _later(self, found: Workspace, why: str, seconds: float) -> None:
        self._not_before[found.external_id] = self._clock() + seconds
        log.warning("workspace %s: its token is not renewed yet (%s)", found.external_id, why)

    async def _store_pair(self, found: Workspace, credentials: dict[str, Any]) -> None:
        """With patience: the pair before this one is spent."""
        for seconds in STORING_SECONDS:
            try:
                await self.workspaces.change_credentials(PLATFORM, found.external_id, credentials)
            except (SQLAlchemyError, OSError) as away:
                log.warning(
                    "workspace %s: new keys wait for the database (%s)", found.external_id, type(away)
                )
                await asyncio.sleep(seconds)
            else:
                return
        await self.workspaces.change_credentials(PLATFORM, found.external_id, credentials)


@asynccontextmanager
async def adopting(settings: Settings, apis: Apis) -> AsyncIterator[None]:
    """Adopts beside what else the block does, which never waits for Slack."""
    task = asyncio.create_task(_adopting(settings, apis), name="slack token")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _adopting(settings: Settings, apis: Apis) -> None:
    try:
        team = await adopt(settings, apis.workspaces, apis.with_token(settings.slack_bot_token))
    except Exception as failure:  # noqa: BLE001 - nobody waits for this task, so its failure is said here
        LoggedTrouble().note("SLACK_BOT_TOKEN", failure)
    else:
        apis.forget(team)


async def adopt(
    settings: Settings,
    workspaces: Workspaces,
    api: Api,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> str:
    """Install the one workspace of SLACK_BOT_TOKEN, however long Slack is away; its team id.

    "" where there is no token or Slack refuses it. `api` speaks with that token.
    """
    waits, wrong = 1.0, ""
    while settings.slack_bot_token:
        try:
            return await _adopted(settings.slack_bot_token, workspaces, api)
        except Refused as refused:
            wrong = refused.log_safe
            break
        except Away as away:
            log.warning("SLACK_BOT_TOKEN is not tried yet (%s)", away.log_safe)
            seconds = max(waits, away.retry_after)
        except (SQLAlchemyError, OSError) as away:
            log.warning("SLACK_BOT_TOKEN waits for the database (%s)", type(away).__name__)
            seconds = waits
        await pause(seconds)
        waits = min(2 * waits, 60.0)
    if wrong:
        log.error("SLACK_BOT_TOKEN is refused (%s): %s", wrong, COPY_IT)
    return ""


async def _adopted(token: str, workspaces: Workspaces, api: Api) -> str:
    answer = await api.call("auth.test")
    team, bot = str(answer.get("team_id") or ""), str(answer.get("bot_id") or "")
    if not team or not bot:
        raise Refused("not_a_bot_token", "auth.test")
    if answer.get("is_enterprise_install"):
        raise Refused("org_install", "auth.test")
    name, user = str(answer.get("team") or team), str(answer.get("user_id") or "")
    known = await workspaces.find(PLATFORM, team)
    app = known.app_id if known else ""
    same = known is not None and (known.name, known.bot_user_id, known.bot_id) == (name, user, bot)
    if known is None or not same or known.credentials != {"token": token}:
        await workspaces.install(PLATFORM, team, name, user, bot, app, {"token": token})
        log.info("workspace %s: SLACK_BOT_TOKEN is installed", team)
    return team


def ends_the_install(event: Mapping[str, Any]) -> bool:
    """Whether this event means that the workspace's bot token is dead; a person's own token is none of ours."""
    if event.get("type") == "app_uninstalled":
        return True
    tokens = event.get("tokens")
    return event.get("type") == "tokens_revoked" and isinstance(tokens, dict) and bool(tokens.get("bot"))


def credentials_of(answer: dict[str, Any], now: datetime) -> dict[str, Any]:
    """What is kept of an answer of oauth.v2.access. Raises ValueError where it holds no token."""
    token = answer.get("access_token")
    if not token or not isinstance(token, str):
        raise ValueError("no token")
    kept: dict[str, Any] = {"token": token}
    seconds = answer.get("expires_in")
    if isinstance(seconds, int | float) and seconds > 0:
        kept["expires_at"] = (now + timedelta(seconds=float(seconds))).isoformat()
    if refresh := answer.get("refresh_token"):
        kept["refresh"] = str(refresh)
    return kept


def _ends(found: Workspace) -> datetime | None:
    try:
        ends = datetime.fromisoformat(str(found.credentials.get("expires_at") or ""))
    except ValueError:
        return None
    return ends if ends.tzinfo else ends.replace(tzinfo=UTC)
