"""`flowpilot doctor`: it works where nothing else would, and names everything that is wrong at once."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from demo.model import practice_model
from demo.psa import practice_psa
from storage.vault import new_key
from tests.bot.commands import Flowpilot, settings_of, with_account
from tests.conftest import Database


@pytest.fixture
async def msp(empty_database: Database, redis_url: str) -> Flowpilot:
    """With one account, whose Admin is Anna."""
    return await with_account(Flowpilot(settings_of(empty_database, redis_url)))


async def findings(flowpilot: Flowpilot, **settings: str) -> tuple[int, dict[str, tuple[str, str]]]:
    heard = await flowpilot("doctor", "--json", **settings)
    return heard.status, {f["what"]: (f["verdict"], f["say"]) for f in heard.json["findings"]}


async def test_the_doctor_finds_nothing_wrong_where_nothing_is(msp: Flowpilot) -> None:
    async with practice_psa() as psa:
        assert (await msp.connect(psa)).status == 0
        await msp.does("users", "set", "anna@practice.example", "--roles", "lead,admin")
        status, found = await findings(msp)
        assert (status, {verdict for verdict, _ in found.values()}) == (0, {"ok"})
        assert "Nordlicht IT: practice" in found
        table = await msp.does("doctor")
    assert "Nothing to put right." in table.out
    assert msp.settings["FLOWPILOT_KEYS"] not in table.out


async def test_the_doctor_asks_claude_where_there_is_a_key(msp: Flowpilot) -> None:
    async with practice_model() as model:
        key = f"{model.key}-of-nordlicht"
        claude = {"ANTHROPIC_API_KEY": key, "ANTHROPIC_BASE_URL": model.url}
        _, found = await findings(msp, **claude)
        assert found["Claude"][0] == "look"
        assert found["model claude-sonnet-5-5"][0] == "ok"
        assert key not in (await msp("doctor", **claude)).out
        status, found = await findings(msp, **claude, FLOWPILOT_MODEL_TURN="claude-x")
    assert (status, found["model claude-x"][0]) == (1, "wrong")


async def test_the_doctor_names_everything_that_is_wrong_at_once(msp: Flowpilot) -> None:
    async with practice_psa() as psa:
        assert (await msp.connect(psa)).status == 0
        psa.room.settings = replace(psa.settings, public_key="another")
        away = "redis://127.0.0.1:1/0"
        status, found = await findings(msp, FLOWPILOT_PORT="x", FLOWPILOT_PROT="1", REDIS_URL=away)
    assert status == 1
    assert found["FLOWPILOT_PORT"][0] == "wrong"
    assert found["FLOWPILOT_PROT"] == ("look", "There is no such setting. Check the spelling.")
    assert found["Redis"][0] == "wrong"
    assert found["Nordlicht IT: practice"][0] == "wrong"
    assert "new keys" in found["Nordlicht IT: practice"][1]
    assert found["database"] == ("ok", "")


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"DATABASE_URL": "postgresql://a:b@127.0.0.1:1/x"}, "database"),
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"DATABASE_OWNER_URL": "postgresql://a:b@127.0.0.1:1/x"}, "database owner"),
        ({"FLOWPILOT_KEYS": "short"}, "FLOWPILOT_KEYS"),
        ({"FLOWPILOT_LEASE_SECONDS": "3"}, "FLOWPILOT_LEASE_SECONDS"),
        ({"REDIS_URL": "localhost"}, "Redis"),
    ],
    ids=str,
)
async def test_the_doctor_works_where_nothing_else_would(
    msp: Flowpilot, settings: dict[str, str], what: str
) -> None:
    status, found = await findings(msp, **settings)
    assert status == 1
    assert found[what][0] == "wrong"
    assert found[what][1]


async def test_the_doctor_sees_an_unsafe_role_missing_tables_and_lost_keys(msp: Flowpilot) -> None:
    async with practice_psa() as psa:
        assert (await msp.connect(psa)).status == 0
    _, found = await findings(msp, FLOWPILOT_KEYS=new_key())
    assert "not in FLOWPILOT_KEYS" in found["Nordlicht IT: keys"][1]
    _, found = await findings(msp, DATABASE_URL=msp.settings["DATABASE_OWNER_URL"])
    assert found["database role"][0] == "wrong"
    async with await psycopg.AsyncConnection.connect(msp.settings["DATABASE_OWNER_URL"]) as connection:
        await connection.execute("update alembic_version set version_num = '0000'")
    _, found = await findings(msp)
    assert found["migrations"] == (
        "wrong",
        "The tables are missing or not of this version. Run flowpilot migrate.",
    )
