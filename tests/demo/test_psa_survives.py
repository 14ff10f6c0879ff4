"""The practice ConnectWise as a process: ready when it says so, clean at the end, forgetting nothing."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, encode_basic_auth

from demo.psa import practice_psa
from demo.psa_caller import caller
from demo.psa_state import State

ROOT = Path(__file__).parents[2]
KEYS = {
    "Authorization": encode_basic_auth("practice+practice-public", "practice-private"),
    "clientId": "00000000-0000-4000-8000-000000000000",
}
NOTE = {"text": "Kept.", "internalAnalysisFlag": True}


@asynccontextmanager
async def running(folder: Path, *more: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    ready = folder / "ready"
    ready.unlink(missing_ok=True)
    words = (
        "-m",
        "demo.psa",
        "--port",
        "0",
        "--state",
        str(folder / "state"),
        "--ready-file",
        str(ready),
        *more,
    )
    process = await asyncio.create_subprocess_exec(sys.executable, *words, cwd=ROOT)
    try:
        async with asyncio.timeout(30):
            while not ready.exists() and process.returncode is None:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
        yield process, ready.read_text(encoding="utf-8").strip()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def hits(session: ClientSession, url: str) -> int:
    async with session.get(f"{url}/_practice/faults") as reply:
        return int((await reply.json())[0]["hits"])


async def test_what_was_answered_201_is_there_after_kill_9(tmp_path: Path) -> None:
    async with ClientSession(headers=KEYS) as session:
        async with running(tmp_path) as (process, url):
            async with session.post(
                f"{url}/v4_6_release/apis/3.0/service/tickets/4711/notes", json=NOTE
            ) as reply:
                assert reply.status == 201
                number = (await reply.json())["id"]
            process.kill()
            await process.wait()
        async with running(tmp_path) as (_, url):
            async with session.get(
                f"{url}/v4_6_release/apis/3.0/service/tickets/4711/notes/{number}"
            ) as reply:
                assert (await reply.json())["text"] == "Kept."
            async with session.get(f"{url}/_practice/journal?method=POST") as reply:
                assert [one["wrote"][-1] for one in await reply.json()] == [f"put note {number}"]


async def test_sigterm_ends_it_cleanly_even_while_a_reply_is_held_back(tmp_path: Path) -> None:
    async with running(tmp_path) as (process, url), ClientSession(headers=KEYS) as session:
        async with session.put(
            f"{url}/_practice/faults", json=[{"kind": "delay", "delay_before": 60}]
        ) as reply:
            assert reply.status == 200
        waiting = asyncio.create_task(session.get(f"{url}/v4_6_release/apis/3.0/system/info").__aenter__())
        async with asyncio.timeout(20):
            while not await hits(session, url):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await process.wait() == 0
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_the_keys_can_be_set_on_the_command_line(tmp_path: Path) -> None:
    async with (
        running(tmp_path, "--private-key", "other", "--no-cloud") as (_, url),
        ClientSession(headers=KEYS) as session,
        session.get(f"{url}/v4_6_release/apis/3.0/system/info") as reply,
    ):
        assert reply.status == 401


async def test_a_line_cut_by_a_crash_is_left_out_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "state"
    async with practice_psa(state_file=path) as psa, caller(psa) as ask:
        assert (await ask("POST", "service/tickets/4711/notes", body=NOTE)).status == 201
    with path.open("a", encoding="utf-8") as file:
        file.write('{"changes":[["put","note",{"id":99')
    async with practice_psa(state_file=path) as psa:
        assert [one["text"] for one in psa.records("notes", 4711)][-1] == "Kept."
        assert psa.room.state.get("note", 99) is None


async def test_a_damaged_file_is_refused_by_name_instead_of_starting_empty(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_text("garbage\n{}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="state is damaged"):
        State(path)


async def test_numbers_stay_unique_across_a_restart_after_a_delete(tmp_path: Path) -> None:
    path = tmp_path / "state"
    async with practice_psa(state_file=path) as psa, caller(psa) as ask:
        first = (await ask("POST", "service/tickets/4711/notes", body=NOTE)).body["id"]
        await ask("DELETE", f"service/tickets/4711/notes/{first}")
    for _ in range(2):
        async with practice_psa(state_file=path):
            pass
    async with practice_psa(state_file=path) as psa, caller(psa) as ask:
        assert (await ask("POST", "service/tickets/4711/notes", body=NOTE)).body["id"] > first


async def test_every_change_of_one_request_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "state"
    async with practice_psa(state_file=path) as psa, caller(psa) as ask:
        before = len(path.read_text(encoding="utf-8").splitlines())
        body = {**NOTE, "detailDescriptionFlag": True, "processNotifications": True}
        await ask("POST", "service/tickets/4711/notes", body=body)
        lines = path.read_text(encoding="utf-8").splitlines()[before:]
    kinds = [kind for _, kind, _ in json.loads(lines[0])["changes"]]
    assert kinds == ["ticket", "note", "email", "email"]
    assert "request" in json.loads(lines[1])
