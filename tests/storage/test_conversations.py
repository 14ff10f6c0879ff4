"""Conversations with the model: appended once, kept byte for byte, and shown in the Session's own row."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from storage.conversations import Chapter, ConversationMoved, Piece, fit
from tests.conftest import Database
from tests.fakes import office
from tests.storage.talking import ASKED, REPLY, SAID, SYSTEM, Talk


@pytest.fixture
async def talk(database: Database) -> AsyncIterator[Talk]:
    async with office(database.app_url) as place:
        yield Talk(place, await place.start(), database.owner_url)


# ── What was said ───────────────────────────────────────────────────────────────────────────────────────────


async def test_what_was_said_comes_back_in_order_and_byte_for_byte(talk: Talk) -> None:
    assert await talk.do("chapter", talk.session) is None
    assert await talk.do("append", talk.session, 1, "system", SYSTEM.content, {}) == 0
    assert await talk.do("append", talk.session, 1, "user", ASKED.content, ASKED.covers) == 1
    assert await talk.chapter() == Chapter(1, (SYSTEM, ASKED))
    assert (await talk.chapter()).last == 1


async def test_the_newest_chapter_is_the_one_that_goes_on(talk: Talk) -> None:
    await talk.opened()
    await talk.do("append", talk.session, 2, "system", '[{"type":"text","text":"compacted"}]', {})
    chapter = await talk.chapter()
    assert (chapter.number, chapter.last) == (2, 0)


async def test_of_two_who_append_at_once_one_is_told_that_it_moved(talk: Talk) -> None:
    await talk.do("append", talk.session, 1, "system", SYSTEM.content, {})

    async with talk.place.store.transaction(talk.place.account) as first:
        assert await first.conversations.append(talk.session, 1, "user", ASKED.content, {}) == 1
        second = asyncio.create_task(talk.do("append", talk.session, 1, "user", '["second"]', {}))
        await talk.place.until_somebody_waits(second)
    with pytest.raises(ConversationMoved) as moved:
        await second
    assert "second" not in repr(moved.value)
    assert moved.value.__context__ is None
    assert (await talk.chapter()).messages == (SYSTEM, replace(ASKED, covers={}))


async def test_a_number_that_was_read_and_is_taken_meanwhile_is_refused(talk: Talk) -> None:
    call = await talk.opened()
    await talk.do("answered", call, REPLY, 7)
    with pytest.raises(ConversationMoved):
        await talk.do("open_turn", talk.call(turn=2), (replace(ASKED, content="[]"),))
    assert (await talk.chapter()).messages == (SYSTEM, ASKED)
    assert len(await talk.rows()) == 1


@pytest.mark.parametrize(
    "forbidden", ["update ai_messages set content = '[]'", "delete from ai_messages", "truncate ai_messages"]
)
async def test_the_applications_role_may_not_change_what_was_said(
    talk: Talk, database: Database, forbidden: str
) -> None:
    await talk.opened()
    with (
        psycopg.connect(database.app_url) as app,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        app.execute("select set_config('app.account_id', %s, false)", (str(talk.place.account),))
        app.execute(forbidden)
    assert (await talk.chapter()).messages == (SYSTEM, ASKED)


async def test_what_was_said_goes_with_its_session(talk: Talk) -> None:
    await talk.opened()
    await talk.place.rows("delete from ai_sessions where id = :id", id=talk.session)
    assert talk.ask("select count(*) from ai_messages where session_id = %s", talk.session) == [(0,)]
    assert talk.ask("select count(*) from ai_calls where session_id = %s", talk.session) == [(0,)]


@pytest.mark.parametrize("content", ["not json", '{"type": "text"}', '"text"'])
async def test_content_that_is_no_list_of_blocks_is_refused(talk: Talk, content: str) -> None:
    with pytest.raises((DBAPIError, LookupError)):
        await talk.do("append", talk.session, 1, "system", content, {})


@pytest.mark.parametrize(("number", "role"), [(0, "user"), (1, "system")])
async def test_the_system_comes_first_and_only_then(talk: Talk, number: int, role: str) -> None:
    with pytest.raises(LookupError):
        await talk.do("open_turn", talk.call(), (Piece(number, role, "[]"),))


async def test_what_the_database_cannot_hold_is_left_out_and_nothing_else_changes() -> None:
    for same in (
        ASKED.content,
        '[ {"text":"C:\\\\u0000 and \\ud83d\\ude00"} ]',
        '[{"text": "🙂 \\"quoted\\""}]',
    ):
        assert fit(same) == same
    assert json.loads(fit('[{"text":"a\\u0000b\\ud800"}]')) == [{"text": "ab?"}]
    assert json.loads(fit('[{"text":"a\x00b\ud800"}]')) == [{"text": "ab?"}]


async def test_nuls_and_half_characters_of_a_reply_do_not_stop_a_turn(talk: Talk) -> None:
    call = await talk.opened()
    odd = replace(REPLY, text='{"say":"a\x00\ud800"}')
    await talk.do("close_turn", call, odd, 7, json.dumps([{"type": "text", "text": odd.text}]))
    await talk.do("project", talk.session)
    assert (await talk.only()).reply == '{"say":"a?"}'
    assert json.loads((await talk.chapter()).messages[2].content)[0]["text"] == '{"say":"a?"}'


# ── In the Session's own row ────────────────────────────────────────────────────────────────────────────────


async def test_the_session_shows_the_whole_conversation(talk: Talk) -> None:
    query = "select system_prompt_snapshot, conversation_messages from ai_sessions where id = %s"
    await talk.do("project", talk.session)
    assert talk.ask(query, talk.session) == [(None, [])]
    await talk.do("close_turn", await talk.opened(), REPLY, 7, SAID)
    await talk.do("append", talk.session, 2, "system", '[{"type":"text","text":"Compacted"}]', {})
    await talk.do("project", talk.session)
    [(system, messages)] = talk.ask(query, talk.session)
    assert system == "Compacted"
    assert [(m["chapter"], m["number"], m["role"]) for m in messages] == [
        (1, 0, "system"),
        (1, 1, "user"),
        (1, 2, "assistant"),
        (2, 0, "system"),
    ]
    assert messages[1]["content"] == json.loads(ASKED.content)


async def test_the_systems_text_is_all_of_its_blocks(talk: Talk) -> None:
    await talk.opened()
    await talk.do("project", talk.session)
    query = "select system_prompt_snapshot from ai_sessions where id = %s"
    assert talk.ask(query, talk.session) == [("You guide.\n\nTicket 4711",)]


async def test_a_session_that_is_not_there_has_no_conversation(talk: Talk) -> None:
    nowhere = uuid4()
    with pytest.raises(LookupError):
        await talk.do("open_turn", talk.call(session_id=nowhere), (SYSTEM,))
    assert not await talk.do("answered", nowhere, REPLY, 7)
    assert await talk.do("of_session", nowhere) == ()
