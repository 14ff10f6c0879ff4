"""`flowpilot flows`: checking without a database, keeping, listing and archiving."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
import yaml

from tests.bot.commands import Flowpilot, settings_of, with_account
from tests.conftest import Database

FLOW = """\
# Ours since the move.
id: badge-reader
title: The badge reader stays dark
domain: hardware
summary: Nobody gets in because the badge reader shows nothing.
symptoms: [badge reader dark]
keywords: [badge, reader]
nodes:
  - id: power
    kind: question
    text: Is the power adapter plugged in?
    options:
      - {id: in, label: It is, to: light}
      - {id: out, label: It was not, to: light}
  - id: light
    kind: verification
    text: Is the light on now?
    options:
      - {id: lit, label: It is, to: done, outcome: fixed}
      - {id: dark, label: It stays dark, to: escalate}
  - id: done
    kind: resolution_suggestion
    text: Plug it in.
    cause: No power
    fix: Plugged in
"""


@pytest.fixture
async def msp(empty_database: Database, redis_url: str) -> Flowpilot:
    """With one account, whose Admin is Anna."""
    return await with_account(Flowpilot(settings_of(empty_database, redis_url)))


async def test_a_flow_is_checked_without_a_database_and_every_problem_is_named(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(FLOW)
    bad.write_text(FLOW.replace("to: light}", "to: nowhere}", 1).replace("kind: question", "kind: riddle"))
    nobody = Flowpilot({})
    assert "can be used" in (await nobody.does("flows", "check", str(good))).out
    heard = await nobody("flows", "check", str(bad))
    assert heard.status == 1
    assert "bad.yaml, step “power”, kind: “riddle” is not known" in heard.out
    assert "nowhere" in heard.out
    assert "cannot be read" in await nobody.refuses("flows", "check", str(tmp_path / "none.yaml"))
    bad.write_bytes(b"\xff\xfe")
    assert "UTF-8" in await nobody.refuses("flows", "check", str(bad))


async def test_a_flow_is_added_listed_and_archived_with_its_comments_kept(
    msp: Flowpilot, tmp_path: Path
) -> None:
    file = tmp_path / "badge.yaml"
    file.write_text(FLOW)
    assert "added" in (await msp.does("flows", "add", str(file))).out
    assert "changed" in (await msp.does("flows", "add", str(file))).out
    assert await state(msp, "badge-reader") == ("not_validated", "yours")
    await msp.does("flows", "archive", "badge-reader")
    assert await state(msp, "badge-reader") == ("archived", "yours")
    async with await psycopg.AsyncConnection.connect(msp.settings["DATABASE_OWNER_URL"]) as connection:
        (kept,) = await (await connection.execute("select source from trees")).fetchall()
    assert "# Ours since the move." in kept[0]


async def test_a_built_in_flow_is_archived_by_a_copy_of_ones_own(msp: Flowpilot) -> None:
    flows = (await msp.does("flows", "list", "--json")).json
    assert {flow["from"] for flow in flows} == {"built in"}
    await msp.does("flows", "archive", flows[0]["id"])
    assert await state(msp, flows[0]["id"]) == ("archived", "yours, instead of the built-in one")
    assert "no flow nothing" in await msp.refuses("flows", "archive", "nothing")


async def test_a_flow_in_an_unusual_layout_is_archived_too(msp: Flowpilot, tmp_path: Path) -> None:
    file = tmp_path / "badge.json"
    file.write_text(json.dumps(yaml.safe_load(FLOW)))
    await msp.does("flows", "add", str(file))
    await msp.does("flows", "archive", "badge-reader")
    assert await state(msp, "badge-reader") == ("archived", "yours")


async def state(flowpilot: Flowpilot, flow_id: str) -> tuple[str, str]:
    rows = (await flowpilot.does("flows", "list", "--json")).json
    return next((row["state"], row["from"]) for row in rows if row["id"] == flow_id)
