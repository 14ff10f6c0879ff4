"""The practice desk's host: starts servers and processes, lives as long as a terminal is attached, stops them all."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import redis

from bot import practice_ground as ground
from bot import practice_model
from bot.practice import CLONE, PracticeError, host_file, socket_path
from bot.practice_children import Children, Program
from bot.practice_memory import Kept, read_or_make
from storage import embedded
from storage.embedded_processes import last_lines
from storage.embedded_secrets import write_private

log = logging.getLogger("flowpilot.practice")

FIRST_TERMINAL_SECONDS = 20.0
GRACE_SECONDS = 0.3
READY_SECONDS = 60.0
LOOK_SECONDS = 2.0
SHORT_WAITS = {
    "FLOWPILOT_PSA_TIMEOUT_SECONDS": "4",
    "FLOWPILOT_PSA_DEADLINE_SECONDS": "4",
    "FLOWPILOT_PSA_SETTLE_SECONDS": "7",
    "FLOWPILOT_PSA_RETRY_SECONDS": "10",
    "FLOWPILOT_LEASE_SECONDS": "10",
    "FLOWPILOT_SWEEP_SECONDS": "1",
}


class Host:
    """One per folder. `throwaway`: everything is deleted at the end. `settings` go over the practice desk's own.

    `model` is one of MODELS; Claude only where there is a key in the environment.
    """

    def __init__(self, folder: Path, *, throwaway: bool, settings: Mapping[str, str], model: str) -> None:
        self._folder = folder
        self._settings = settings
        self._throwaway = throwaway
        self._given: dict[str, str] = dict(os.environ)  # noqa: TID251 - builds its children's environments
        self._servers: list[embedded.Servers] = []
        self._terminals: set[asyncio.StreamWriter] = set()
        self._told: list[dict[str, Any]] = []
        self._ended = asyncio.Event()
        self._model = practice_model.possible(model, self._given)
        self._children = Children(folder, practice_model.without(self._given))
        self._failed = False

    async def run(self) -> int:
        """Until the last terminal is gone, or until told to stop. Returns the exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._ended.set)
        socket = socket_path(self._folder)
        socket.unlink(missing_ok=True)
        os.umask(0o077)
        listening = await asyncio.start_unix_server(self._terminal, path=socket)
        write_private(host_file(self._folder), json.dumps({"pid": os.getpid(), "socket": str(socket)}))
        loop.call_later(FIRST_TERMINAL_SECONDS, self._look_for_terminals)
        work = asyncio.create_task(self._work())
        await self._ended.wait()
        host_file(self._folder).unlink(missing_ok=True)
        listening.close()
        socket.unlink(missing_ok=True)
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
        await self._children.stop()
        for terminal in self._terminals:
            terminal.close()
        await asyncio.to_thread(self._stop_servers)
        return 1 if self._failed else 0

    # ── Terminals ───────────────────────────────────────────────────────────────────────────────────────────

    async def _terminal(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Held for as long as the terminal lives: the kernel closes the line however it died."""
        self._terminals.add(writer)
        for told in self._told:
            self._tell_one(writer, told)
        with suppress(OSError):
            while await reader.read(1024):
                pass
        self._terminals.discard(writer)
        writer.close()
        asyncio.get_running_loop().call_later(GRACE_SECONDS, self._look_for_terminals)

    def _look_for_terminals(self) -> None:
        if not self._terminals:
            self._ended.set()

    def _tell(self, told: dict[str, Any]) -> None:
        """To all terminals, and to those that come later; of progress only the last counts."""
        self._told = [told]
        for writer in self._terminals:
            self._tell_one(writer, told)

    @staticmethod
    def _tell_one(writer: asyncio.StreamWriter, told: dict[str, Any]) -> None:
        with suppress(OSError):
            writer.write(json.dumps(told).encode() + b"\n")

    # ── What runs ───────────────────────────────────────────────────────────────────────────────────────────

    async def _work(self) -> None:
        """Start everything, then keep the servers alive; the children keep themselves."""
        try:
            kept = await self._start()
            self._tell(
                {
                    "ready": {
                        "url": f"http://127.0.0.1:{kept.web_port}",
                        "psa": f"http://127.0.0.1:{kept.psa_port}",
                        "account": kept.account,
                        "tokens": kept.tokens,
                        "model": self._model,
                    }
                }
            )
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                await asyncio.to_thread(self._heal_servers)
        except (PracticeError, embedded.EmbeddedError, psycopg.Error, OSError) as error:
            log.warning("stopping: %s", error)
            self._failed = True
            self._tell({"failed": str(error)})
            await asyncio.sleep(GRACE_SECONDS)
            self._ended.set()

    async def _start(self) -> Kept:
        kept = read_or_make(self._folder)
        self._start_practice(kept)
        self._tell({"progress": "Starting PostgreSQL and Valkey"})
        await asyncio.to_thread(self._start_servers)
        servers = self._servers[0]
        if not await asyncio.to_thread(ground.is_migrated, servers.database_url, servers.owner_database_url):
            self._tell({"progress": "Bringing the database up to date"})
            await asyncio.to_thread(ground.migrate, servers.database_url, servers.owner_database_url)
        self._tell({"progress": "Starting web and worker"})
        self._start_processes(kept)
        psa = f"http://127.0.0.1:{kept.psa_port}"
        await self._until_it_answers("psa", kept.psa_port, "/_practice/settings")
        if self._model == practice_model.SCRIPTED:
            await self._until_it_answers("model", kept.model_port, "/_practice/settings")
        if not await asyncio.to_thread(ground.is_seeded, servers.database_url, kept.account, psa):
            self._tell({"progress": "Making the practice account"})
            await ground.seed(servers.database_url, kept, psa)
        if self._settings.get("TEAMS_DEV_NO_AUTH"):
            await ground.link_teams(servers.database_url, kept)
        await self._until_it_answers("web", kept.web_port, "/health")
        self._children.keep(self._program("clock", kept))
        return kept

    def _start_practice(self, kept: Kept) -> None:
        """What stands for the world outside."""
        orphan = ["-m", "bot.orphan", str(self._children.parent_fd)]
        state = ["--state", str(self._folder / "psa.jsonl"), "--port", str(kept.psa_port)]
        self._children.keep(Program("psa", [*orphan, "demo.psa", *state]))
        if self._model == practice_model.SCRIPTED:
            self._children.keep(Program("model", [*orphan, "demo.model", "--port", str(kept.model_port)]))

    def _start_processes(self, kept: Kept) -> None:
        """The clock comes last: nobody waits for it, and each start takes a second of both processors."""
        for name in ("web", "worker"):
            self._children.keep(self._program(name, kept))

    def _program(self, name: str, kept: Kept) -> Program:
        servers = self._servers[0]
        settings = {
            **SHORT_WAITS,
            "DATABASE_URL": servers.database_url,
            "REDIS_URL": servers.redis_url,
            "FLOWPILOT_KEYS": kept.keys,
            "FLOWPILOT_HOST": "127.0.0.1",
            "FLOWPILOT_PORT": str(kept.web_port),
            "FLOWPILOT_PSA_ALLOW_HOSTS": f"127.0.0.1:{kept.psa_port}",
            **practice_model.settings(self._model, kept.model_port, self._given),
            **self._settings,
        }
        return Program(name, ["-m", "bot.cli", name], settings)

    async def _until_it_answers(self, name: str, port: int, path: str) -> None:
        """Raises PracticeError with the end of its log when the time is up."""
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            if await answers(port, path):
                return
            await asyncio.sleep(0.05)
        end = last_lines(self._children.log_of(name))
        raise PracticeError(
            f"The {name} process does not answer. The end of {self._children.log_of(name)}:\n{end}"
        )

    # ── Servers ─────────────────────────────────────────────────────────────────────────────────────────────

    def _start_servers(self) -> None:
        self._servers.append(embedded.servers_from(self._given, self._folder))

    def _heal_servers(self) -> None:
        """Start a server that died again; ours only, and its data recovers by itself."""
        first = self._servers[0]
        if all(self._given.get(name) for name in embedded.NAMES):
            return
        try:
            psycopg.connect(first.database_url, connect_timeout=5).close()
            with redis.Redis.from_url(first.redis_url, socket_timeout=2) as bell:
                bell.ping()
        except (psycopg.Error, redis.RedisError, OSError) as away:
            log.warning("a server is away (%s); starting it again", type(away).__name__)
            self._start_servers()

    def _stop_servers(self) -> None:
        for servers in self._servers:
            with suppress(embedded.EmbeddedError):
                servers.stop()
        if self._throwaway:
            with suppress(embedded.EmbeddedError):
                embedded.remove(self._folder)
            shutil.rmtree(self._folder, ignore_errors=True)


async def answers(port: int, path: str) -> bool:
    """Whether a process on this machine answers 200 within three seconds."""
    try:
        async with asyncio.timeout(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            status = await reader.readline()
            writer.close()
    except (OSError, TimeoutError):
        return False
    return b" 200 " in status


def alone(folder: Path) -> int | None:
    """The lock of the folder's only host. None where another one is there; a host that stops is waited for."""
    handle = os.open(folder / "host.lock", os.O_RDWR | os.O_CREAT, 0o600)
    until = time.monotonic() + FIRST_TERMINAL_SECONDS
    while time.monotonic() < until:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if host_file(folder).exists():
                break
            time.sleep(0.05)
        else:
            return handle
    os.close(handle)
    return None


def _setting(given: str) -> tuple[str, str]:
    name, _, value = given.partition("=")
    return name, value


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bot.practice_host")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--throwaway", action="store_true")
    parser.add_argument("--model", choices=practice_model.MODELS, default=practice_model.OFF)
    parser.add_argument("--setting", action="append", default=[], type=_setting, metavar="NAME=VALUE")
    given = parser.parse_args(arguments)
    os.chdir(CLONE)
    logging.basicConfig(level="INFO", format="%(asctime)s %(message)s")
    handle = alone(given.data)
    if handle is None:
        return 0
    host_file(given.data).unlink(missing_ok=True)

    async def run() -> int:
        settings = dict(given.setting)
        return await Host(given.data, throwaway=given.throwaway, settings=settings, model=given.model).run()

    return asyncio.run(run())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
