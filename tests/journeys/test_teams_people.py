"""Who is let in from Teams, and what people bring along: tenants, one-time codes, pictures."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

from aiohttp import web

from engine.session import Role
from tests.conftest import Database
from tests.journeys.teams_office import (
    ANNA,
    BEN,
    ELSEWHERE,
    HELP,
    PERSONAL,
    STRANGER,
    TENANT,
    Json,
    TeamsOffice,
    office,
    shown,
)

HALL = "The printer in the hall prints nothing"


async def test_a_tenant_is_linked_by_a_code_and_sees_nothing_of_another_account(
    empty_database: Database, redis_url: str, tmp_path: Path
) -> None:
    both = {"TEAMS_ALLOWED_TENANTS": f"{TENANT}, {ELSEWHERE}"}
    async with office(empty_database, redis_url, tmp_path, linked=False, settings=both) as one:
        await _is_told_how(one)
        await one.link(ANNA, one.account, one.users[ANNA])
        root = str((await one.say(ANNA, HALL))["id"])
        step = await one.step(1, thread=root)
        other = await _another_account(one)
        await _sees_nothing(one, step)
        async with one.store.transaction() as unit:
            assert await unit.identity("teams", ELSEWHERE, STRANGER) is not None
            found = await unit.workspace("teams", ELSEWHERE)
        assert found is not None
        assert found.account_id == other


async def _is_told_how(one: TeamsOffice) -> None:
    """Where they asked; nothing starts, and a code that nobody made changes nothing."""
    root = str((await one.say(ANNA, HALL))["id"])
    await one.card("flowpilot link teams makes one", thread=root)
    await one.say(ANNA, "connect FP-0000-1111-2222", PERSONAL)
    await one.card("That code does not work", ANNA)
    assert await one.rows("select 1 from ai_sessions") == []
    assert await one.rows("select 1 from workspaces where account_id is not null") == []


async def _another_account(one: TeamsOffice) -> UUID:
    """It has an Admin, and the stranger's tenant."""
    other = uuid4()
    async with one.store.transaction(other) as unit:
        await unit.accounts.create("Elsewhere")
        admin = await unit.accounts.add_user("Sam", "sam@elsewhere.example", (Role.TECHNICIAN, Role.ADMIN))
    await one.say(STRANGER, "hello", PERSONAL)
    await one.card("Connect this organisation", STRANGER)
    await one.link(STRANGER, other, admin)
    assert await one.user(STRANGER, ELSEWHERE) == admin
    return other


async def _sees_nothing(one: TeamsOffice, step: Json) -> None:
    """Neither in lists, nor by the number of a ticket, nor with what stands on a card of the others."""
    before, _ = await one.session()
    of_it = {"session": str(before.id)}
    note = {
        "fp": {"verb": "note", "args": of_it, "form": "1"},
        "f1:text": "from outside",
    }
    answer = {"fp": {"verb": "answer", "args": {"session": str(before.id), "step": "1", "answer": "1"}}}
    back = {"fp": {"verb": "back", "args": {"form": "1"}}}
    for data in (
        note,
        answer,
        back,
        {"fp": {"verb": "say", "args": of_it}, "say": "from outside"},
    ):
        value = {"action": {"type": "Action.Execute", "verb": "fp", "data": data}}
        invoke = {"type": "invoke", "name": "adaptiveCard/action", "replyToId": step["id"], "value": value}
        heard = await one.teams.act(STRANGER, "raw", activity=invoke)
        assert heard["status"] == 200
        assert HALL not in str(heard["body"])
    for words in ("mine", "queue", "status"):
        await one.say(STRANGER, words, PERSONAL)
    await one.settled()
    assert HALL not in "\n".join(shown(m) for m in one.messages(STRANGER))
    after, history = await one.session()
    assert (after.id, after.current) == (before.id, before.current)
    assert history.notes == ()
    assert len(await one.rows("select 1 from ai_sessions")) == 1


# ── Pictures ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_pasted_picture_is_kept_and_one_from_elsewhere_is_refused_without_our_token_leaving(
    empty_database: Database, redis_url: str, tmp_path: Path
) -> None:
    async with office(empty_database, redis_url, tmp_path) as one, _elsewhere() as (url, asked):
        picture = base64.b64encode(_png()).decode()
        root = str((await one.say(BEN, HALL, image_b64=picture))["id"])
        await one.card("One screenshot came with it", thread=root)
        assert await one.rows("select media_type from session_pictures") == [("image/png",)]
        for address in (
            f"{url}/x.png",
            f"{one.teams.service_url.replace('127.0.0.1', 'localhost')}v3/attachments/x/views/original",
            "https://smba.trafficmanager.net.elsewhere.example/x.png",
            "https://flowpilot.trafficmanager.net/x.png",
        ):
            told = len(one.seen("It lies outside of Teams", BEN))
            words = f"It looks like this, number {told}"
            await one.say(BEN, f"note: {words}", thread=root, image_url=address)

            async def refused(before: int = told) -> bool:
                return len(one.seen("It lies outside of Teams", BEN)) == before + 1

            await one.until(refused, f"the sentence about {address}")
            _, history = await one.session()
            assert words in history.notes[-1].text
        assert asked == []
        files = [each for each in one.teams.journal() if each["method"] == "file"]
        assert [each["status"] for each in files] == [200]
        assert one.messages(HELP, root)


@asynccontextmanager
async def _elsewhere() -> AsyncIterator[tuple[str, list[str]]]:
    """A host of somebody else, and what it was asked with."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Authorization", "nothing"))
        return web.Response(body=_png(), content_type="image/png")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


def _png() -> bytes:
    """32 by 32 grey points."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", 32, 32, 8, 0, 0, 0, 0)
    points = zlib.compress(b"".join(b"\x00" + b"\x80" * 32 for _ in range(32)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", points) + chunk(b"IEND", b"")
