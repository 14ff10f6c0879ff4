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
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.bot.commands import settings_of
from tests.conftest import Database
from tests.nursery import Child, nursery

CLONE = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
READY = {"web": "web listens on", "clock": "clock runs", "worker": "worker runs"}


@dataclass(slots=True)
class Running:
    """A process and the file it writes to."""

    process: Child | asyncio.subprocess.Process
    log: Path

    def said(self) -> str:
        return self.log.read_text()

    async def says(self, words: str) -> str:
        """The line that holds them."""
        ends = asyncio.get_running_loop().time() + PATIENCE
        while not (found := [line for line in self.said().splitlines() if words in line]):
            assert self.process.returncode is None, f"it ended without saying: {words}"
            assert asyncio.get_running_loop().time() < ends, f"it never said: {words}"
            await asyncio.sleep(0.01)
        return found[0]

    async def ends(self) -> int:
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


@asynccontextmanager
async def running(command: str, settings: dict[str, str], log: Path, **more: str) -> AsyncIterator[Running]:
    """Forked, as what happens from the first line of bot.cli on is the same; with a parent's pipe from the command line."""
    begun: Child | asyncio.subprocess.Process
    if "FLOWPILOT_PARENT_FD" in more:
        begun = await _from_the_command_line(command, {**settings, **more}, log)
    else:
        begun = await asyncio.to_thread(nursery().start, [command], {**settings, **more}, log)
    try:
        yield Running(begun, log)
    finally:
        if begun.returncode is None:
            begun.send_signal(signal.SIGKILL)
        await begun.wait()


async def _from_the_command_line(
    command: str, settings: dict[str, str], log: Path
) -> asyncio.subprocess.Process:
    with log.open("ab") as out:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot.cli", command),
            cwd=CLONE,
            env={"PATH": os.defpath, **settings},
            stderr=out,
            pass_fds=[int(settings["FLOWPILOT_PARENT_FD"])],
        )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.mark.parametrize("command", ["web", "worker", "clock"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_each_process_runs_until_it_is_told_to_stop(
    database: Database, redis_url: str, log: Path, command: str, number: signal.Signals
) -> None:
    async with running(command, settings_of(database, redis_url), log, FLOWPILOT_PORT="0") as one:
        await one.says(READY[command])
        one.process.send_signal(number)
        assert await one.ends() == 0
    assert "Traceback" not in one.said()


async def test_the_web_process_answers_where_it_says(database: Database, redis_url: str, log: Path) -> None:
    async with running("web", settings_of(database, redis_url), log, FLOWPILOT_PORT="0") as one:
        line = await one.says("web listens on")
        url = re.findall(r"http://[\d.]+:\d+", line)[0]
        async with aiohttp.ClientSession() as client, client.get(f"{url}/health") as reply:
            assert reply.status == 200


async def test_a_port_in_use_is_a_sentence_and_2(database: Database, redis_url: str, log: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        async with running("web", settings_of(database, redis_url), log, FLOWPILOT_PORT=port) as one:
            assert await one.ends() == 2
    assert f"Something else listens on 127.0.0.1:{port} already" in one.said()
    assert "Traceback" not in one.said()


async def test_an_address_of_another_machine_is_a_sentence_and_2(
    database: Database, redis_url: str, log: Path
) -> None:
    settings = settings_of(database, redis_url)
    async with running("web", settings, log, FLOWPILOT_HOST="192.0.2.1", FLOWPILOT_PORT="0") as one:
        assert await one.ends() == 2
    assert "no address of this machine" in one.said()


async def test_listening_beyond_this_machine_is_warned_of_and_allowed(
    database: Database, redis_url: str, log: Path
) -> None:
    settings = settings_of(database, redis_url)
    async with running("web", settings, log, FLOWPILOT_HOST="0.0.0.0", FLOWPILOT_PORT="0") as one:  # noqa: S104
        assert "TLS proxy" in await one.says("other machines")
        one.process.send_signal(signal.SIGTERM)
        assert await one.ends() == 0


@pytest.mark.parametrize("command", ["web", "worker", "clock"])
async def test_each_process_ends_with_the_one_that_started_it(
    database: Database, redis_url: str, log: Path, command: str
) -> None:
    reading, writing = os.pipe()
    settings = settings_of(database, redis_url)
    async with running(command, settings, log, FLOWPILOT_PORT="0", FLOWPILOT_PARENT_FD=str(reading)) as one:
        os.close(reading)
        await one.says(READY[command])
        os.close(writing)
        assert await one.ends() == 0
