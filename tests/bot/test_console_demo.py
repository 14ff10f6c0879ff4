"""The first screen of the practice desk, and who answers at it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from bot import practice_model
from bot.demo import arguments, main, welcome
from bot.practice import FOLDER, Desk
from bot.practice_model import CLAUDE, MODELS, OFF, SCRIPTED
from tests.conftest import without_keys

KEY = {practice_model.KEY: "sk-somebody", "ANTHROPIC_BASE_URL": "https://gateway.example"}


def desk(model: str = OFF) -> Desk:
    return Desk("", "http://127.0.0.1:1", "", {}, model)


def second_person(folder: Path) -> list[str]:
    line = next(
        line for line in welcome("Anna Keller", "anna", desk(), folder).splitlines() if "--as" in line
    )
    return shlex.split(line.partition("./dev demo ")[2].partition("   ")[0])


def test_the_command_for_a_second_person_leads_to_the_same_desk(tmp_path: Path) -> None:
    folder = tmp_path / "a desk"
    assert arguments(second_person(folder)).data == folder
    assert arguments(second_person(folder)).who == "ben"


def test_the_usual_desk_needs_no_folder_in_the_command() -> None:
    assert second_person(FOLDER) == ["--as", "ben"]


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (OFF, "samples, and nothing leaves this computer."),
        (SCRIPTED, "A scripted model answers: nothing leaves this computer."),
        (CLAUDE, "Claude answers: what you type leaves this computer, masked."),
    ],
)
def test_the_first_screen_says_what_leaves_this_computer(model: str, sentence: str) -> None:
    screen = welcome("Anna Keller", "anna", desk(model))
    assert [line for line in screen.splitlines() if line.endswith(sentence)]
    assert len([line for line in screen.splitlines() if "leaves this computer" in line]) == 1


def test_a_key_in_the_environment_is_used_unless_the_person_says_otherwise() -> None:
    assert practice_model.chosen(None, {}) == OFF
    assert practice_model.chosen(None, KEY) == CLAUDE
    assert [practice_model.chosen(each, KEY) for each in MODELS] == list(MODELS)
    assert practice_model.possible(CLAUDE, {}) == OFF
    assert practice_model.possible(CLAUDE, KEY) == CLAUDE
    assert practice_model.possible(SCRIPTED, {}) == SCRIPTED


def test_claude_without_a_key_is_refused_with_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model", "claude"]) == 1
    assert "./dev demo --model scripted" in capsys.readouterr().err


def test_a_desk_that_runs_keeps_its_model_and_says_so_to_whoever_wants_another() -> None:
    assert practice_model.kept(None, SCRIPTED) == practice_model.kept(SCRIPTED, SCRIPTED) == ""
    screen = welcome("Ben Ortiz", "ben", desk(SCRIPTED), wanted=OFF)
    assert "already runs with a scripted model" in screen
    assert "--model off" in screen.splitlines()[-1]


@pytest.mark.parametrize("model", MODELS)
def test_a_real_key_reaches_only_processes_that_ask_claude(model: str) -> None:
    shell = {**KEY, "PATH": "/bin"}
    assert practice_model.without(shell) == {"PATH": "/bin"}
    given = practice_model.settings(model, 4711, shell)
    assert (
        given
        == {
            OFF: {},
            SCRIPTED: {practice_model.KEY: "practice-desk", "ANTHROPIC_BASE_URL": "http://127.0.0.1:4711"},
            CLAUDE: KEY,
        }[model]
    )


def test_no_test_has_the_key_of_whoever_runs_it() -> None:
    assert without_keys(KEY) == {}
    assert without_keys() == dict(os.environ)  # noqa: TID251 - the environment itself is looked at
