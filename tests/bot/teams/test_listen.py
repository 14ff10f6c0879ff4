"""Teams' route: only what Teams signed is kept, once and before it is answered, and nothing is lost by a failure."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.teams.listen import LARGE, MAX_BODY
from bot.teams.port import Away
from bot.words import say
from storage.receiving import AWAY
from tests.bot.teams.activities import (
    GROUP,
    HELP,
    activity,
    carries,
    extension,
    mention,
    message,
    press,
    thumbs,
)
from tests.bot.teams.route_site import SIGNED, Site, route_site
from tests.conftest import Database

KEPT = (200, "")
SECRET = "hunter2"


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    async with route_site(database) as opened:
        yield opened


# ── Who is Teams ────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_teams_signed_is_kept_unchanged_before_it_is_answered(site: Site) -> None:
    body = site.ours(mention("Größe 😀", HELP, "1690000000000"))
    assert await site.send(body) == KEPT
    conversation = body["conversation"]["id"]
    assert await site.rows() == [
        (
            f"act:{conversation}:{body['id']}",
            f"teams:{site.tenant}:{HELP}:1690000000000",
            {"kind": "activity", "body": body},
        )
    ]


@pytest.mark.parametrize(
    "sample", [message(SECRET), press(carries("answer")), extension(), thumbs()], ids=lambda b: b["type"]
)
async def test_a_wrong_signature_is_answered_401_and_nothing_is_kept(
    site: Site, sample: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for authorization in ("", "Bearer forged", SIGNED.lower()):
        status, said = await site.send(site.ours(sample), authorization)
        assert (status, json.loads(said)) == (401, {"error": "invalid request"})
    assert await site.rows() == []
    assert site.check.asked == site.search.asked == site.shown.asked == []
    assert SECRET not in caplog.text


async def test_a_tenant_that_is_not_allowed_is_answered_403_and_nothing_is_kept(site: Site) -> None:
    site.adapter.tenant = "another"
    assert (await site.send(site.ours(message())))[0] == 403
    assert (await site.send(site.ours(press(carries("answer")))))[0] == 403
    assert await site.rows() == []


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b"7", b'"x"', b"\xff\xfe{}", "{}".encode("utf-16"), b'{"a":' * 20_000, b'{"a":' + b"[" * 100_000],
    ids=lambda r: repr(r[:9]),
)  # fmt: skip
async def test_an_odd_body_is_answered_400_and_nothing_is_kept(site: Site, raw: bytes) -> None:
    assert await site.post(raw) == (400, "This is not what Teams sends. Nothing was kept.")
    assert await site.rows() == []


async def test_a_body_above_one_megabyte_is_answered_413_and_nothing_is_kept(site: Site) -> None:
    status, said = await site.send(site.ours(message("a" * MAX_BODY)))
    assert status == 413
    assert "Nothing was kept" in said
    assert await site.rows() == []


async def test_a_body_that_does_not_say_how_large_it_is_is_bounded_all_the_same(site: Site) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"a" * 64 * 1024

    async with site.client.post(f"{site.url}/api/messages", data=endless()) as reply:
        assert reply.status == 413


async def test_a_long_paste_is_kept(site: Site) -> None:
    body = site.ours(message("ä" * LARGE))
    assert await site.send(body) == KEPT
    [(_, _, kept)] = await site.rows()
    assert kept["body"] == body


# ── Once ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_activity_that_is_sent_again_is_one_row(site: Site) -> None:
    body = site.ours(message())
    assert set(await asyncio.gather(*(site.send(body) for _ in range(10)))) == {KEPT}
    assert len(await site.rows()) == 1


async def test_a_press_that_is_sent_again_is_one_row_and_answered_alike(site: Site) -> None:
    body = site.ours(press(carries("answer", {"step": "1"})))
    first, again = [await site.invoke(body) for _ in range(2)]
    assert first == again
    assert len(await site.rows()) == 1


@pytest.mark.parametrize(
    "body",
    [
        message(SECRET, HELP), activity("typing", text=SECRET), activity("messageReaction"), activity("messageUpdate", text=SECRET),
        {**message(SECRET), "from": {"id": "28:another"}}, activity("conversationUpdate", membersAdded=[{"id": "29:ben"}]),
    ],
    ids=lambda body: str(body["type"]),
)  # fmt: skip
async def test_what_is_nothing_of_ours_is_acknowledged_and_neither_kept_nor_logged(
    site: Site, body: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert await site.send(site.ours(body)) == KEPT
    assert await site.rows() == []
    assert SECRET not in caplog.text


async def test_a_group_chat_and_a_submit_without_an_execute_are_kept(site: Site) -> None:
    assert await site.send(site.ours(message("and now", GROUP))) == KEPT
    assert await site.send(site.ours(message("", value=carries("undo")))) == KEPT
    assert len(await site.rows()) == 2


# ── Failures ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "away", [AWAY[0]("x"), AWAY[1]("x"), ConnectionRefusedError(SECRET), TimeoutError()], ids=str
)
async def test_without_a_database_a_message_is_answered_503_and_a_press_with_a_sentence(
    site: Site, away: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    site.fails = away
    assert await site.send(site.ours(message())) == (503, say("teams.no_database"))
    answer = await site.invoke(site.ours(press(carries("answer"))))
    assert answer["value"] == say("teams.no_database")
    assert await site.invoke(site.ours(extension())) == {
        "task": {"type": "message", "value": say("teams.no_database")}
    }
    assert await site.send(site.ours(thumbs())) == (503, "")
    assert await site.rows() == []
    assert SECRET not in caplog.text


async def test_any_other_failure_is_told_by_its_number_and_logged_without_content(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.fails = RuntimeError(SECRET)
    status, said = await site.send(site.ours(message()))
    answer = await site.invoke(site.ours(press(carries("answer"))))
    assert status == 500
    for sentence in (said, answer["value"]):
        number = next(word.strip(".") for word in sentence.split() if word.startswith("E-"))
        assert sentence == say("teams.unexpected", error_id=number)
        assert number in caplog.text
    assert SECRET not in caplog.text


async def test_while_no_signature_can_be_checked_nothing_is_kept_and_teams_sends_it_again(site: Site) -> None:
    site.adapter.fails = Away(5, "keys: time-out", unsure=False)
    assert await site.send(site.ours(message())) == (503, say("teams.unchecked"))
    site.adapter.fails = RuntimeError(SECRET)
    assert (await site.send(site.ours(message())))[0] == 500
    assert await site.rows() == []
