"""The vendors' SDKs take seconds and much memory to load: only a process that needs one loads it, once it runs."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from bot.settings import Settings
from bot.wiring import build, language_model
from engine.model import Model
from storage.vault import new_key
from tests.bot.commands import settings_of
from tests.conftest import Database

CLONE = Path(__file__).resolve().parents[2]
KEY = {"ANTHROPIC_API_KEY": "practice-key", "ANTHROPIC_BASE_URL": "http://127.0.0.1:1"}
READY = {"web": "web listens on", "clock": "clock runs", "worker": "worker runs"}
LOADED = """
import sys
from contextlib import suppress
import engine.clients.claude, bot.cli, bot.cli_claude, bot.console, bot.web, bot.clock, bot.jobs, bot.wiring
import bot.teams.adapter, bot.teams.text, storage.token_cache
with suppress(SystemExit):
    bot.cli.main(["--help"])
sdks = {"anthropic", "httpx2", "botbuilder", "botframework", "msal", "msrest", "requests"}
print("loaded:", (sdks | {"bot.wiring"}) & set(sys.modules))
"""


def test_no_module_of_ours_loads_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=CLONE, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "loaded: {'bot.wiring'}"


async def imported_by(command: str, settings: dict[str, str]) -> str:
    """What Python says it imports until the process is ready and told to end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "importtime", "-m", "bot.cli", command),
        cwd=CLONE,
        env={"PATH": os.defpath, "FLOWPILOT_PORT": "0", **settings},
        stderr=asyncio.subprocess.PIPE,
    )
    said = ""
    try:
        assert process.stderr is not None
        async with asyncio.timeout(60):
            while READY[command] not in said:
                line = (await process.stderr.readline()).decode()
                assert line, "it ended without saying that it is ready"
                said += line
            process.send_signal(signal.SIGTERM)
            said += (await process.communicate())[1].decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert process.returncode == 0
    return said


async def test_no_process_loads_it_while_it_starts_not_even_with_a_key(
    database: Database, redis_url: str
) -> None:
    settings = {**settings_of(database, redis_url), **KEY}
    for said in await asyncio.gather(*(imported_by(command, settings) for command in READY)):
        assert "bot.settings_check" in said
        assert "anthropic" not in said
        assert "botbuilder" not in said
        assert "msrest" not in said


async def test_a_process_holds_a_model_only_with_a_key_and_closes_it(
    database: Database, redis_url: str
) -> None:
    with_key = Settings(
        database_url=database.app_url, redis_url=redis_url, keys=new_key(), anthropic_api_key="practice-key"
    )
    parts = await build(with_key)
    try:
        assert parts.model is not None
    finally:
        await parts.close()
    assert language_model(Settings()) is None


def test_the_client_is_a_model() -> None:
    from engine.clients.claude import Claude  # noqa: PLC0415

    model: Model = Claude("practice-key", now=lambda: datetime.now(UTC))
    assert callable(model.ask)
