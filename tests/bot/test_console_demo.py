"""The first screen of the practice desk."""

from __future__ import annotations

import shlex
from pathlib import Path

from bot.demo import arguments, welcome
from bot.practice import FOLDER


def second_person(folder: Path) -> list[str]:
    line = next(line for line in welcome("Anna Keller", "anna", "", folder).splitlines() if "--as" in line)
    return shlex.split(line.partition("./dev demo ")[2].partition("   ")[0])


def test_the_command_for_a_second_person_leads_to_the_same_desk(tmp_path: Path) -> None:
    folder = tmp_path / "a desk"
    assert arguments(second_person(folder)).data == folder
    assert arguments(second_person(folder)).who == "ben"


def test_the_usual_desk_needs_no_folder_in_the_command() -> None:
    assert second_person(FOLDER) == ["--as", "ben"]
