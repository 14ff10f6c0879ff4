"""A throwaway desk of real processes: PostgreSQL, Valkey, a practice ConnectWise, webs, workers and clocks."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp

from bench.chaos_processes import CLONE, Process, Processes
from bot.practice_account import SETTINGS, seed
from bot.practice_memory import Kept, free_port, read_or_make
from bot.practice_model import without
from storage import embedded
from storage.embedded_ground import prepare
from storage.embedded_processes import recorded_pid, wait_until
from storage.migrate import migrate
from storage.store import Store
from storage.vault import Vault

DEADLINE, SETTLE, LEASE = 1.5, 5.0, 3.0
SHORT_WAITS = {
    "FLOWPILOT_PSA_TIMEOUT_SECONDS": "3",
    "FLOWPILOT_PSA_DEADLINE_SECONDS": str(DEADLINE),
    "FLOWPILOT_PSA_SETTLE_SECONDS": str(SETTLE),
    "FLOWPILOT_PSA_RETRY_SECONDS": "2",
    "FLOWPILOT_LEASE_SECONDS": str(LEASE),
    "FLOWPILOT_SWEEP_SECONDS": "0.5",
    "FLOWPILOT_TALK_SLOTS": "12",
    "FLOWPILOT_WORK_SLOTS": "32",
    "FLOWPILOT_LOG_LEVEL": "WARNING",
}
PROBLEMS = (
    "Printer on the second floor prints nothing",
    "Outlook keeps asking for the password",
    "VPN does not connect since this morning",
    "Laptop is very slow after the update",
    "No internet in the meeting room",
    "Shared drive S: is gone",
    "Teams call has no sound",
    "Account is locked out",
)


@dataclass(slots=True)
class ThrowawayDesk:
    """`urls` are the web processes; `store` sees the database as the application does."""

    folder: Path
    kept: Kept
    servers: list[embedded.Servers]
    store: Store
    processes: Processes
    urls: tuple[str, ...]
    psa: str
    users: dict[str, UUID] = field(default_factory=dict)

    @property
    def account(self) -> UUID:
        return UUID(self.kept.account)

    async def crash_postgres(self) -> bool:
        """SIGKILL for the postmaster, then a start over what it left; False where it was not running."""
        ground = await asyncio.to_thread(prepare, self.folder)
        pid = recorded_pid(ground.database / "postmaster.pid")
        if pid is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self.servers.append(await asyncio.to_thread(embedded.start, self.folder))
        return True

    async def practice(self, method: str, path: str, body: Any = None) -> Any:
        """A word with the practice ConnectWise's control."""
        async with (
            aiohttp.ClientSession() as client,
            client.request(method, f"{self.psa}/_practice/{path}", json=body) as reply,
        ):
            if reply.status >= 400:
                raise RuntimeError(f"practice {path}: {reply.status} {await reply.text()}")
            return await reply.json() if reply.status != 204 else None

    async def until_it_answers(self, url: str, seconds: float = 60) -> None:
        ends = asyncio.get_running_loop().time() + seconds
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as client:
            while asyncio.get_running_loop().time() < ends:
                with suppress(aiohttp.ClientError, OSError, TimeoutError):
                    async with client.get(url) as reply:
                        if reply.status == 200:
                            return
                await asyncio.sleep(0.05)
        raise RuntimeError(f"{url} does not answer; the logs are in {self.folder}")


@asynccontextmanager
async def throwaway_desk(
    *, webs: int = 2, workers: int = 2, clocks: int = 2, settings: dict[str, str] | None = None
) -> AsyncIterator[ThrowawayDesk]:
    """Starts everything in a temporary folder; ends every process by its pid and deletes the folder."""
    folder = Path(tempfile.mkdtemp(prefix="flowpilot-chaos-"))
    kept = read_or_make(folder)
    psa = await _start_psa(folder, kept.psa_port)
    servers = [await asyncio.to_thread(embedded.start, folder)]
    role = urlsplit(servers[0].database_url).username or ""
    await asyncio.to_thread(migrate, servers[0].owner_database_url, role)
    environment = _environment(kept, servers[0], settings or {})
    processes = Processes(folder, environment)
    store = Store(servers[0].database_url, Vault([kept.keys]), pool_size=4)
    urls = tuple(f"http://127.0.0.1:{free_port(0)}" for _ in range(webs))
    desk = ThrowawayDesk(folder, kept, servers, store, processes, urls, f"http://127.0.0.1:{kept.psa_port}")
    try:
        await desk.until_it_answers(f"{desk.psa}/_practice/settings")
        await _seed(desk)
        await processes.open()
        _start_all(desk, workers, clocks)
        for url in urls:
            await desk.until_it_answers(f"{url}/health")
        yield desk
    finally:
        await processes.close()
        await store.close()
        psa.kill()  # what it would still keep is deleted with the folder
        await psa.wait()
        await asyncio.to_thread(_remove, desk)


async def _start_psa(folder: Path, port: int) -> asyncio.subprocess.Process:
    command = ["-m", "demo.psa", "--state", str(folder / "psa.jsonl"), "--port", str(port)]
    with (folder / "psa.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable, *command, cwd=CLONE, stdout=log, stderr=log, start_new_session=True
        )


def _environment(kept: Kept, servers: embedded.Servers, more: dict[str, str]) -> dict[str, str]:
    return {
        **without(os.environ),  # noqa: TID251 - this builds processes' environments
        **SHORT_WAITS,
        "DATABASE_URL": servers.database_url,
        "DATABASE_OWNER_URL": servers.owner_database_url,
        "REDIS_URL": servers.redis_url,
        "FLOWPILOT_KEYS": kept.keys,
        "FLOWPILOT_HOST": "127.0.0.1",
        "FLOWPILOT_PSA_ALLOW_HOSTS": f"127.0.0.1:{kept.psa_port}",
        **more,
    }


def _start_all(desk: ThrowawayDesk, workers: int, clocks: int) -> None:
    for number, url in enumerate(desk.urls, 1):
        port = {"FLOWPILOT_PORT": url.rpartition(":")[2]}
        desk.processes.start(Process(f"web-{number}", "web", ["web"], port))
    for kind, count in (("worker", workers), ("clock", clocks)):
        for number in range(1, count + 1):
            desk.processes.start(Process(f"{kind}-{number}", kind, [kind], {}))


async def _seed(desk: ThrowawayDesk) -> None:
    """The practice account; its parts go out by themselves, so that all of them can be counted."""
    await seed(desk.servers[0].database_url, desk.kept, desk.psa)
    chosen = {**SETTINGS.to_json(), "time_entries": "automatic", "review_before_push": False}
    async with desk.store.transaction(desk.account) as unit:
        for user in await unit.accounts.users():
            desk.users[(user.email or "").partition("@")[0]] = user.id
        for known in await unit.accounts.connections():
            await unit.accounts.change_connection(known.id, flowpilot_settings=chosen)


def _remove(desk: ThrowawayDesk) -> None:
    for servers in desk.servers:
        servers.stop()

    def gone() -> bool:
        with suppress(embedded.EmbeddedError):
            embedded.remove(desk.folder)
            return True
        return False

    wait_until(gone, 10)
    shutil.rmtree(desk.folder, ignore_errors=True)
