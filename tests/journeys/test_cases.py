"""The cases of demo/cases: each is played to its end, and ConnectWise holds what it should."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot import practice
from bot.play import play_at
from bot.play_case import Case, read_case
from bot.practice import Desk, PracticeError
from tests.journeys.desk import CLONE

CASES = sorted((CLONE / "demo" / "cases").glob("*.yaml"))
BY_COMMAND = next(path for path in CASES if path.stem == "a_pasted_log")
"""Its ticket is that of another case, so that it could not stay on one desk with it."""
ON_ONE_DESK = [path for path in CASES if path != BY_COMMAND]
PATIENCE = 400.0
SHORTER_WAITS = {
    "FLOWPILOT_PSA_TIMEOUT_SECONDS": "2",
    "FLOWPILOT_PSA_DEADLINE_SECONDS": "1.5",
    "FLOWPILOT_PSA_SETTLE_SECONDS": "4",
    "FLOWPILOT_PSA_RETRY_SECONDS": "2",
    "FLOWPILOT_SWEEP_SECONDS": "0.5",
}


class OpenDesk:
    """A practice desk that runs, and a way to play a case there."""

    def __init__(self, runner: asyncio.Runner, desk: Desk) -> None:
        self._runner = runner
        self._desk = desk

    def play(self, case: Path) -> int:
        """On sample tickets as they are at first; no fault of an earlier case is left."""
        return self._runner.run(self._play(read_case(case)))

    async def _play(self, case: Case) -> int:
        async with aiohttp.ClientSession(raise_for_status=True) as client:
            await client.post(f"{self._desk.psa}/_practice/reset")
        return await play_at(self._desk, case, as_json=True)


@pytest.fixture(scope="module")
def desk() -> Iterator[OpenDesk]:
    """One for all cases of a test process: its start costs more than a case."""
    with tempfile.TemporaryDirectory(prefix="fp-", dir="/tmp") as name, asyncio.Runner() as runner:
        host = practice.spawn(Path(name) / "desk", throwaway=True, settings=SHORTER_WAITS)
        line = runner.run(practice.attach(Path(name) / "desk", host=host))
        try:
            yield OpenDesk(runner, line.desk)
        finally:
            line.close()
            runner.run(asyncio.sleep(0))
            host.wait(PATIENCE)


def check(case: Path, told: str) -> None:
    """The one JSON object of a case that came to its end."""
    result: dict[str, Any] = json.loads(told)
    assert set(result) == {"session", "ticket", "pushes"}
    assert result["session"]["status"] == "resolved"
    assert result["ticket"]["id"] == read_case(case).ticket
    assert result["ticket"]["status"]["name"] == "Completed"
    assert result["pushes"]
    assert all(push["state"] == "posted" for push in result["pushes"])
    for kind, rows in (("note", result["ticket"]["notes"]), ("time", result["ticket"]["timeEntries"])):
        owed = [push["external_id"] for push in result["pushes"] if push["kind"] == kind]
        ours = [str(row["id"]) for row in rows if "[fp:" in f"{row.get('text')}{row.get('internalNotes')}"]
        assert sorted(owed) == sorted(ours)


@pytest.mark.parametrize("case", ON_ONE_DESK, ids=lambda path: path.stem)
def test_a_case_comes_to_its_end_and_everything_stands_once_on_the_ticket(
    case: Path, desk: OpenDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    status = desk.play(case)
    told = capsys.readouterr()
    assert status == 0, told.err
    check(case, told.out)


def test_the_command_line_plays_a_case_on_a_desk_of_its_own_and_gives_its_result() -> None:
    command = [sys.executable, "-m", "bot.demo", "--play", str(BY_COMMAND), "--json"]
    done = subprocess.run(command, cwd=CLONE, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    check(BY_COMMAND, done.stdout)


def test_a_case_that_does_not_reach_its_end_says_which_step_failed(
    tmp_path: Path, desk: OpenDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    case = tmp_path / "case.yaml"
    steps = '[{as: anna, say: "help"}, {answer: An answer nobody gives, within: 2}]'
    case.write_text(f"title: T\nstory: S\nticket: 4711\nsteps: {steps}\n")
    assert desk.play(case) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "Step 2 of 2 (anna answers: An answer nobody gives) did not come to its end" in told.err


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        ('{as: anna, say: "x", click: pause}', "name exactly one of"),
        ("{as: dora, say: x}", "steps.0.as"),
        ("{as: anna, says: x}", "steps.0.says"),
        ("{as: anna}", "name exactly one of"),
    ],
)
def test_a_mistake_in_a_case_is_named_with_its_place(tmp_path: Path, step: str, complaint: str) -> None:
    case = tmp_path / "case.yaml"
    case.write_text(f"title: T\nstory: S\nticket: 4711\nsteps: [{step}]\n")
    with pytest.raises(PracticeError, match=complaint):
        read_case(case)


def test_there_are_cases_for_every_way_a_session_goes() -> None:
    titles = [read_case(path).title for path in CASES]
    assert len(titles) >= 5
    assert len(set(titles)) == len(titles)


def test_no_two_cases_of_the_shared_desk_have_the_same_ticket() -> None:
    tickets = [read_case(path).ticket for path in ON_ONE_DESK]
    assert len(set(tickets)) == len(tickets)
