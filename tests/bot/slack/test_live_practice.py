"""The sign of life against the practice Slack, which ends streams and refuses like the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from bot.live import Watched
from bot.slack.api import Api
from bot.slack.live import SlackLives, SlackSign
from bot.words import say
from demo.slack import PracticeSlack, practice_slack
from storage.places import Place

CHANNEL = "C0HELP"


@dataclass
class OneApi:
    api: Api

    async def of(self, team: str) -> Api | None:
        return self.api


@dataclass
class Practice:
    slack: PracticeSlack
    api: Api
    root: str = ""
    now: float = 1_700_000_000.0
    kept: list[str] = field(default_factory=list)

    async def keep(self, ref: str) -> None:
        self.kept.append(ref)

    async def sign(self) -> SlackSign:
        """Under a thread of the bot's own."""
        posted = await self.api.call("chat.postMessage", channel=CHANNEL, text="Printer offline")
        self.root = posted["ts"]
        place = Place(UUID(int=1), "thread", "slack", "T0PRACTICE", CHANNEL, self.root)
        lives = SlackLives(OneApi(self.api))  # type: ignore[arg-type]
        sign = lives.begin(place, Watched(UUID(int=7), 4, "U0ANNA"), self.keep)
        assert sign is not None
        return sign

    async def replies(self) -> list[str]:
        """What stands under the root."""
        found = await self.api.call("conversations.replies", channel=CHANNEL, ts=self.root)
        return [str(message) for message in found["messages"] if message["ts"] != self.root]


@pytest.fixture
async def practice() -> AsyncIterator[Practice]:
    opened: list[Practice] = []
    async with practice_slack("secret", clock=lambda: opened[0].now if opened else 1_700_000_000.0) as slack:
        api = Api("xoxb-practice", slack.api_url)
        opened.append(Practice(slack, api))
        yield opened[0]
        await api.close()


async def test_an_answer_is_streamed_then_edited_and_nothing_of_it_is_left(practice: Practice) -> None:
    sign = await practice.sign()
    await sign.draw(0.8, "")
    await sign.draw(2.1, "The log ")
    await sign.draw(2.9, "The log says why")
    [streamed] = await practice.replies()
    assert "The log says why" in streamed
    await sign.draw(12.5, "The log says why, and more")
    [edited] = await practice.replies()
    assert "and more" in edited
    assert say("verb.stop") in edited
    await sign.end()
    assert await practice.replies() == []
    assert practice.kept[-1] == ""


async def test_a_stream_that_slack_ended_goes_on_as_an_edited_message(practice: Practice) -> None:
    sign = await practice.sign()
    await sign.draw(2.1, "The log ")
    practice.now += 400
    await sign.draw(2.9, "The log says why")
    [edited] = await practice.replies()
    assert "The log says why" in edited
    assert say("verb.stop") in edited
    await sign.end()
    assert await practice.replies() == []


async def test_a_stream_that_a_dead_process_left_is_ended_and_taken_away(practice: Practice) -> None:
    died = await practice.sign()
    await died.draw(2.1, "The log ")
    lives = SlackLives(OneApi(practice.api))  # type: ignore[arg-type]
    place = Place(UUID(int=1), "thread", "slack", "T0PRACTICE", CHANNEL, practice.root)
    again = lives.begin(place, Watched(UUID(int=7), 4, "U0ANNA", practice.kept[-1]), practice.keep)
    assert again is not None
    await again.draw(0.8, "")
    [working] = await practice.replies()
    assert say("slack.live.working", seconds=0) in working
    await again.end()
    assert await practice.replies() == []


async def test_a_working_message_comes_and_goes(practice: Practice) -> None:
    sign = await practice.sign()
    await sign.draw(5.2, "")
    [working] = await practice.replies()
    assert say("slack.live.working", seconds=5) in working
    await sign.draw(15.4, "")
    [working] = await practice.replies()
    assert say("slack.live.working", seconds=15) in working
    await sign.end()
    assert await practice.replies() == []
