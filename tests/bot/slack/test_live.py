"""The sign of life in Slack over real HTTP: which calls are made at which second, and what stands there in the end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from bot.live import SHOWN, Watched, ending
from bot.slack import actions
from bot.slack.api import Api
from bot.slack.live import SlackLives, SlackSign, literal
from bot.words import say
from storage.places import Place
from tests.bot.slack.scripted import Asked, Scripted, scripted

SESSION = UUID(int=7)
STATUS, AGENT = "assistant.threads.setStatus", "agents.sessions.setStatus"
START, APPEND, STOP = "chat.startStream", "chat.appendStream", "chat.stopStream"
POST, UPDATE, DELETE = "chat.postMessage", "chat.update", "chat.delete"


@dataclass
class OneApi:
    api: Api | None

    async def of(self, team: str) -> Api | None:
        return self.api


@dataclass
class Thread:
    """One thread of a workspace, and what Slack was asked about it."""

    slack: Scripted
    lives: SlackLives

    kept: list[str] = field(default_factory=list)

    async def keep(self, ref: str) -> None:
        self.kept.append(ref)

    def sign(self, channel: str = "C0HELP", reader: str = "U0ANNA", left: str = "") -> SlackSign:
        place = Place(UUID(int=1), "thread", "slack", "T0PRACTICE", channel, "17.1", SESSION)
        sign = self.lives.begin(place, Watched(SESSION, 4, reader, left), self.keep)
        assert sign is not None
        return sign

    def calls(self) -> list[str]:
        """The methods since this was asked last."""
        return [each.path.removeprefix("/api/") for each in self.taken()]

    def taken(self) -> list[Asked]:
        found = list(self.slack.asked)
        self.slack.asked.clear()
        return found

    def refuses(self, method: str, code: str) -> None:
        self.slack.method(method, ok=False, error=code)

    def away(self, method: str, *, then: Sequence[str] = ()) -> None:
        """Once without an answer, and then well again."""
        well = web.json_response({"ok": True, "ts": "18.1"})
        self.slack.will(f"/api/{method}", web.Response(status=500, headers={"Retry-After": "0"}), well)


@pytest.fixture
async def thread() -> AsyncIterator[Thread]:
    async with scripted() as slack:
        for method in (STATUS, AGENT, START, APPEND, STOP, POST, UPDATE, DELETE):
            slack.method(method, ok=True, channel="C0HELP", ts="18.1")
        api = Api("xoxb-practice", slack.api_url)
        yield Thread(slack, SlackLives(OneApi(api)))  # type: ignore[arg-type]
        await api.close()


def buttons(asked: Asked) -> list[actions.Click | None]:
    blocks: list[dict[str, Any]] = json.loads(asked.form["blocks"])
    return [actions.click(e) for block in blocks if block["type"] == "actions" for e in block["elements"]]


# ── The status line ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_status_is_set_refreshed_every_minute_and_cleared(thread: Thread) -> None:
    sign = thread.sign()
    await sign.draw(0.7, "")
    [asked] = thread.taken()
    assert asked.path == f"/api/{STATUS}"
    assert asked.form == {"channel_id": "C0HELP", "thread_ts": "17.1", "status": say("slack.live.status")}
    await sign.draw(3.0, "")
    assert thread.calls() == []
    await sign.draw(60.8, "")
    assert STATUS in thread.calls()
    await sign.end()
    last = thread.taken()[-1]
    assert (last.path, last.form["status"]) == (f"/api/{STATUS}", "")


async def test_a_status_that_is_refused_is_not_asked_for_again(thread: Thread) -> None:
    thread.refuses(STATUS, "missing_scope")
    sign = thread.sign()
    await sign.draw(0.7, "")
    await sign.draw(61.0, "")
    await sign.end()
    assert thread.calls().count(STATUS) == 1


async def test_in_direct_messages_the_agent_is_processing_and_then_active(thread: Thread) -> None:
    sign = thread.sign("D0ANNA")
    await sign.draw(0.7, "")
    await sign.draw(1.4, "")
    await sign.end()
    said = [each.form["status"] for each in thread.taken() if each.path == f"/api/{AGENT}"]
    assert said == ["processing", "active"]


async def test_a_workspace_that_knows_no_agents_is_asked_once(thread: Thread) -> None:
    thread.refuses(AGENT, "unknown_method")
    for _ in range(2):
        sign = thread.sign("D0ANNA")
        await sign.draw(0.7, "")
        await sign.end()
    assert thread.calls().count(AGENT) == 1


async def test_a_workspace_without_keys_is_left_in_peace(thread: Thread) -> None:
    sign = SlackLives(OneApi(None)).begin(  # type: ignore[arg-type]
        Place(UUID(int=1), "thread", "slack", "T1", "C1", "17.1"), Watched(SESSION, 4), thread.keep
    )
    assert sign is not None
    assert await sign.draw(0.7, "") > 1
    await sign.end()
    assert thread.calls() == []


def test_a_thread_without_its_first_message_has_no_sign(thread: Thread) -> None:
    for address in ("", f"new:{SESSION}"):
        place = Place(UUID(int=1), "thread", "slack", "T1", "C1", address)
        assert thread.lives.begin(place, Watched(SESSION, 4), thread.keep) is None


# ── The one message ─────────────────────────────────────────────────────────────────────────────────────────


async def test_words_are_streamed_to_the_owner_bit_by_bit_and_deleted_at_the_end(thread: Thread) -> None:
    sign = thread.sign()
    await sign.draw(1.0, "The log ")
    assert thread.calls() == [STATUS]
    await sign.draw(2.1, "The log ")
    [start] = thread.taken()
    assert start.form == {
        "channel": "C0HELP",
        "thread_ts": "17.1",
        "markdown_text": "The log ",
        "recipient_team_id": "T0PRACTICE",
        "recipient_user_id": "U0ANNA",
    }
    assert await sign.draw(2.8, "The log says <!channel> why") == pytest.approx(0.7)
    [more] = thread.taken()
    assert more.form == {"channel": "C0HELP", "ts": "18.1", "markdown_text": "says &lt;!channel&gt; why"}
    await sign.draw(3.5, "The log says <!channel> why")
    assert thread.calls() == []
    await sign.end()
    assert thread.calls() == [STOP, DELETE, STATUS]


@pytest.mark.parametrize("code", ["message_not_in_streaming_state", "streaming_mode_mismatch"])
async def test_a_stream_that_died_goes_on_as_the_same_message_edited(thread: Thread, code: str) -> None:
    sign = thread.sign()
    await sign.draw(2.1, "One")
    thread.refuses(APPEND, code)
    thread.taken()
    assert await sign.draw(2.8, "One two") == pytest.approx(1.5)
    append, update = thread.taken()
    assert (append.path, update.path) == (f"/api/{APPEND}", f"/api/{UPDATE}")
    assert update.form["ts"] == "18.1"
    assert "One two" in update.form["blocks"]
    await sign.draw(3.5, "One two three")
    assert thread.calls() == []
    await sign.draw(4.4, "One two three")
    assert thread.calls() == [UPDATE]
    await sign.end()
    assert thread.calls() == [DELETE, STATUS]


async def test_a_long_stream_goes_on_as_a_message_that_has_a_stop_button(thread: Thread) -> None:
    sign = thread.sign()
    await sign.draw(2.1, "One")
    thread.taken()
    await sign.draw(12.2, "One two")
    stop, update = thread.taken()
    assert (stop.path, update.path) == (f"/api/{STOP}", f"/api/{UPDATE}")
    assert buttons(update) == [actions.Click("stop", {"session": str(SESSION), "turn": "4"})]


async def test_where_nothing_is_streamed_the_words_stand_in_a_message_with_a_stop_button(
    thread: Thread,
) -> None:
    thread.refuses(START, "channel_type_not_supported")
    sign = thread.sign()
    await sign.draw(2.1, "One")
    *_, post = thread.taken()
    assert post.path == f"/api/{POST}"
    assert post.form["thread_ts"] == "17.1"
    assert "One" in post.form["blocks"]
    assert buttons(post) == [actions.Click("stop", {"session": str(SESSION), "turn": "4"})]


async def test_an_owner_without_a_slack_name_is_not_streamed_to_in_a_channel(thread: Thread) -> None:
    await thread.sign(reader="").draw(2.1, "One")
    assert thread.calls() == [STATUS, POST]
    await thread.sign("D0ANNA", reader="").draw(2.1, "One")
    assert thread.calls() == [STATUS, AGENT, START]


async def test_a_guide_that_says_nothing_has_one_message_that_counts_the_seconds(thread: Thread) -> None:
    sign = thread.sign()
    await sign.draw(4.9, "")
    assert thread.calls() == [STATUS]
    await sign.draw(5.1, "")
    [post] = thread.taken()
    assert say("slack.live.working", seconds=5) in post.form["blocks"]
    assert buttons(post) == [actions.Click("stop", {"session": str(SESSION), "turn": "4"})]
    await sign.draw(14.0, "")
    assert thread.calls() == []
    await sign.draw(15.2, "")
    [update] = thread.taken()
    assert say("slack.live.working", seconds=15) in update.form["blocks"]
    await sign.draw(16.8, "Now it speaks")
    [update] = thread.taken()
    assert update.path == f"/api/{UPDATE}"
    assert "Now it speaks" in update.form["blocks"]


async def test_of_a_very_long_answer_the_end_is_shown(thread: Thread) -> None:
    sign = thread.sign()
    await sign.draw(2.1, "word " * 2_000 + "at last")
    *_, post = thread.taken()
    assert post.path == f"/api/{POST}"
    assert "at last" in post.form["blocks"]
    shown = json.loads(post.form["blocks"])
    assert SHOWN * 0.9 < len(json.dumps(shown[0])) < SHOWN + 500


async def test_a_message_that_cannot_be_deleted_becomes_one_line_without_a_button(thread: Thread) -> None:
    thread.refuses(DELETE, "cant_delete_message")
    sign = thread.sign()
    await sign.draw(5.1, "")
    thread.taken()
    await sign.end()
    line = next(each for each in thread.taken() if each.path == f"/api/{UPDATE}")
    assert say("slack.live.over") in line.form["blocks"]
    assert buttons(line) == []


async def test_a_message_that_is_gone_is_not_written_again(thread: Thread) -> None:
    thread.refuses(DELETE, "message_not_found")
    thread.refuses(UPDATE, "message_not_found")
    sign = thread.sign()
    await sign.draw(5.1, "")
    await sign.draw(16.0, "More")
    await sign.draw(18.0, "More and more")
    await sign.end()
    assert thread.calls() == [STATUS, POST, UPDATE, STATUS]


async def test_the_message_is_remembered_until_it_is_taken_away(thread: Thread) -> None:
    sign = thread.sign()
    await sign.draw(5.1, "")
    assert thread.kept == ["C0HELP:18.1"]
    await sign.end()
    assert thread.kept == ["C0HELP:18.1", ""]


async def test_what_a_dead_process_left_is_the_message_of_this_call(thread: Thread) -> None:
    sign = thread.sign(left="C0HELP:16.9")
    await sign.draw(0.8, "")
    await sign.draw(2.5, "One")
    _, *changed = thread.taken()
    methods = [STOP, UPDATE, UPDATE]
    assert [(each.path, each.form["ts"]) for each in changed] == [(f"/api/{m}", "16.9") for m in methods]
    await sign.end()
    assert thread.calls() == [DELETE, STATUS]
    assert thread.kept == [""]


# ── When Slack does not answer ──────────────────────────────────────────────────────────────────────────────


async def test_a_limit_is_kept_to(thread: Thread) -> None:
    thread.slack.will(f"/api/{STATUS}", web.Response(status=429, headers={"Retry-After": "20"}))
    sign = thread.sign()
    await sign.draw(0.7, "")
    thread.taken()
    assert await sign.draw(1.7, "One") == pytest.approx(19.0)
    assert thread.calls() == []


@pytest.mark.parametrize("method", [START, POST])
async def test_a_message_nobody_knows_of_stays_the_only_one(thread: Thread, method: str) -> None:
    thread.away(method)
    sign = thread.sign(reader="U0ANNA" if method == START else "")
    await sign.draw(2.1, "One")
    await sign.draw(9.0, "One two")
    assert thread.calls() == [STATUS, method]


async def test_words_that_may_have_arrived_are_not_said_twice(thread: Thread) -> None:
    thread.away(APPEND)
    sign = thread.sign()
    await sign.draw(2.1, "One")
    await sign.draw(2.8, "One two")
    await sign.draw(4.5, "One two")
    assert thread.calls() == [STATUS, START, APPEND, STOP, UPDATE]


async def test_what_slack_did_not_take_away_is_asked_for_once_more(thread: Thread) -> None:
    sign = thread.sign()
    await sign.draw(5.1, "")
    thread.taken()
    thread.away(DELETE)
    await sign.end()
    assert thread.calls() == [DELETE, DELETE, STATUS]


async def test_what_was_not_taken_away_is_left_to_the_next_call(thread: Thread) -> None:
    sign = thread.sign()
    await sign.draw(5.1, "")
    thread.slack.will(f"/api/{DELETE}", web.Response(status=500, headers={"Retry-After": "0"}))
    await sign.end()
    assert thread.kept == ["C0HELP:18.1"]


# ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_made_of_a_text_stays_when_more_comes_after_it() -> None:
    text = "See [here](https://evil.example) <@U1> & <!here> a]"
    for at in range(len(text)):
        assert literal(text).startswith(literal(text[:at]))
    assert "](" not in literal(text)
    assert "<" not in literal(text)


def test_the_end_of_a_long_text_begins_at_a_word() -> None:
    assert ending("short") == "short"
    shown = ending("abcdefg " * 1_000)
    assert len(shown) <= SHOWN
    assert shown.startswith("…abcdefg")
    assert len(ending("x" * 10_000)) == SHOWN
