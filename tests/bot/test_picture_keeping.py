"""Screenshots from the console to the Session's card: kept once, with the event they came with, and said where not."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from bot import cards
from bot.console_files import attached
from bot.console_reading import ConsoleReader
from bot.front import Front
from bot.picture_keeping import MOST_OF_A_SESSION, picture_id
from bot.pictures import Prepared, prepared
from bot.viewing import view_of
from bot.words import say
from engine.effects import Lane
from engine.events import Abandoned
from engine.intake import Attachment
from engine.ports import Raw
from engine.session import Session
from storage.pictures import Picture, PictureState, Shot
from storage.receiving import Receiving
from tests.bot.card_views import view, words
from tests.bot.screenshots import SHOT, opened, picture, shots
from tests.conftest import Database
from tests.fakes import Office, Room, office, receiving, room

GREEN = Attachment("green.png", "image/png", picture(colour="green"))


@dataclass
class Desk:
    """Anna's console before the real front and the real database."""

    place: Office
    room: Room
    token: str

    async def says(self, text: str = "", *files: Attachment, kind: str = "say", **said: Any) -> None:
        sent = [
            {"name": f.name, "type": f.media_type, "content": base64.b64encode(f.content).decode()}
            for f in files
        ]
        await self.sends({"kind": kind, "text": text, "files": sent, **said})

    async def sends(self, body: dict[str, Any]) -> None:
        payload = json.dumps({"from": self.token, "body": body}).encode()
        key = f"{self.token}:{uuid4()}"
        await self.room.desk.receive(Raw("console", key, f"console:{self.token}", payload))
        await self.room.desk.handle(f"console:{self.token}")
        assert self.room.trouble.noted == []

    async def adds(self, session: UUID, text: str, *files: Attachment) -> None:
        """Typed in the Session's thread."""
        async with self.place.store.transaction(self.place.account) as unit:
            [thread] = await unit.places.of_session(session)
        await self.says(text, *files, place=str(thread.id))

    async def sessions(self) -> list[Session]:
        rows = await self.place.rows("select id from ai_sessions order by created_at, id")
        return [await self.place.session(row.id) for row in rows]

    async def only(self) -> Session:
        [found] = await self.sessions()
        return found

    async def pictures(self, session: UUID) -> tuple[Picture, ...]:
        async with self.place.store.transaction(self.place.account) as unit:
            return await unit.pictures.of_session(session)

    async def told(self) -> list[str]:
        """The sentences about files."""
        rows = await self.place.rows("select args from outbox where verb = 'Tell' order by id")
        return [w.removeprefix("file:") for row in rows if (w := row.args["what"]).startswith("file:")]

    async def events(self, session: UUID) -> Sequence[str]:
        query = "select event from session_log where session_id = :s order by id"
        return [row.event for row in await self.place.rows(query, s=session)]


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as made:
        yield made


@pytest.fixture
async def receives(database: Database) -> AsyncIterator[Receiving]:
    async with receiving(database.app_url) as made:
        yield made


@pytest.fixture
async def desk(place: Office, receives: Receiving) -> Desk:
    token = uuid4().hex
    async with place.store.transaction(place.account) as unit:
        await unit.accounts.add_identity(place.anna.id, "console", "console", token)
    front = cast("Any", Front({"console": ConsoleReader()}))
    return Desk(place, room(place, receives, front=front), token)


# ── From the console ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_file_named_on_the_console_begins_a_session_with_its_picture(
    desk: Desk, tmp_path: Path
) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(picture("WEBP"))
    said, files = attached(f"{path} Outlook shows this")
    await desk.sends({"kind": "say", "text": said, "files": list(files)})
    session = await desk.only()
    [kept] = await desk.pictures(session.id)
    assert (session.intake.text, session.intake.image_urls) == ("Outlook shows this", ("x.png",))
    assert (kept.name, kept.media_type, kept.link, kept.by) == ("x.png", "image/png", "", desk.place.anna.id)
    assert (kept.state, kept.saw) == (PictureState.KEPT, "")
    async with desk.place.store.transaction(desk.place.account) as unit:
        content = await unit.pictures.content(kept.id)
    assert content is not None
    assert (opened(content).size, kept.size) == ((80, 40), len(content))


async def test_a_picture_in_the_thread_is_evidence_and_is_kept_with_it(desk: Desk) -> None:
    await desk.says("Outlook fails")
    session = await desk.only()
    await desk.adds(session.id, "now it says this", SHOT)
    [kept] = await desk.pictures(session.id)
    assert kept.name == "screen.png"
    assert (await desk.events(session.id))[-1] == "EvidenceAdded"
    async with desk.place.store.transaction(desk.place.account) as unit:
        history = await unit.sessions.history(session.id)
    assert history is not None
    assert [note.text for note in history.notes] == ["now it says this\nPictures: screen.png"]


async def test_the_same_picture_is_kept_once_and_alone_it_says_nothing_new(desk: Desk) -> None:
    await desk.says("Outlook fails", SHOT)
    session = await desk.only()
    before = await desk.events(session.id)
    await desk.adds(session.id, "", SHOT)
    assert await desk.events(session.id) == before
    await desk.adds(session.id, "look again", SHOT, GREEN)
    assert [each.name for each in await desk.pictures(session.id)] == ["screen.png", "green.png"]
    async with desk.place.store.transaction(desk.place.account) as unit:
        assert (await unit.pictures.of_session(session.id))[0].id == _id(session.id, SHOT)


def _id(session: UUID, file: Attachment) -> UUID:
    found = prepared(file)
    assert isinstance(found, Prepared)
    return picture_id(session, found)


async def test_one_that_cannot_be_read_is_said_and_leaves_nothing(desk: Desk) -> None:
    await desk.says("", Attachment("a.png", "image/png", b"\x89PNG\r\n\x1a\n"))
    assert await desk.sessions() == []
    assert await desk.told() == [say("picture.damaged")]
    await desk.says("Outlook fails", Attachment("a.png", "image/png", b"\x89PNG\r\n\x1a\n"))
    session = await desk.only()
    assert (session.intake.image_urls, await desk.pictures(session.id)) == ((), ())


async def test_a_session_keeps_twenty_and_says_so_of_the_others(desk: Desk) -> None:
    await desk.says("Outlook fails", *shots(5))
    session = await desk.only()
    async with desk.place.store.transaction(desk.place.account) as unit:
        for number in range(MOST_OF_A_SESSION - 6):
            await unit.pictures.add(session.id, desk.place.anna.id, f"{number}", "image/png", 1, 1, b"x")
    await desk.adds(session.id, "more", *shots(5), SHOT, GREEN)
    kept = await desk.pictures(session.id)
    assert len(kept) == MOST_OF_A_SESSION
    assert [each.name for each in kept][-1] == "screen.png"
    assert await desk.told() == [say("picture.too_many", most=6, count=1)]
    await desk.adds(session.id, "and this", GREEN)
    assert len(await desk.pictures(session.id)) == MOST_OF_A_SESSION
    assert (await desk.told())[-1] == say("picture.full", most=20, count=1)


# ── While somebody chooses ──────────────────────────────────────────────────────────────────────────────────


async def draft_of(desk: Desk) -> str:
    rows = await desk.place.rows("select id from drafts where kind = 'start' order by created_at desc")
    return str(rows[0].id)


async def test_start_anyway_brings_the_pictures_that_waited(desk: Desk) -> None:
    await desk.says("#4711 Outlook fails")
    first = await desk.only()
    await desk.says("#4711 again, see here", SHOT, GREEN)
    assert len(await desk.sessions()) == 1
    assert await desk.pictures(first.id) == ()
    await desk.says(kind="click", verb="start_anyway", args={"draft": await draft_of(desk)})
    [second] = [each for each in await desk.sessions() if each.id != first.id]
    assert second.intake.image_urls == ("screen.png", "green.png")
    assert [each.name for each in await desk.pictures(second.id)] == ["screen.png", "green.png"]


async def test_a_follow_up_has_the_picture_that_came_after_the_end(desk: Desk) -> None:
    await desk.says("Outlook fails")
    ended = await desk.only()
    await desk.place.apply(desk.room.desk, ended.id, Abandoned(desk.place.anna, "not now"))
    await desk.adds(ended.id, "it is back", SHOT)
    assert await desk.pictures(ended.id) == ()
    args = {"draft": await draft_of(desk), "session": str(ended.id)}
    await desk.says(kind="click", verb="follow_up", args=args)
    [new] = [each for each in await desk.sessions() if each.id != ended.id]
    assert new.parent_id == ended.id
    assert [each.name for each in await desk.pictures(new.id)] == ["screen.png"]


async def test_evidence_that_the_engine_refuses_keeps_no_picture(desk: Desk) -> None:
    await desk.says("Outlook fails")
    session = await desk.only()
    await desk.place.apply(desk.room.desk, session.id, Abandoned(desk.place.anna, "not now"))
    args = {"session": str(session.id)}
    await desk.says("", SHOT, kind="click", verb="evidence", args=args, fields={"text": "late"})
    assert await desk.pictures(session.id) == ()


# ── The card ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_card_shows_what_is_kept(desk: Desk) -> None:
    await desk.says("Outlook fails", SHOT)
    session = await desk.only()
    await desk.room.desk.deliver(desk.place.account, session.id, Lane.WORK)
    async with desk.place.store.transaction(desk.place.account) as unit:
        seen = await view_of(unit, session.id)
    assert seen is not None
    assert seen.pictures == (Shot("screen.png"),)
    said = words(cards.session_card(seen))
    assert (
        "One screenshot came with it. Kept with the session. Without Claude nobody reads it for you." in said
    )
    assert "Screenshot: screen.png" in said


def shown(*pictures: Shot, **more: Any) -> str:
    return words(cards.session_card(view(pictures=pictures, **more)))


def test_the_card_says_who_reads_it() -> None:
    one = Shot("a.png")
    assert "Kept with the session. Without" not in shown(one, reads_pictures=True)
    assert "One screenshot came with it. Kept with the session." in shown(one, reads_pictures=True)
    held = Shot("a.png", state=PictureState.HELD_BACK)
    assert "Kept with the session, and not sent to Claude." in shown(held, reads_pictures=True)
    agreed = Shot("a.png", saw="0x8000ffff in Outlook", state=PictureState.AGREED)
    said = shown(agreed, reads_pictures=True)
    assert "Kept with" not in said
    assert "0x8000ffff in Outlook" in said
    assert "Without Claude nobody reads them for you." in shown(one, Shot("b.png"))


def test_each_screenshot_is_the_way_to_its_original_even_where_all_have_one_name() -> None:
    links = [f"https://practice.slack.com/files/U/F{n}/image.png" for n in range(8)]
    card = cards.session_card(view(pictures=tuple(Shot("image.png", link) for link in links)))
    [block] = [b for b in card.blocks if b.block == "fields" and b.pairs[0][0] == "Screenshots"]
    assert block.block == "fields"
    assert block.links == {f"{n} image.png": links[n - 1] for n in range(1, 7)}
    assert block.pairs[0][1].endswith("6 image.png · 2 more")


def test_a_hostile_name_or_address_is_only_text() -> None:
    card = cards.session_card(view(pictures=(Shot("a\u202egpj.exe\n<!channel>" * 9, "javascript:alert(1)"),)))
    [block] = [b for b in card.blocks if b.block == "fields" and b.pairs[0][0] == "Screenshot"]
    assert block.block == "fields"
    assert dict(block.links) == {}
    assert "\u202e" not in block.pairs[0][1]
    assert len(block.pairs[0][1]) <= 40
