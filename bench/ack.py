"""Measures how soon the real web process acknowledges a console word, beside a bare aiohttp server."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import aiohttp
from aiohttp import web

from bench.chaos_processes import CLONE
from bench.ground import TOKEN, Ground, ground, percentiles
from bot.practice_memory import free_port

CONNECTIONS = (1, 64)
WORDS = {1: 600, 64: 3200}
ROUNDS = 4


def run() -> list[dict[str, object]]:
    """One row per number of connections, p50/p99 in ms. Server and load share the machine in both cases."""
    return asyncio.run(_rows())


async def _rows() -> list[dict[str, object]]:
    async with ground() as under, _ours(under) as ours, _bare() as bare:
        return [await _row(ours, bare, at_once) for at_once in CONNECTIONS]


async def _row(ours: str, bare: str, at_once: int) -> dict[str, object]:
    """The two take turns, so that a noisy neighbour disturbs both alike."""
    spent: dict[str, list[float]] = {ours: [], bare: []}
    seconds = {ours: 0.0, bare: 0.0}
    for _ in range(ROUNDS):
        for url in (ours, bare):
            took, each = await _load(url, at_once, WORDS[at_once] // ROUNDS)
            seconds[url] += took
            spent[url] += each
    p50, p99 = percentiles(spent[ours])
    bare50, bare99 = percentiles(spent[bare])
    return {
        "what": f"HTTP acknowledgement, {at_once} connections",
        "per_second": round(len(spent[ours]) / seconds[ours]),
        "p50_ms": p50,
        "p99_ms": p99,
        "bare": "aiohttp: read JSON, answer 202",
        "bare_per_second": round(len(spent[bare]) / seconds[bare]),
        "bare_p50_ms": bare50,
        "bare_p99_ms": bare99,
        "ratio_p50": round(p50 / bare50, 2),
    }


async def _load(url: str, at_once: int, count: int) -> tuple[float, list[float]]:
    spent: list[float] = []
    left = iter(range(count))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    connector = aiohttp.TCPConnector(limit=at_once)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as client:

        async def one_after_another() -> None:
            for _ in left:
                body = {"id": str(uuid4()), "kind": "say", "text": "The printer on floor 2 prints nothing"}
                began = time.perf_counter()
                async with client.post(f"{url}/console", json=body) as reply:
                    await reply.read()
                    if reply.status != 202:
                        raise RuntimeError(f"{url} answers {reply.status}")
                spent.append(time.perf_counter() - began)

        began = time.perf_counter()
        await asyncio.gather(*(one_after_another() for _ in range(at_once)))
    return time.perf_counter() - began, spent


@asynccontextmanager
async def _ours(under: Ground) -> AsyncIterator[str]:
    port = free_port(0)
    environment = {**under.environment(), "FLOWPILOT_PORT": str(port)}
    async with _process(["-m", "bot.cli", "web"], environment, f"http://127.0.0.1:{port}", "/health") as url:
        yield url


@asynccontextmanager
async def _bare() -> AsyncIterator[str]:
    port = free_port(0)
    async with _process(["-m", "bench.ack", str(port)], None, f"http://127.0.0.1:{port}", "/") as url:
        yield url


@asynccontextmanager
async def _process(
    arguments: list[str], environment: dict[str, str] | None, url: str, healthy: str
) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=CLONE, env=environment)
    try:
        await _until_it_answers(url + healthy)
        yield url
    finally:
        process.terminate()
        await process.wait()


async def _until_it_answers(url: str) -> None:
    async with aiohttp.ClientSession() as client:
        for _ in range(600):
            with suppress(aiohttp.ClientError, OSError):
                async with client.get(url) as reply:
                    if reply.status == 200:
                        return
            await asyncio.sleep(0.05)
    raise RuntimeError(f"{url} does not answer")


async def _answer(request: web.Request) -> web.Response:
    said: dict[str, Any] = json.loads(await request.read() or b"{}")
    return web.json_response({"kept": True}, status=202 if said else 200)


def main() -> None:
    """The bare server on one port, until it is ended."""
    app = web.Application()
    app.router.add_post("/console", _answer)
    app.router.add_get("/", _answer)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=lambda *_: None)


if __name__ == "__main__":
    main()
