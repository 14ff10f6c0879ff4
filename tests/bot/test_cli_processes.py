"""`flowpilot web`, `worker` and `clock` as processes: they start, end with 0 when told to, and refuse in a sentence."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.bot.commands import settings_of
from tests.conftest import Database

CLONE = Path(__file__).resolve().parents[2]
READY = {"web": "web listens on", "clock": "clock runs", "worker": "worker runs"}


@asynccontextmanager
async def running(
    command: str, settings: dict[str, str], **more: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.cli", command),
        cwd=CLONE,
        env={"PATH": os.defpath, **settings, **more},
        stderr=asyncio.subprocess.PIPE,
        pass_fds=[int(more["FLOWPILOT_PARENT_FD"])] if "FLOWPILOT_PARENT_FD" in more else (),
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_with(process: asyncio.subprocess.Process, words: str) -> str:
    assert process.stderr is not None
    async with asyncio.timeout(60):
        while words not in (line := (await process.stderr.readline()).decode()):
            assert line, f"it ended without saying: {words}"
    return line


async def ends(process: asyncio.subprocess.Process) -> tuple[int, str]:
    async with asyncio.timeout(60):
        _, said = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


@pytest.mark.parametrize("command", ["web", "worker", "clock"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_each_process_runs_until_it_is_told_to_stop(
    database: Database, redis_url: str, command: str, number: signal.Signals
) -> None:
    async with running(command, settings_of(database, redis_url), FLOWPILOT_PORT="0") as process:
        await line_with(process, READY[command])
        process.send_signal(number)
        status, said = await ends(process)
    assert status == 0
    assert "Traceback" not in said


async def test_the_web_process_answers_where_it_says(database: Database, redis_url: str) -> None:
    async with running("web", settings_of(database, redis_url), FLOWPILOT_PORT="0") as process:
        line = await line_with(process, "web listens on")
        url = re.findall(r"http://[\d.]+:\d+", line)[0]
        async with aiohttp.ClientSession() as client, client.get(f"{url}/health") as reply:
            assert reply.status == 200


async def test_a_port_in_use_is_a_sentence_and_2(database: Database, redis_url: str) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        async with running("web", settings_of(database, redis_url), FLOWPILOT_PORT=port) as process:
            status, said = await ends(process)
    assert status == 2
    assert f"Something else listens on 127.0.0.1:{port} already" in said
    assert "Traceback" not in said


async def test_an_address_of_another_machine_is_a_sentence_and_2(database: Database, redis_url: str) -> None:
    settings = settings_of(database, redis_url)
    async with running("web", settings, FLOWPILOT_HOST="192.0.2.1", FLOWPILOT_PORT="0") as process:
        status, said = await ends(process)
    assert status == 2
    assert "no address of this machine" in said


async def test_listening_beyond_this_machine_is_warned_of_and_allowed(
    database: Database, redis_url: str
) -> None:
    settings = settings_of(database, redis_url)
    async with running("web", settings, FLOWPILOT_HOST="0.0.0.0", FLOWPILOT_PORT="0") as process:  # noqa: S104
        assert "TLS proxy" in await line_with(process, "other machines")
        process.send_signal(signal.SIGTERM)
        assert (await ends(process))[0] == 0


@pytest.mark.parametrize("command", ["web", "worker", "clock"])
async def test_each_process_ends_with_the_one_that_started_it(
    database: Database, redis_url: str, command: str
) -> None:
    reading, writing = os.pipe()
    settings = settings_of(database, redis_url)
    async with running(command, settings, FLOWPILOT_PORT="0", FLOWPILOT_PARENT_FD=str(reading)) as process:
        os.close(reading)
        await line_with(process, READY[command])
        os.close(writing)
        assert (await ends(process))[0] == 0
