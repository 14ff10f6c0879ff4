"""What the measurements stand on: a throwaway PostgreSQL and Valkey with one Account and one technician."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from bot import wiring
from bot.practice_model import without
from bot.settings import Settings
from bot.web import token_id
from engine.effects import Lane
from engine.ports import Raw
from engine.session import Role
from storage import embedded
from storage.migrate import migrate
from storage.store import Store
from storage.vault import Vault, new_key

TOKEN = "a-token-that-is-only-used-here"  # noqa: S105 - for a database that lives a minute


class Quiet:
    """A bell that wakes nobody: a measurement calls what it measures by itself."""

    def ring(self, account: UUID, subject: UUID, lane: Lane, after: timedelta = timedelta()) -> None: ...

    def ring_inbox(self, order_key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Ground:
    """`settings` lead to the servers; `owner_url` may create tables."""

    folder: Path
    settings: Settings
    owner_url: str
    account: UUID
    user: UUID

    def environment(self) -> dict[str, str]:
        """For a process of the product's own."""
        return {
            **without(os.environ),  # noqa: TID251 - this builds processes' environments
            "DATABASE_URL": self.settings.database_url,
            "REDIS_URL": self.settings.redis_url,
            "FLOWPILOT_KEYS": self.settings.keys,
            "FLOWPILOT_LOG_LEVEL": "WARNING",
        }

    async def build(self) -> wiring.Parts:
        return await wiring.build(self.settings, Quiet())


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    """Everything is deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix="flowpilot-bench-"))
    servers = await asyncio.to_thread(embedded.start, folder)
    try:
        role = urlsplit(servers.database_url).username or ""
        await asyncio.to_thread(migrate, servers.owner_database_url, role)
        settings = Settings(
            database_url=servers.database_url,
            redis_url=servers.redis_url,
            keys=new_key(),
            log_level="WARNING",
        )
        account = uuid4()
        user = await _people(settings, account)
        yield Ground(folder, settings, servers.owner_database_url, account, user)
    finally:
        servers.stop()
        await asyncio.to_thread(embedded.remove, folder)
        shutil.rmtree(folder, ignore_errors=True)


async def _people(settings: Settings, account: UUID) -> UUID:
    store = Store(settings.database_url, Vault(settings.key_ring), pool_size=1)
    async with store.transaction(account) as unit:
        await unit.accounts.create("Bench")
        user = await unit.accounts.add_user("Ben Ortiz", "ben@bench.example", (Role.TECHNICIAN,))
        await unit.accounts.add_identity(user, "console", "console", token_id(TOKEN))
    await store.close()
    return user


def word(kind: str, order: str, **said: object) -> Raw:
    """A console word as the web process hands it to the desk."""
    unique = str(uuid4())
    body = {"id": unique, "kind": kind, **said}
    payload = json.dumps({"from": token_id(TOKEN), "body": body}).encode()
    return Raw("console", f"{token_id(TOKEN)}:{unique}", f"console:{order}", payload)


def percentiles(spent: Sequence[float]) -> tuple[float, float]:
    """p50 and p99 in milliseconds, of seconds."""
    cuts = statistics.quantiles(spent, n=100)
    return round(cuts[49] * 1000, 2), round(cuts[98] * 1000, 2)
