"""Measures how soon the real web process answers Teams' activities, beside a bare server that checks the same tokens."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any
from uuid import UUID

import aiohttp
import jwt
from aiohttp import web

from bench import ack
from bench.ground import Ground, ground, percentiles
from bot.practice_memory import free_port
from demo.teams import PracticeTeams, practice_teams
from demo.teams_world import TENANT
from engine.session import Intake, IntakeType, Session, Status
from storage.store import Store
from storage.vault import Vault

APP, PASSWORD = "00000000-0000-4000-8000-0000000000ff", "only-used-here"
PATH = "/api/messages"
ISSUER = "https://api.botframework.com"
ANNA = "a0000000-0000-4000-8000-000000000001"
SESSION = UUID("00000000-0000-4000-8000-000000000001")
CONNECTIONS = (1, 64)
MESSAGES = {1: 800, 64: 3200}
PRESSES = 800
ROUNDS = 4
Signed = tuple[bytes, dict[str, str]]
_NUMBERS: Iterator[int] = count()


def run() -> list[dict[str, object]]:
    """Rows with times in ms. Servers and load share the machine in every case."""
    return asyncio.run(_rows())


async def _rows() -> list[dict[str, object]]:
    async with (
        ground() as under,
        practice_teams(APP, PASSWORD) as teams,
        _ours(under, teams) as ours,
        _bare(teams) as bare,
    ):
        await _known(under)
        rows = [await _beside(teams, ours, bare, at_once) for at_once in CONNECTIONS]
        return [*rows, await _pressed(teams, ours)]


async def _known(under: Ground) -> None:
    """Whoever presses is known, and has the Session whose button it is."""
    store = Store(under.settings.database_url, Vault(under.settings.key_ring))
    async with store.transaction(under.account) as unit:
        await unit.accounts.add_identity(under.user, "teams", TENANT, ANNA)
        intake = Intake(IntakeType.FREE_TEXT, "The printer is offline")
        session = Session(SESSION, under.account, under.user, intake, Status.ACTIVE, unit.now, unit.now)
        await unit.sessions.save(None, session)
    await store.close()


async def _beside(teams: PracticeTeams, ours: str, bare: str, at_once: int) -> dict[str, object]:
    """The two take turns, so that a noisy neighbour disturbs both alike."""
    spent: dict[str, list[float]] = {ours: [], bare: []}
    seconds = {ours: 0.0, bare: 0.0}
    for _ in range(ROUNDS):
        for url in (ours, bare):
            took, each = await _load(url, at_once, _signed(teams, message, MESSAGES[at_once] // ROUNDS))
            seconds[url] += took
            spent[url] += each
    (p50, p99), (bare50, bare99) = percentiles(spent[ours]), percentiles(spent[bare])
    ours_per, bare_per = len(spent[ours]) / seconds[ours], len(spent[bare]) / seconds[bare]
    return {
        "what": f"Teams acknowledgement, {at_once} connections",
        "per_second": round(ours_per),
        "p50_ms": p50,
        "p99_ms": p99,
        "bare": "aiohttp: verify the token, answer 200",
        "bare_per_second": round(bare_per),
        "bare_p50_ms": bare50,
        "bare_p99_ms": bare99,
        "ratio": round(ours_per / bare_per, 2),
    }


async def _pressed(teams: PracticeTeams, ours: str) -> dict[str, object]:
    """Buttons are looked up in the state of their session before they are kept."""
    await _load(ours, 16, _signed(teams, press, 100))  # its connections to the database are opened here
    took, spent = await _load(ours, 16, _signed(teams, press, PRESSES))
    p50, p99 = percentiles(spent)
    return {
        "what": "Teams press and its answer, 16 connections",
        "per_second": round(PRESSES / took),
        "p50_ms": p50,
        "p99_ms": p99,
    }


async def _load(url: str, at_once: int, signed: list[Signed]) -> tuple[float, list[float]]:
    spent: list[float] = []
    waiting = iter(signed)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once)) as client:

        async def one_after_another() -> None:
            for raw, headers in waiting:
                spent.append(await _send(client, url, raw, headers))

        began = time.perf_counter()
        await asyncio.gather(*(one_after_another() for _ in range(at_once)))
    return time.perf_counter() - began, spent


async def _send(client: aiohttp.ClientSession, url: str, raw: bytes, headers: Mapping[str, str]) -> float:
    """Seconds until the answer. Raises where it is none."""
    began = time.perf_counter()
    async with client.post(url + PATH, data=raw, headers=headers) as reply:
        await reply.read()
        if reply.status != 200:
            raise RuntimeError(f"{url} answers {reply.status}")
    return time.perf_counter() - began


def _signed(teams: PracticeTeams, sample: Any, number: int) -> list[Signed]:
    """Made beforehand, each with a token of its own: the load must not take more of the machine than it has to."""
    made: list[Signed] = []
    for _ in range(number):
        activity = sample(teams)
        token = teams.token(jti=activity["id"])
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        made.append((json.dumps(activity).encode(), headers))
    return made


def message(teams: PracticeTeams) -> dict[str, Any]:
    """A mention in a channel, each in a thread of its own; as long as Teams' own usually are."""
    at = str(1_700_000_000_000 + next(_NUMBERS))
    text = "Outlook keeps asking for a password since this morning, three people on floor 2"
    called = {"type": "mention", "mentioned": teams.world.bot, "text": "<at>FlowPilot</at>"}
    html = f'<p><span itemtype="http://schema.skype.com/Mention" itemid="0">FlowPilot</span>&nbsp;{text}</p>'
    return {
        **_envelope(teams, "message", at),
        "text": f"<at>FlowPilot</at> {text}",
        "textFormat": "plain",
        "attachments": [{"contentType": "text/html", "content": html}],
        "entities": [
            called,
            {"type": "clientInfo", "locale": "en-US", "country": "US", "platform": "Windows"},
        ],
    }


def press(teams: PracticeTeams) -> dict[str, Any]:
    at = str(1_700_000_000_000 + next(_NUMBERS))
    args = {"session": str(SESSION), "step": "1", "option": "yes"}
    action = {"type": "Action.Execute", "verb": "fp", "data": {"fp": {"verb": "answer", "args": args}}}
    return {
        **_envelope(teams, "invoke", at),
        "name": "adaptiveCard/action",
        "replyToId": at,
        "value": {"action": action, "trigger": "manual"},
    }


def _envelope(teams: PracticeTeams, kind: str, at: str) -> dict[str, Any]:
    channel = "19:help@thread.tacv2"
    return {
        "type": kind,
        "id": at,
        "timestamp": "2026-11-23T09:00:00.000Z",
        "serviceUrl": teams.service_url,
        "channelId": "msteams",
        "from": {"id": "29:anna", "name": "Anna", "aadObjectId": ANNA},
        "recipient": teams.world.bot,
        "conversation": {
            "isGroup": True,
            "conversationType": "channel",
            "tenantId": TENANT,
            "id": f"{channel};messageid={at}",
        },
        "channelData": {
            "tenant": {"id": TENANT},
            "channel": {"id": channel},
            "team": {"id": "19:team@thread.tacv2"},
        },
        "locale": "en-US",
    }


# ── Servers ─────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def _ours(under: Ground, teams: PracticeTeams) -> AsyncIterator[str]:
    port = free_port(0)
    environment = {
        **under.environment(),
        "FLOWPILOT_PORT": str(port),
        "TEAMS_APP_ID": APP,
        "TEAMS_APP_PASSWORD": PASSWORD,
        "TEAMS_APP_TENANTID": TENANT,
        "TEAMS_LOGIN_URL": teams.login_url,
        "TEAMS_OPENID_URL": teams.openid_url,
    }
    at = f"http://127.0.0.1:{port}"
    async with ack._process(["-m", "bot.cli", "web"], environment, at, "/health") as url:
        yield url


@asynccontextmanager
async def _bare(teams: PracticeTeams) -> AsyncIterator[str]:
    port = free_port(0)
    at = f"http://127.0.0.1:{port}"
    arguments = ["-m", "bench.teams_ack", str(port), json.dumps(teams.keys.published()["keys"][0])]
    async with ack._process(arguments, None, at, "/health") as url:
        yield url


def bare_application(published: Mapping[str, Any]) -> web.Application:
    """Looks at the token as Teams asks for it, reads the JSON, and does nothing."""
    key = jwt.PyJWK(dict(published), algorithm="RS256").key

    async def receive(request: web.Request) -> web.Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            claims = jwt.decode(token, key, algorithms=["RS256"], audience=APP, issuer=ISSUER)
        except jwt.PyJWTError:
            return web.Response(status=401)
        activity = await request.json()
        return web.Response(status=200 if activity["serviceUrl"] == claims["serviceurl"] else 403)

    async def health(request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_post(PATH, receive)
    app.router.add_get("/health", health)
    return app


def main() -> None:
    """The bare application on one port, until it is ended."""
    app = bare_application(json.loads(sys.argv[2]))
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=lambda *_: None)


if __name__ == "__main__":
    main()
