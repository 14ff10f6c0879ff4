"""Measures how soon the real web process acknowledges Slack's events, beside a bare Bolt application."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import aiohttp
import psycopg
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.signature import SignatureVerifier

from bench import ack
from bench.ground import Ground, ground, percentiles
from bot.practice_memory import free_port

SECRET = "a-signing-secret-only-used-here"  # noqa: S105 - for a server that lives a minute
PATH = "/slack/events"
CONNECTIONS = (1, 64)
EVENTS = {1: 800, 64: 4800}
ROUNDS = 4
STEADY = (100, 20.0)
"""Events per second, and for how many seconds: sent when their time has come, whether or not others are answered."""
FLOOD = 20_000
FLOOD_AT_ONCE = 128
NOWHERE = "redis://127.0.0.1:1/0"
_SIGNS = SignatureVerifier(SECRET)
_NUMBERS: Iterator[int] = count()


def run() -> list[dict[str, object]]:
    """Rows of very different columns; times in ms. Server and load share the machine in every case."""
    return asyncio.run(_rows())


async def _rows() -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    async with ground() as under:
        async with _ours(under) as ours, _bare() as bare:
            rows += [await _beside(ours, bare, at_once) for at_once in CONNECTIONS]
            rows.append(await _steadily(ours, f"{STEADY[0]}/s for {STEADY[1]:.0f} s", STEADY[1]))
        async with _ours(under, REDIS_URL=NOWHERE) as ours:
            rows.append(await _steadily(ours, "Redis unreachable", 5.0))
        async with _ours(under) as ours:
            rows.append(await _flood(under, ours))
    return rows


async def _beside(ours: str, bare: str, at_once: int) -> dict[str, object]:
    """The two take turns, so that a noisy neighbour disturbs both alike."""
    spent: dict[str, list[float]] = {ours: [], bare: []}
    seconds = {ours: 0.0, bare: 0.0}
    for _ in range(ROUNDS):
        for url in (ours, bare):
            took, each = await _load(url, at_once, EVENTS[at_once] // ROUNDS)
            seconds[url] += took
            spent[url] += each
    (p50, p99), (bare50, bare99) = percentiles(spent[ours]), percentiles(spent[bare])
    ours_per, bare_per = len(spent[ours]) / seconds[ours], len(spent[bare]) / seconds[bare]
    return {
        "what": f"Slack acknowledgement, {at_once} connections",
        "per_second": round(ours_per),
        "p50_ms": p50,
        "p99_ms": p99,
        "bare": "Bolt: verify, one listener",
        "bare_per_second": round(bare_per),
        "bare_p50_ms": bare50,
        "bare_p99_ms": bare99,
        "ratio": round(ours_per / bare_per, 2),
    }


async def _load(url: str, at_once: int, number: int) -> tuple[float, list[float]]:
    spent: list[float] = []
    # Signed beforehand: the load must not take more of the machine than it has to.
    waiting = iter([signed(event()) for _ in range(number)])
    async with _client(at_once) as client:

        async def one_after_another() -> None:
            for raw, headers in waiting:
                spent.append(await _send(client, url, raw, headers))

        began = time.perf_counter()
        await asyncio.gather(*(one_after_another() for _ in range(at_once)))
    return time.perf_counter() - began, spent


async def _steadily(url: str, what: str, seconds: float) -> dict[str, object]:
    rate = STEADY[0]
    waiting = [signed(event()) for _ in range(int(rate * seconds))]
    async with _client(0) as client, asyncio.TaskGroup() as group:
        began = time.perf_counter()
        sent = []
        for number, (raw, headers) in enumerate(waiting):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            sent.append(group.create_task(_send(client, url, raw, headers)))
    spent = [task.result() for task in sent]
    p50, p99 = percentiles(spent)
    slowest = round(max(spent) * 1000, 2)
    return {
        "what": f"Slack acknowledgement, {what}",
        "per_second": rate,
        "p50_ms": p50,
        "p99_ms": p99,
        "slowest_ms": slowest,
    }


async def _flood(under: Ground, url: str) -> dict[str, object]:
    before = await _kept(under)
    took, spent = await _load(url, FLOOD_AT_ONCE, FLOOD)
    p50, p99 = percentiles(spent)
    return {
        "what": f"Slack flood, {FLOOD} events, {FLOOD_AT_ONCE} connections",
        "per_second": round(FLOOD / took),
        "p50_ms": p50,
        "p99_ms": p99,
        "slowest_ms": round(max(spent) * 1000, 2),
        "lost": FLOOD - (await _kept(under) - before),
    }


async def _kept(under: Ground) -> int:
    async with await psycopg.AsyncConnection.connect(under.owner_url) as connection:
        row = await (await connection.execute("select count(*) from inbox")).fetchone()
        return int(row[0]) if row else 0


def _client(at_once: int) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once))


async def _send(client: aiohttp.ClientSession, url: str, raw: bytes, headers: Mapping[str, str]) -> float:
    """Seconds until the acknowledgement. Raises where it is none."""
    began = time.perf_counter()
    async with client.post(url + PATH, data=raw, headers=headers) as reply:
        await reply.read()
        if reply.status != 200:
            raise RuntimeError(f"{url} answers {reply.status}")
    return time.perf_counter() - began


def event() -> bytes:
    """A mention in a channel, each with a moment and a thread of its own; as long as Slack's own usually are."""
    number = next(_NUMBERS)
    at = f"{1_700_000_000 + number // 1_000_000}.{number % 1_000_000:06d}"
    text = "Outlook keeps asking for a password since this morning, three people on floor 2"
    said = {
        "type": "message", "user": "U0ANNA", "text": f"<@U0FLOW> {text}", "ts": at, "event_ts": at,
        "client_msg_id": f"8a744611-0210-4f85-9f15-{number:012d}", "team": "T0BENCH", "channel": "C0HELP",
        "channel_type": "channel",
        "blocks": [{"type": "rich_text", "block_id": "ezJ", "elements": [{"type": "rich_text_section", "elements": [
            {"type": "user", "user_id": "U0FLOW"}, {"type": "text", "text": text}]}]}],
    }  # fmt: skip
    body = {
        "token": "verification_token", "team_id": "T0BENCH", "api_app_id": "A0FLOW", "event": said,
        "type": "event_callback", "event_id": f"Ev{number:010d}", "event_time": 1_700_000_000,
        "authorizations": [{"enterprise_id": None, "team_id": "T0BENCH", "user_id": "U0FLOW", "is_bot": True}],
        "is_ext_shared_channel": False, "event_context": "4-eyJldCI6Im1lc3NhZ2UiLCJ0aWQiOiJUMEJFTkNIIn0",
    }  # fmt: skip
    return json.dumps(body).encode()


def signed(raw: bytes) -> tuple[bytes, dict[str, str]]:
    moment = str(int(time.time()))
    signature = _SIGNS.generate_signature(timestamp=moment, body=raw) or ""
    headers = {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": moment,
        "X-Slack-Signature": signature,
    }
    return raw, headers


@asynccontextmanager
async def _ours(under: Ground, **more: str) -> AsyncIterator[str]:
    port = free_port(0)
    slack = {"FLOWPILOT_PORT": str(port), "SLACK_SIGNING_SECRET": SECRET}
    environment = {**under.environment(), **slack, **more}
    at = f"http://127.0.0.1:{port}"
    async with ack._process(["-m", "bot.cli", "web"], environment, at, "/health") as url:
        yield url


@asynccontextmanager
async def _bare() -> AsyncIterator[str]:
    port = free_port(0)
    at = f"http://127.0.0.1:{port}"
    async with ack._process(["-m", "bench.slack_ack", str(port)], None, at, "/health") as url:
        yield url


def bare_application() -> web.Application:
    """Bolt as its documentation shows it, with one listener that does nothing."""

    async def authorize(team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=team_id, bot_token="xoxb-x", bot_user_id="U0FLOW")  # noqa: S106

    async def nothing(event: dict[str, Any]) -> None: ...

    bolt = AsyncApp(signing_secret=SECRET, authorize=authorize, process_before_response=True)
    listen: Callable[..., Any] = bolt.event("message")
    listen(nothing)

    async def receive(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await bolt.async_dispatch(await to_bolt_request(request)))

    async def health(request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_post(PATH, receive)
    app.router.add_get("/health", health)
    return app


def main() -> None:
    """The bare application on one port, until it is ended."""
    web.run_app(
        bare_application(), host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=lambda *_: None
    )


if __name__ == "__main__":
    main()
