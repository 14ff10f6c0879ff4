"""The web process over real HTTP: who may speak, what is kept once, and answers that are always sentences."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import psycopg
import pytest
from aiohttp import web

from bot import console_door
from bot.settings import Settings
from bot.tokens import new_token, token_id
from bot.web import LARGE, MAX_BODY, application
from bot.wiring import Parts, build
from engine.events import SessionStarted
from engine.session import Intake, IntakeType, Person
from storage.receiving import Receiving
from storage.store import Store
from storage.vault import new_key
from tests.bot.waiting import until
from tests.conftest import Database


@dataclass(frozen=True, slots=True)
class Someone:
    account: UUID
    user: UUID
    token: str

    @property
    def header(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True, slots=True)
class Web:
    """A running web process; `runner` ends it."""

    url: str
    client: aiohttp.ClientSession
    parts: Parts
    runner: web.AppRunner
    database: Database

    async def someone(self, *, active: bool = True) -> Someone:
        """A person of a new account, with a token."""
        account, token = uuid4(), new_token()
        async with self.parts.store.transaction(account) as unit:
            await unit.accounts.create(f"MSP {account}")
            user = await unit.accounts.add_user("Anna", f"{account}@example.test")
            await unit.accounts.add_identity(user, "console", "console", token_id(token))
            await unit.accounts.set_active(user, active)
        return Someone(account, user, token)

    async def post(self, body: Any, who: Someone, **more: Any) -> tuple[int, str]:
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.client.post(f"{self.url}/console", data=sent, headers=who.header, **more) as reply:
            return reply.status, await reply.text()

    async def get(self, path: str, who: Someone | None = None, **query: str) -> tuple[int, str]:
        headers = who.header if who else {}
        async with self.client.get(f"{self.url}{path}", headers=headers, params=query) as reply:
            return reply.status, await reply.text()

    async def inbox(self, who: Someone) -> int:
        """How much is remembered of this person."""
        async with await psycopg.AsyncConnection.connect(self.database.owner_url) as connection:
            query = "select count(*) from inbox where unique_key like %s"
            row = await (await connection.execute(query, (f"{token_id(who.token)}:%",))).fetchone()
            return int(row[0]) if row else 0


@asynccontextmanager
async def serving(parts: Parts, patience: float = 20) -> AsyncIterator[tuple[str, web.AppRunner]]:
    runner = web.AppRunner(application(parts), access_log=None, shutdown_timeout=patience)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", runner
    finally:
        await runner.cleanup()


@pytest.fixture
async def site(database: Database, redis_url: str) -> AsyncIterator[Web]:
    parts = await build(Settings(database_url=database.app_url, redis_url=redis_url, keys=new_key()))
    async with serving(parts) as (url, runner), aiohttp.ClientSession() as client:
        yield Web(url, client, parts, runner, database)
    await parts.close()


def is_asked(runner: web.AppRunner) -> bool:
    return runner.server is not None and bool(runner.server.connections)


def word(text: str = "printer offline", **more: Any) -> dict[str, Any]:
    return {"id": str(uuid4()), "kind": "say", "text": text, **more}


async def test_health_says_whether_the_database_is_here(site: Web) -> None:
    assert await site.get("/health") == (200, '{"ok": true, "database": "here"}')
    away = Store("postgresql://nobody:nothing@127.0.0.1:1/none", site.parts.store.vault)
    async with (
        serving(replace(site.parts, store=away)) as (url, _),
        site.client.get(f"{url}/health") as reply,
    ):
        assert (reply.status, await reply.json()) == (503, {"ok": False, "database": "away"})
    await away.close()


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer short",
        "Basic " + "a" * 40,
        "Bearer " + "a" * 40,
        "Bearer " + "ä" * 40,
        "Bearer " + "a" * 300,
    ],
)
async def test_nobody_speaks_without_a_known_token(site: Web, header: str) -> None:
    headers = {"Authorization": header}
    for method, path in (
        ("post", "/console"),
        ("get", "/console/follow"),
        ("get", f"/console/session/{uuid4()}"),
    ):
        async with site.client.request(method, site.url + path, headers=headers) as reply:
            assert reply.status == 401
            assert "token" in await reply.text()


async def test_the_token_of_somebody_inactive_opens_nothing(site: Web) -> None:
    gone = await site.someone(active=False)
    assert (await site.post(word(), gone))[0] == 401
    assert await site.inbox(gone) == 0


async def test_a_word_is_kept_before_it_is_acknowledged(site: Web) -> None:
    anna = await site.someone()
    assert await site.post(word(), anna) == (202, '{"kept": true}')
    assert await site.inbox(anna) == 1


async def test_the_same_word_sent_twice_is_kept_once_and_acknowledged_twice(site: Web) -> None:
    anna, ben, said = await site.someone(), await site.someone(), word()
    answers = await asyncio.gather(*(site.post(said, anna) for _ in range(5)))
    assert {status for status, _ in answers} == {202}
    assert await site.inbox(anna) == 1
    assert (await site.post(said, ben))[0] == 202, "another person's word may have the same id"
    assert await site.inbox(ben) == 1


async def test_a_body_that_is_too_large_is_refused_with_a_sentence(site: Web) -> None:
    anna = await site.someone()
    status, said = await site.post(b" " * (MAX_BODY + 1), anna)
    assert status == 413
    assert "Nothing was kept" in said
    assert await site.inbox(anna) == 0


async def test_a_large_file_is_kept(site: Web) -> None:
    anna = await site.someone()
    file = {"name": "big.log", "type": "text/plain", "content": "QUJD" * 200_000}
    assert (await site.post(word(files=[file]), anna))[0] == 202
    assert await site.inbox(anna) == 1


ODD: list[bytes] = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"7",
    b"{",
    b"{}",
    b'{"id": "no id"}',
    b'{"id": null}',
    b'{"id": {"a": 1}}',
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'{"id":' * 20_000,
    b"9" * 10_000,
    b"<html></html>",
]


@pytest.mark.parametrize("body", ODD, ids=lambda body: body[:12].decode("latin-1"))
async def test_an_odd_body_is_refused_with_a_sentence_and_never_a_trace(site: Web, body: bytes) -> None:
    anna = await site.someone()
    status, said = await site.post(body, anna)
    assert (status, said) == (400, "This is not a console message. Nothing was kept.")
    assert await site.inbox(anna) == 0


UNREADABLE_FILES: list[Any] = [
    5,
    "text",
    {"a": 1},
    ["text"],
    [{"name": "a.log", "content": "no base64!"}],
    [{"content": "ä"}],
]


@pytest.mark.parametrize("files", UNREADABLE_FILES, ids=str)
@pytest.mark.parametrize("size", [0, LARGE])
async def test_a_file_that_cannot_be_read_is_refused_before_it_is_acknowledged(
    site: Web, files: Any, size: int
) -> None:
    anna = await site.someone()
    answer = await site.post(word("x" * size, files=files), anna)
    assert answer == (400, "A file in this message cannot be read. Nothing was kept; attach it again.")
    assert await site.inbox(anna) == 0


@pytest.mark.parametrize("kind", ["bogus", None, 5, ["say"]], ids=str)
async def test_an_unknown_kind_is_refused_before_it_is_acknowledged(site: Web, kind: Any) -> None:
    anna = await site.someone()
    assert (await site.post(word(kind=kind), anna))[0] == 400
    assert await site.inbox(anna) == 0


async def test_a_place_of_another_account_shares_no_order_with_it(site: Web) -> None:
    anna, ben, said = await site.someone(), await site.someone(), word(place=str(uuid4()))
    for who in (anna, ben):
        assert (await site.post(said, who))[0] == 202
    async with await psycopg.AsyncConnection.connect(site.database.owner_url) as connection:
        found = await connection.execute(
            "select order_key from inbox where order_key like %s", (f"%{said['place']}",)
        )
        keys = {row[0] for row in await found.fetchall()}
    assert keys == {f"console:{who.account}:{said['place']}" for who in (anna, ben)}


@pytest.mark.parametrize(
    "query",
    [
        {"since": "x"},
        {"since": "-1"},
        {"since": "9" * 30},
        {"wait": "nan"},
        {"wait": "inf"},
        {"wait": "soon"},
    ],
    ids=str,
)
async def test_odd_questions_are_refused_with_a_sentence(site: Web, query: dict[str, str]) -> None:
    anna = await site.someone()
    assert await site.get("/console/follow", anna, **query) == (400, "since and wait are numbers.")


async def test_whoever_follows_hears_what_is_drawn_while_he_waits(site: Web) -> None:
    anna = await site.someone()
    asked = asyncio.create_task(site.get("/console/follow", anna, since="0", wait="25"))
    await until(lambda: is_asked(site.runner), "the question is open")
    async with site.parts.store.transaction(anna.account) as unit:
        place = await console_door.home(unit, anna.user)
        await unit.places.keep(place.id, "hello", {"title": "Hello"})
    status, said = await asked
    found = json.loads(said)
    assert status == 200
    assert [(m["key"], m["card"], m["kind"]) for m in found["messages"]] == [
        ("hello", {"title": "Hello"}, "direct")
    ]
    again = json.loads((await site.get("/console/follow", anna, since=str(found["change"])))[1])
    assert (again["messages"], again["change"]) == ([], found["change"])


async def test_nobody_follows_what_was_drawn_for_another_person(site: Web) -> None:
    anna, ben = await site.someone(), await site.someone()
    async with site.parts.store.transaction(anna.account) as unit:
        place = await console_door.home(unit, anna.user)
        await unit.places.keep(place.id, "secret", {"title": "Only Anna"})
    assert json.loads((await site.get("/console/follow", ben))[1])["messages"] == []


async def test_whoever_follows_is_answered_when_the_process_ends(site: Web) -> None:
    anna = await site.someone()
    async with serving(site.parts, patience=3) as (url, runner):
        asked = asyncio.create_task(
            site.client.get(f"{url}/console/follow", headers=anna.header, params={"wait": "25"})
        )
        await until(lambda: is_asked(runner), "the question is open")
        await runner.cleanup()
        async with await asked as reply:
            assert (reply.status, (await reply.json())["messages"]) == (200, [])


async def started(site: Web, who: Someone) -> UUID:
    session = uuid4()
    event = SessionStarted(
        session, who.account, Person(who.user, "Anna"), Intake(IntakeType.FREE_TEXT, "It broke")
    )
    async with site.parts.store.transaction(who.account) as unit:
        await site.parts.desk.apply(unit, session, event)
    return session


async def test_a_session_is_shown_to_its_account_and_does_not_exist_for_another(site: Web) -> None:
    anna, ben = await site.someone(), await site.someone()
    session = await started(site, anna)
    status, said = await site.get(f"/console/session/{session}", anna)
    assert (status, json.loads(said)["session"]["id"]) == (200, str(session))
    assert await site.get(f"/console/session/{session}", ben) == (404, "There is no such session.")
    assert await site.get("/console/session/none", anna) == (404, "There is no such session.")


async def test_without_its_database_it_says_that_nothing_was_kept(site: Web) -> None:
    anna = await site.someone()
    away = Receiving("postgresql://nobody:nothing@127.0.0.1:1/none", site.parts.store.vault)
    async with (
        serving(replace(site.parts, receiving=away)) as (url, _),
        site.client.post(f"{url}/console", json=word(), headers=anna.header) as reply,
    ):
        assert reply.status == 503
        assert "Nothing was kept" in await reply.text()


class BrokenStore:
    def transaction(self, account: UUID | None = None) -> Any:
        raise RuntimeError("secret detail of the inside")


async def test_what_nobody_expected_is_answered_with_a_number_and_not_with_a_trace(site: Web) -> None:
    anna = await site.someone()
    broken = replace(site.parts, store=BrokenStore())  # type: ignore[arg-type]
    async with (
        serving(broken) as (url, _),
        site.client.get(f"{url}/console/follow", headers=anna.header) as reply,
    ):
        said = await reply.text()
        assert reply.status == 500
        assert "E-" in said
        assert "secret detail" not in said
        assert "Traceback" not in said
