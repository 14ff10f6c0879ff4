"""A screenshot on its whole way: shared in Slack, fetched with our token, kept, and linked on the session card."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot.screenshots import exif, picture
from tests.conftest import Database
from tests.journeys.slack_office import ANNA, HELP, Office, office


@pytest.fixture
async def at_work(empty_database: Database, redis_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    async with office(empty_database, redis_url, tmp_path) as one:
        yield one


async def test_a_screenshot_that_was_shared_stands_on_the_card_with_the_way_to_it(at_work: Office) -> None:
    content = base64.b64encode(picture("JPEG", exif=exif())).decode()
    sent = {"name": "image.png", "mimetype": "image/jpeg", "content_b64": content}
    await at_work.say(ANNA, "<@U0FLOW> Outlook shows an odd message, zq", HELP, files=[sent])
    card = await at_work.card("One screenshot came with it. Kept with the session.")
    assert "https://practice.slack.com/files/U0ANNA/" in json.dumps(card["blocks"])
    async with at_work.store.transaction(at_work.account) as unit:
        [session] = await unit.sessions.of(await at_work.user(ANNA))
        [kept] = await unit.pictures.of_session(session)
        stored = await unit.pictures.content(kept.id)
    assert (kept.name, kept.media_type, kept.width) == ("image.png", "image/jpeg", 80)
    assert stored is not None
    assert b"Secretphone" not in stored
