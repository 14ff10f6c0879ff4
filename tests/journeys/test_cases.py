"""The cases of demo/cases: each is played to its end on a desk of its own, and ConnectWise holds what it should."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.play_case import read_case
from bot.practice import PracticeError
from tests.journeys.desk import CLONE

CASES = sorted((CLONE / "demo" / "cases").glob("*.yaml"))
PATIENCE = 400.0


def played(case: Path, *given: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot.demo", "--play", str(case), *given]
    return subprocess.run(command, cwd=CLONE, capture_output=True, text=True, check=False, timeout=PATIENCE)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_a_case_comes_to_its_end_and_everything_stands_once_on_the_ticket(case: Path) -> None:
    done = played(case, "--json")
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
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


def test_a_case_that_does_not_reach_its_end_says_which_step_failed(tmp_path: Path) -> None:
    case = tmp_path / "case.yaml"
    steps = '[{as: anna, say: "#4711"}, {answer: An answer nobody gives, within: 8}]'
    case.write_text(f"title: T\nstory: S\nticket: 4711\nsteps: {steps}\n")
    done = played(case, "--json")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Step 2 of 2 (anna answers: An answer nobody gives) did not come to its end" in done.stderr


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
