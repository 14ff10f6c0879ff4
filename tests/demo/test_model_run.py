"""The practice model as a program of its own, and how much it costs to ask it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from time import process_time

import pytest
from aiohttp import ClientSession

from demo.model import practice_model
from demo.model_caller import HOUR, caller, shaped, text, user
from demo.model_script import read_folder
from engine.guide_schemas import TURN

CLONE = Path(__file__).resolve().parents[2]


async def test_the_program_says_where_it_listens_and_stops_when_told(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    command = [
        "-m",
        "demo.model",
        "--port",
        "0",
        "--ready-file",
        str(ready),
        "--latency-seconds",
        "0",
        "--obedient",
    ]
    program = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=CLONE, stdout=asyncio.subprocess.PIPE
    )
    assert program.stdout is not None
    async with asyncio.timeout(30):
        said = (await program.stdout.readline()).decode()
        url = ready.read_text().strip()
        assert url in said
        async with ClientSession() as session, session.get(f"{url}/_practice/settings") as response:
            assert (await response.json())["obedient"] is True
        program.terminate()
        assert await program.wait() == 0


async def test_an_answer_costs_far_less_than_it_takes_to_look_at_it() -> None:
    """Both sides of 40 requests with a prompt of 20,000 tokens; by the processor's time, not the clock's."""
    system = [text("s " * 40_000, cache_control=HOUR)]
    async with practice_model() as model, caller(model) as ask:
        await ask(user("Hello"), system=system, output_config=shaped(TURN), stream=True)
        before = process_time()
        for _ in range(40):
            await ask(user("Hello"), system=system, output_config=shaped(TURN), stream=True)
        assert (process_time() - before) / 40 < 0.05


def test_the_written_conversations_can_be_read() -> None:
    assert {script.when for script in read_folder(CLONE / "demo" / "model_scripts")} == {
        "label printer",
        "filing deadline at four",
    }


def test_a_file_that_is_no_conversation_is_named(tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text('{"when": "x", "answers": []}')
    with pytest.raises(ValueError, match=r"odd\.json is no script"):
        list(read_folder(tmp_path))
