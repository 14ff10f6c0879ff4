"""Claude's client against a server that nobody here wrote; it takes wrong requests too, so it proves only that answers are read."""

from __future__ import annotations

import asyncio
import fcntl
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from engine.model import Failure, ModelFailed, StopReason, Usage
from storage.embedded_processes import locked
from tests.contracts.claude_wire import call, client_at

NAME, VERSION = "@copilotkit/aimock", "1.43.0"
INTEGRITY = "sha512-V8D8cjSMtAR4rHaD2ulp3DR/ZguXQjDNOqwKDNvjb/OJL/KR1I0SDf5xpRCd+TYKjhmf9fM8Xpg3QBKPmV9Kmw=="
FOLDER = Path(__file__).resolve().parents[2] / ".data" / "node" / f"aimock-{VERSION}"
PROGRAM = FOLDER / "node_modules" / NAME / "dist" / "cli.js"
INSTALL_SECONDS = 120
LOCK = {
    "name": "flowpilot-tests",
    "lockfileVersion": 3,
    "requires": True,
    "packages": {
        "": {"name": "flowpilot-tests", "dependencies": {NAME: VERSION}},
        f"node_modules/{NAME}": {"version": VERSION, "integrity": INTEGRITY},
    },
}
LONG = json.dumps({"say": "Is it on? " * 20})
FIXTURES = {
    "fixtures": [
        {
            "match": {"userMessage": "The printer is silent."},
            "response": {
                "content": '{"say": "Is it on? ⟦DEVICE_1⟧"}',
                "reasoning": "The cheapest check first.",
                "usage": {"input_tokens": 11, "output_tokens": 7},
            },
        },
        {"match": {"userMessage": "Torn."}, "response": {"content": LONG}, "truncateAfterChunks": 5},
        {
            "match": {"userMessage": "Busy."},
            "response": {
                "error": {"message": "slow down", "type": "rate_limit_error"},
                "status": 429,
                "retryAfter": 90,
            },
        },
        *(
            {
                "match": {"userMessage": f"Code {status}."},
                "response": {"error": {"message": "x"}, "status": status},
            }
            for status in (401, 402, 403, 413, 500, 529)
        ),
    ]
}


def version_of(program: str) -> tuple[int, ...]:
    said = subprocess.run(
        [program, "--version"], capture_output=True, text=True, timeout=20, check=False
    ).stdout
    return tuple(int(part) for part in re.findall(r"\d+", said)[:2])


def installed() -> None:
    """Once per clone, exactly these bytes, without any script of the package. Skips by name where it cannot be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None or version_of(node) < (20, 15):
        pytest.skip("Node 20.15 with npm is not here, which @copilotkit/aimock needs")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with locked(FOLDER / "install.lock", fcntl.LOCK_EX):
        whole = FOLDER / "whole"
        if whole.exists():
            return
        (FOLDER / "package.json").write_text(
            json.dumps({"name": "flowpilot-tests", "private": True, "dependencies": {NAME: VERSION}})
        )
        (FOLDER / "package-lock.json").write_text(json.dumps(LOCK))
        quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0", "--fetch-timeout=20000")
        try:
            subprocess.run(
                [npm, "ci", *quiet], cwd=FOLDER, capture_output=True, timeout=INSTALL_SECONDS, check=True
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as failed:
            pytest.skip(f"npm could not fetch @copilotkit/aimock {VERSION}: {type(failed).__name__}")
        whole.touch()


@asynccontextmanager
async def aimock(fixtures: Path) -> AsyncIterator[str]:
    """Its address, on this machine alone; ended at the end."""
    process = await asyncio.create_subprocess_exec(
        *("node", str(PROGRAM), "--strict", "--fixtures", str(fixtures)),
        *("--host", "127.0.0.1", "--port", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            while not (
                found := re.search(rb"http://127\.0\.0\.1:\d+", line := await process.stdout.readline())
            ):
                assert line, "it ended without saying where it listens"
        yield found[0].decode()
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    await asyncio.to_thread(installed)
    fixtures = tmp_path / "fixtures.json"
    fixtures.write_text(json.dumps(FIXTURES))
    async with aimock(fixtures) as address:
        yield address


async def test_another_makers_messages_api_is_understood(url: str) -> None:
    async with client_at(url) as claude:
        heard = await claude.ask(call("The printer is silent."))
        assert (heard.text, heard.stop_reason) == ('{"say": "Is it on? ⟦DEVICE_1⟧"}', StopReason.END_TURN)
        assert heard.usage == Usage(input=11, output=7)
        assert heard.message_id.startswith("msg_")
        failures = {}
        for said in ("Torn.", "Busy.", *(f"Code {status}." for status in (401, 402, 403, 413, 500, 529))):
            with pytest.raises(ModelFailed) as failed:
                await claude.ask(call(said))
            failures[said] = failed.value
    assert failures["Busy."].retry_after == 90
    assert {said: failed.failure for said, failed in failures.items()} == {
        "Torn.": Failure.CONNECTION,
        "Busy.": Failure.BUSY,
        "Code 401.": Failure.KEY_REFUSED,
        "Code 402.": Failure.UNPAID,
        "Code 403.": Failure.FORBIDDEN,
        "Code 413.": Failure.TOO_LARGE,
        "Code 500.": Failure.OVERLOADED,
        "Code 529.": Failure.OVERLOADED,
    }
