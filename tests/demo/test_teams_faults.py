"""Rates, faults, the journal and growing messages of the practice Teams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from demo.teams_world import ANNA, ESCALATIONS, HELP
from tests.demo.test_teams_calls import Ground, Json, ground


@pytest.fixture
async def on() -> AsyncIterator[Ground]:
    async with ground() as made:
        yield made


@pytest.fixture
def now() -> list[float]:
    """Epoch seconds of the practice Teams' clock, to be changed."""
    return [1_795_000_000.0]


@pytest.fixture
async def timed(now: list[float]) -> AsyncIterator[Ground]:
    async with ground(lambda: now[0]) as made:
        yield made


async def test_the_rates_of_a_thread_are_kept_where_they_are_switched_on(
    timed: Ground, now: list[float]
) -> None:
    timed.teams.settings.limits = True
    root = await timed.posted(HELP, text="first")
    thread = f"{HELP};messageid={root}"
    for _ in range(7):
        await timed.posted(thread, text="x")
    assert await timed.code(timed.post(thread, text="x")) == (429, "Throttled")
    assert (await timed.post(HELP, text="another thread"))[0] == 201
    now[0] += 1
    for step in range(60 - 7):
        now[0] += 0.2 if step % 6 == 0 else 0.15
        await timed.posted(thread, text="x")
    assert await timed.code(timed.post(thread, text="x")) == (429, "Throttled")
    now[0] += 31
    assert (await timed.post(thread, text="x"))[0] == 201


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("429", 429),
        ("412", 412),
        ("502", 502),
        ("503", 503),
        ("504", 504),
        ("ConversationBlockedByUser", 403),
    ],
)
async def test_a_fault_is_answered_once_and_nothing_is_done(on: Ground, kind: str, status: int) -> None:
    on.teams.faults.add(kind=kind, method="post", retry_after=7)
    address = f"{on.teams.service_url}v3/conversations/{quote(HELP)}/activities"
    async with on.http.post(address, json={"type": "message", "text": "x"}, headers=on.headers) as answer:
        assert answer.status == status
        assert answer.headers.get("Retry-After") == ("7" if kind in {"429", "503"} else None)
    assert on.teams.conversation(HELP)["messages"] == []
    assert (await on.post())[0] == 201


async def test_a_lost_answer_did_what_was_asked_and_a_reset_or_a_stall_did_not(on: Ground) -> None:
    on.teams.faults.add(kind="lost", method="post", status=504)
    assert (await on.post())[0] == 504
    assert len(on.teams.conversation(HELP)["messages"]) == 1
    on.teams.faults.add(kind="reset", method="post")
    with pytest.raises(aiohttp.ClientError):
        await on.post()
    on.teams.faults.add(kind="stall", method="post", seconds=60)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(on.post(), 0.05)
    assert len(on.teams.conversation(HELP)["messages"]) == 1


async def test_a_fault_may_befall_the_login_the_roster_one_channel_or_a_later_call(on: Ground) -> None:
    on.teams.faults.add(kind="503", method="token")
    assert (await on.login())[0] == 503
    on.teams.faults.add(kind="429", method="members")
    assert (await on.call("GET", "conversations", HELP, "members"))[0] == 429
    on.teams.faults.add(kind="502", method="post", conversation=ESCALATIONS, skip=1)
    assert [(await on.post(where))[0] for where in (HELP, ESCALATIONS, ESCALATIONS)] == [201, 201, 502]
    with pytest.raises(ValueError, match="unknown method"):
        on.teams.faults.add(kind="502", method="chat.postMessage")


async def test_the_journal_says_what_was_called_and_never_what_was_written(on: Ground) -> None:
    root = await on.posted(HELP, text="secret words")
    await on.call(
        "PUT", "conversations", HELP, "activities", root, json={"type": "message", "text": "secret"}
    )
    await on.teams.act(ANNA, "say", conversation=HELP, text="secret too")
    rows = on.teams.journal()
    assert [(one["method"], one["status"]) for one in rows] == [
        ("token", 200),
        ("post", 201),
        ("update", 200),
        ("app:message", 200),
    ]
    assert rows[2]["activity"] == root
    assert "secret" not in str(rows)
    assert [one["method"] for one in on.teams.journal(method="post", conversation=HELP)] == ["post"]


def piece(text: str, kind: str = "streaming", **stream: Any) -> Json:
    sort = "message" if kind == "final" else "typing"
    return {"type": sort, "text": text, "entities": [{"type": "streaminfo", "streamType": kind, **stream}]}


async def test_a_message_grows_once_a_second_until_its_final_piece(timed: Ground, now: list[float]) -> None:
    chat = timed.teams.personal(ANNA)["id"]
    status, body = await timed.post(chat, **piece("Looking", "informative", streamSequence=1))
    assert status == 201
    name = body["id"]
    too_soon = piece("A", streamSequence=2, streamId=name)
    assert (await timed.post(chat, **too_soon))[0] == 429
    now[0] += 1
    assert await timed.post(chat, **too_soon) == (202, {})
    now[0] += 1
    late = await timed.post(chat, **piece("B", streamSequence=2, streamId=name))
    assert (late[0], late[1]["error"]["code"]) == (202, "ContentStreamSequenceOrderPreConditionFailed")
    assert timed.teams.personal(ANNA)["messages"][0]["streaming"]
    assert await timed.post(chat, **piece("A B", "final", streamId=name)) == (202, {})
    row = timed.teams.personal(ANNA)["messages"][0]
    assert (row["id"], row["text"], row["streaming"]) == (name, "A B", False)
    done = piece("more", streamSequence=3, streamId=name)
    assert await timed.code(timed.post(chat, **done)) == (403, "ContentStreamNotAllowed")


async def test_a_stream_is_for_personal_chats_begins_with_one_and_ends_after_two_minutes(
    timed: Ground, now: list[float]
) -> None:
    begin = piece("x", streamSequence=1)
    assert await timed.code(timed.post(HELP, **begin)) == (403, "ContentStreamNotAllowed")
    chat = timed.teams.personal(ANNA)["id"]
    assert await timed.code(timed.post(chat, **piece("x", streamSequence=2))) == (400, "BadRequest")
    assert await timed.code(timed.post(chat, **piece(" ", streamSequence=1))) == (400, "BadRequest")
    _, body = await timed.post(chat, **begin)
    now[0] += 121
    end = piece("x", "final", streamId=body["id"])
    assert await timed.code(timed.post(chat, **end)) == (403, "ContentStreamNotAllowed")
