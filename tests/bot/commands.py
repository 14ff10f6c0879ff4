"""Runs `flowpilot` commands in a thread of the test, with a screen that remembers and an environment of its own."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import dataclass
from typing import Any

from bot.cli import main
from bot.cli_screen import Screen
from demo.psa import PracticePsa
from storage.vault import new_key
from tests.conftest import Database


@dataclass(frozen=True, slots=True)
class Heard:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Flowpilot:
    """`await flowpilot("users", "list")`; settings are what the environment would hold."""

    settings: dict[str, str]

    async def __call__(
        self, *words: str, entered: str = "", secret: str | None = None, **settings: str
    ) -> Heard:
        out, err = io.StringIO(), io.StringIO()
        stdin = Terminal() if secret is not None else io.StringIO(entered)
        screen = Screen(out, err, stdin, lambda _: secret or "")
        environment = {**self.settings, **settings}
        status = await asyncio.to_thread(main, list(words), environment, screen)
        heard = Heard(status, out.getvalue(), err.getvalue())
        assert "Traceback" not in heard.out + heard.err
        return heard

    async def does(self, *words: str, **more: Any) -> Heard:
        """One that must work."""
        heard = await self(*words, **more)
        assert heard.status == 0, heard.err or heard.out
        return heard

    async def refuses(self, *words: str, status: int = 1, **more: Any) -> str:
        """One that must not; what it said."""
        heard = await self(*words, **more)
        assert heard.status == status, heard
        return heard.err

    async def connect(self, psa: PracticePsa, **changes: str) -> Heard:
        """With the practice keys, or with the ones that are given instead."""
        known = {
            "host": psa.url,
            "company": psa.settings.company,
            "public-key": psa.settings.public_key,
            "private-key": psa.settings.private_key,
            "client-id": psa.settings.client_id,
        }
        chosen = {**known, **{name.replace("_", "-"): value for name, value in changes.items()}}
        words = [word for name, value in chosen.items() for word in (f"--{name}", value)]
        return await self("connect", "connectwise", *words)


def settings_of(database: Database, redis_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database.app_url,
        "DATABASE_OWNER_URL": database.owner_url,
        "REDIS_URL": redis_url,
        "FLOWPILOT_KEYS": new_key(),
        "FLOWPILOT_PSA_ALLOW_HOSTS": "127.0.0.1",
    }


async def with_account(flowpilot: Flowpilot) -> Flowpilot:
    """With one account, whose Admin is Anna: in the practice ConnectWise she is a Member."""
    await flowpilot.does("accounts", "create", "Nordlicht IT", "--admin", "anna@practice.example")
    return flowpilot
