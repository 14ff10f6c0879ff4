"""Both variants of the Slack manifest, held against Slack's own JSON schema of manifests."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from bot.slack.manifest import behind, root

SCHEMAS = Path(__file__).parents[2].parent / "shared/schemas/slack/manifest/schemas"
pytestmark = pytest.mark.skipif(not SCHEMAS.exists(), reason="Slack's schema of manifests is not here")


@lru_cache(maxsize=1)
def validator() -> Draft7Validator:
    # Without `_metadata` a manifest is of version 1.
    return Draft7Validator(json.loads((SCHEMAS / "manifest.schema.1.0.0.json").read_text(encoding="utf-8")))


def complaints(made: dict[str, Any]) -> list[str]:
    return [
        f"{'/'.join(map(str, one.absolute_path))}: {one.message}" for one in validator().iter_errors(made)
    ]


def test_the_file_in_the_root_is_a_manifest() -> None:
    assert complaints(root()) == []


def test_the_variant_behind_an_address_is_a_manifest() -> None:
    assert complaints(behind("https://flowpilot.example.com")) == []


def test_the_check_itself_can_fail() -> None:
    made = root()
    made["features"]["shortcuts"][0]["name"] = "n" * 25
    made["settings"]["unknown"] = True
    assert len(complaints(made)) == 2
