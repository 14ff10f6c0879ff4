"""The manifest of the Teams app, held against Microsoft's own schema of that version."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, FormatChecker

from bot.teams.package import manifest, template

SCHEMA = Path(__file__).parents[2].parent / "shared/schemas/teams/MicrosoftTeams.v1.24.schema.json"
pytestmark = pytest.mark.skipif(not SCHEMA.exists(), reason="Microsoft's schema of manifests is not here")
BOT = "7b000000-0000-4000-8000-0000000000ab"


@lru_cache(maxsize=1)
def validator() -> Draft4Validator:
    return Draft4Validator(json.loads(SCHEMA.read_text(encoding="utf-8-sig")), format_checker=FormatChecker())


def complaints(made: dict[str, Any]) -> list[str]:
    return [
        f"{'/'.join(map(str, one.absolute_path))}: {one.message}" for one in validator().iter_errors(made)
    ]


def test_the_file_is_a_manifest() -> None:
    assert complaints(template()) == []


def test_that_of_a_bot_is_a_manifest() -> None:
    assert complaints(manifest(BOT)) == []
    assert complaints(manifest(BOT, "https://flowpilot.example.com")) == []


def test_the_check_itself_can_fail() -> None:
    made = template()
    made["composeExtensions"][0]["commands"][0]["title"] = "n" * 33
    made["bots"][0]["botId"] = "none"
    made["unknown"] = True
    assert len(complaints(made)) == 3
