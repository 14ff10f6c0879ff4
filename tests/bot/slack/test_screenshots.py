"""Screenshots shared in Slack: kept once with the Session, with the way back to the original."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest

from bot.slack.payloads import ADD
from bot.words import say
from storage.pictures import Picture
from storage.receiving import Receiving
from tests.bot.screenshots import SHOT, picture
from tests.bot.slack.scene import BOT, Stage, stage, stamp
from tests.conftest import Database
from tests.fakes import Office, office, receiving

THREAD = "1700000000.1"
LINK = "https://practice.slack.com/files/U0ANNA/F1/screen.png"
SHARED = replace(SHOT, link=LINK)


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


@pytest.fixture
async def receives(database: Database) -> AsyncIterator[Receiving]:
    async with receiving(database.app_url) as opened:
        yield opened


@pytest.fixture
async def team(place: Office, receives: Receiving) -> Stage:
    made = await stage(place, receives)
    await made.know()
    return made


async def kept(team: Stage, session: UUID) -> tuple[Picture, ...]:
    async with team.office.store.transaction(team.office.account) as unit:
        return await unit.pictures.of_session(session)


async def test_a_screenshot_shared_with_the_app_begins_a_session_that_keeps_it(team: Stage) -> None:
    await team.sends(team.direct("U0ANNA", "Outlook shows this", files=[team.file("screen.png", SHARED)]))
    session = await team.only()
    [found] = await kept(team, session.id)
    assert (found.name, found.link, found.by) == ("screen.png", LINK, team.office.anna.id)


async def test_a_mention_that_comes_twice_keeps_its_screenshot_once(team: Stage) -> None:
    at, files = stamp(), [team.file("screen.png", SHARED)]
    for kind in ("app_mention", "message"):
        await team.sends(team.said("U0ANNA", f"<@{BOT}> this", ts=at, type=kind, files=files))
    session = await team.only()
    assert len(await kept(team, session.id)) == 1
    assert await team.events(session.id) == ["SessionStarted"]


async def test_a_reply_with_a_screenshot_adds_it_and_a_redelivered_one_does_not(team: Stage) -> None:
    session = await team.session_in(THREAD)
    body = team.said("U0BEN", "mine says this", thread=THREAD, files=[team.file("screen.png", SHARED)])
    assert await team.sends(body)
    assert not await team.sends(body)
    body["event_id"] = "EvANOTHER"
    await team.sends(body)
    [found] = await kept(team, session)
    assert (found.by, found.link) == (team.office.ben.id, LINK)


async def test_a_screenshot_of_somebody_else_is_added_by_the_shortcut(team: Stage) -> None:
    session = await team.session_in(THREAD)
    files = [team.file("screen.png", SHARED)]
    await team.sends(team.shortcut("U0ANNA", ADD, "see this", files=files))
    assert [each.link for each in await kept(team, session)] == [LINK]


async def test_a_screenshot_in_the_start_form_is_kept(team: Stage) -> None:
    files = [team.file("screen.png", replace(SHOT, content=picture("GIF"), link=LINK))]
    await team.sends(team.submission("U0ANNA", "start", {}, {"text": "Outlook"}, files))
    [found] = await kept(team, (await team.only()).id)
    assert (found.media_type, found.link) == ("image/png", LINK)


async def test_nobody_is_told_that_a_broken_screenshot_was_kept(team: Stage) -> None:
    session = await team.session_in(THREAD)
    broken = team.file("screen.png", replace(SHARED, content=SHOT.content[:60]))
    await team.sends(team.shortcut("U0ANNA", ADD, "", files=[broken]))
    assert await kept(team, session) == ()
    assert await team.shown() == [f"file:{say('picture.damaged')}"]
    await team.sends(team.shortcut("U0ANNA", ADD, "", files=[team.file("screen.png", SHARED)]))
    assert len(await kept(team, session)) == 1
    assert (await team.shown())[-1] == "notice:evidence_kept"
