"""What one typed answer costs the database: its round trips are counted, for time depends on who else is at work."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy import event

from bench.desk import Talk
from bench.ground import TOKEN, Ground, Quiet
from bot import wiring
from bot.settings import Settings
from bot.web import token_id
from storage.vault import new_key
from tests.conftest import Database
from tests.fakes import office

MOST = 70
"""Statements and commits of one answer that gets a next step: handle, the guide's step, three cards."""


async def test_one_typed_answer_takes_few_round_trips(database: Database, redis_url: str) -> None:
    async with office(database.app_url) as place, place.store.transaction(place.account) as unit:
        await unit.accounts.add_identity(place.anna.id, "console", "console", token_id(TOKEN))
    settings = Settings(database_url=database.app_url, redis_url=redis_url, keys=new_key())
    under = Ground(Path(), settings, database.owner_url, place.account, place.anna.id)
    parts = await wiring.build(settings, Quiet())
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        sent.append(" ".join(statement.split())[:120])

    def ended(connection: Any) -> None:
        sent.append("the end of a transaction")

    engine = parts.store.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    event.listen(engine, "commit", ended)
    event.listen(engine, "rollback", ended)
    try:
        talk = Talk(under, parts)
        await talk.begin()
        for number in range(1, 4):
            await talk.step(number)
        sent.clear()
        await talk.step(4)
        assert await talk.count() == 5
    finally:
        await parts.close()
    counted = Counter(sent)
    assert counted.total() <= MOST, counted.most_common()
    assert not [statement for statement in counted if "psa_connections.keys" in statement]
