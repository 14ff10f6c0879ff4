"""The sign of life in Teams: which calls are made at which second, and what stands there in the end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest

from bot.live import SHOWN, Watched, ending
from bot.teams import addresses
from bot.teams.live import TeamsLives, TeamsSign
from bot.teams.port import Connector, Reference
from bot.teams.ways import NotThere
from bot.words import say
from storage.places import Place
from tests.bot.teams.connector_site import scene
from tests.bot.teams.fake_connector import ANNA, GROUP, HELP, Call, FakeConnector, reached, tenant_of
from tests.conftest import Database
from tests.fakes import office

SESSION = UUID(int=7)
ROOT = "1700000000001"
CHAT = "a:anna"
KINDS: dict[str, Any] = {HELP: "channel", GROUP: "group", CHAT: "personal"}


@dataclass
class OneWay:
    """Every Place is reached as this conversation; None is nowhere."""

    at: Reference | None

    async def to(self, place: Place) -> Reference:
        if self.at is None:
            raise NotThere("the tenant is not connected")
        return self.at


@dataclass
class Chat:
    """One conversation, and what Teams was asked about it."""

    conversation: str
    connector: FakeConnector = field(default_factory=FakeConnector)
    kept: list[str] = field(default_factory=list)

    async def keep(self, ref: str) -> None:
        self.kept.append(ref)

    def sign(
        self,
        left: str = "",
        connector: Connector | None = None,
        at: Reference | None = None,
        thread: str = ROOT,
    ) -> TeamsSign | None:
        nothing: Any = None
        lives = TeamsLives(connector or self.connector, nothing)
        own = Reference("t", self.conversation, KINDS[self.conversation], {}, person=ANNA)
        way: Any = OneWay(at or own)
        lives.ways = way
        channel = addresses.direct(ANNA) if self.conversation == CHAT else self.conversation
        place = Place(UUID(int=1), "thread", "teams", "t", channel, thread, SESSION)
        return lives.begin(place, Watched(SESSION, 4, ANNA, left), self.keep)

    def begun(self, **given: Any) -> TeamsSign:
        sign = self.sign(**given)
        assert sign is not None
        return sign

    def methods(self) -> list[str]:
        """Of the calls since this was asked last."""
        return [each.method for each in self.connector.taken()]


@pytest.fixture
def chat() -> Chat:
    return Chat(CHAT)


@pytest.fixture
def channel() -> Chat:
    return Chat(HELP)


def stream(call: Call) -> tuple[str, Any, Any, str]:
    [entity] = call.activity["entities"]
    given = call.activity["text"]
    return entity["streamType"], entity.get("streamId"), entity.get("streamSequence"), given


# ── In a personal chat ──────────────────────────────────────────────────────────────────────────────────────


async def test_an_answer_grows_in_a_personal_chat_and_goes_when_the_step_comes(chat: Chat) -> None:
    sign = chat.begun()
    waits = [await sign.draw(at, text) for at, text in ((0.7, ""), (1.8, "The log "), (2.9, "The log says"))]
    [first, *later] = chat.connector.made()
    assert stream(first) == ("informative", None, 1, say("teams.live.status"))
    assert [stream(each) for each in later] == [
        ("streaming", first.message, 2, "The log "),
        ("streaming", first.message, 3, "The log says"),
    ]
    assert {each.activity["type"] for each in chat.connector.taken()} == {"typing"}
    assert min(waits) >= 1.0
    await sign.end()
    final, gone = chat.connector.taken()
    assert stream(final) == ("final", first.message, None, "The log says")
    assert final.activity["type"] == "message"
    assert (gone.method, gone.message) == ("delete", first.message)
    assert chat.kept == [addresses.ref(CHAT, first.message), ""]


async def test_words_that_did_not_grow_are_not_sent_again(chat: Chat) -> None:
    sign = chat.begun()
    for at in (0.7, 1.8, 2.9):
        await sign.draw(at, "")
    for at in (4.0, 5.1):
        await sign.draw(at, "The log")
    assert chat.methods() == ["post", "post"]


@pytest.mark.parametrize(
    ("at", "text"), [(110.0, "The log says"), (9.0, "Anew"), (9.0, "The log " + "x" * SHOWN)]
)
async def test_a_stream_that_may_not_go_on_ends_and_is_edited_with_a_stop_button(
    chat: Chat, at: float, text: str
) -> None:
    sign = chat.begun()
    await sign.draw(0.7, "The log ")
    [first] = chat.connector.taken()
    await sign.draw(at, text)
    final, edited = chat.connector.taken()
    assert stream(final) == ("final", first.message, None, "The log ")
    assert (edited.method, edited.message) == ("update", first.message)
    assert say("verb.stop") in edited.text
    await sign.end()
    assert chat.methods() == ["delete"]


async def test_a_client_that_takes_no_stream_gets_the_card(chat: Chat) -> None:
    chat.connector.refuses("post", 403, "ContentStreamNotAllowed")
    sign = chat.begun()
    await sign.draw(0.7, "")
    await sign.draw(2.7, "The log")
    streamed, card = chat.connector.taken()
    assert stream(streamed)[0] == "informative"
    assert card.activity["attachments"]


# ── In channels and group chats ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("conversation", "root"), [(HELP, ROOT), (GROUP, "")])
async def test_elsewhere_one_card_says_that_it_works_and_can_be_stopped(conversation: str, root: str) -> None:
    chat = Chat(conversation)
    sign = chat.begun()
    assert await sign.draw(0.7, "") == 2.0
    assert chat.methods() == []
    await sign.draw(2.7, "The log")
    [card] = chat.connector.made()
    assert (card.method, card.root) == ("post", root)
    assert say("teams.live.working", seconds=2) in card.text
    assert '"verb": "stop"' in card.text
    assert '"turn": "4"' in card.text
    await sign.end()
    gone = chat.connector.made()[-1]
    assert (gone.method, gone.message, gone.root) == ("delete", card.message, root)
    assert chat.kept == [addresses.ref(conversation, card.message), ""]


async def test_the_card_is_edited_for_new_words_and_seldom_for_the_seconds(channel: Chat) -> None:
    sign = channel.begun()
    for at, text in ((2.0, "a"), (3.0, "ab"), (4.0, "ab"), (6.0, "ab"), (13.9, "ab"), (14.0, "ab")):
        await sign.draw(at, text)
    assert channel.methods() == ["post", "update", "update"]


async def test_a_card_that_somebody_deleted_is_replaced_once(channel: Chat) -> None:
    sign = channel.begun()
    await sign.draw(2.0, "a")
    channel.connector.standing.clear()
    await sign.draw(4.0, "ab")
    await sign.draw(6.0, "abc")
    assert channel.methods() == ["post", "update", "delete", "post"]
    channel.connector.standing.clear()
    await sign.draw(8.0, "abcd")
    await sign.draw(60.0, "abcde")
    await sign.end()
    assert channel.methods() == ["update", "delete"]
    assert channel.kept[-1] == ""


async def test_a_card_that_may_not_be_deleted_becomes_one_muted_line(channel: Chat) -> None:
    sign = channel.begun()
    await sign.draw(2.0, "a")
    channel.connector.refuses("delete", 403, "Forbidden")
    await sign.end()
    last = channel.connector.made()[-1]
    assert last.method == "update"
    assert say("teams.live.over") in last.text
    assert say("verb.stop") not in last.text
    assert channel.kept[-1] == ""


# ── When Teams is not well ──────────────────────────────────────────────────────────────────────────────────


async def test_while_teams_asks_for_patience_nothing_is_sent(channel: Chat) -> None:
    channel.connector.away("post", unsure=False, seconds=9.0)
    sign = channel.begun()
    assert await sign.draw(2.0, "a") == 9.0
    assert await sign.draw(5.0, "ab") == 6.0
    assert channel.methods() == ["post"]
    await sign.draw(11.0, "ab")
    assert channel.methods() == ["post"]


@pytest.mark.parametrize("conversation", [HELP, CHAT])
async def test_what_may_stand_there_under_an_id_nobody_knows_stays_the_only_one(conversation: str) -> None:
    chat = Chat(conversation)
    chat.connector.away("post", unsure=True)
    sign = chat.begun()
    for at in (2.0, 30.0, 90.0):
        assert await sign.draw(at, "a") <= 30.0
    await sign.end()
    assert chat.methods() == ["post"]


async def test_what_cannot_be_taken_away_is_left_for_the_next_call(channel: Chat) -> None:
    sign = channel.begun()
    await sign.draw(2.0, "a")
    channel.connector.away("delete", unsure=True)
    await sign.end()
    [left] = channel.kept
    channel.connector.taken()
    after = channel.begun(left=left)
    await after.draw(2.0, "b")
    await after.end()
    assert channel.methods() == ["update", "delete"]
    assert channel.kept == [left, ""]


async def test_a_stream_that_a_process_left_is_taken_over_as_a_message(chat: Chat) -> None:
    chat.connector.standing[CHAT, "17"] = {}
    sign = chat.begun(left=addresses.ref(CHAT, "17"))
    await sign.draw(2.0, "b")
    await sign.end()
    assert chat.methods() == ["update", "delete"]


async def test_nothing_is_begun_before_the_session_is_shown_and_nothing_sent_where_nobody_is(
    channel: Chat,
) -> None:
    assert channel.sign(thread="new:1") is None
    sign = channel.begun()
    sign._ways = OneWay(None)  # type: ignore[assignment]
    assert await sign.draw(2.0, "a") == 30.0
    await sign.end()
    assert channel.methods() == []


async def test_the_way_of_a_linked_tenant_is_found_in_the_database(database: Database) -> None:
    async with office(database.app_url, pool_size=1) as place:
        tenant, connector, chat = await tenant_of(place), FakeConnector(), Chat(HELP)
        await reached(place, tenant, HELP, "channel")
        at = Place(UUID(int=1), "thread", "teams", tenant, HELP, ROOT, SESSION)
        sign = TeamsLives(connector, place.store).begin(at, Watched(SESSION, 4, ANNA, ""), chat.keep)
        assert sign is not None
        await sign.draw(2.0, "a")
    assert [(each.method, each.root) for each in connector.made()] == [("post", ROOT)]


def test_of_a_long_text_its_end_is_shown_from_a_whole_word() -> None:
    assert ending("short") == "short"
    long = ending("word " * 2_000)
    assert len(long) <= SHOWN
    assert long.startswith("…word")


# ── Against the practice Teams and its rules of streaming ───────────────────────────────────────────────────


async def test_the_practice_teams_takes_the_stream_and_the_card_and_nothing_of_them_stays() -> None:
    async with scene() as at:
        at.teams.settings.stream_gap = 0.0
        chat = Chat(CHAT)
        own = await at.adapter.open_chat(at.channel, "a0000000-0000-4000-8000-000000000001")
        sign = chat.begun(connector=at.adapter, at=replace(own))
        for second, text in (
            (0.7, ""),
            (1.8, "The log "),
            (2.9, "The log says"),
            (111.0, "The log says why"),
        ):
            await sign.draw(second, text)
        [standing] = [each for each in at.posted(own.conversation) if not each.get("deleted")]
        assert say("verb.stop") in str(standing)
        assert [each["status"] for each in at.calls("post")] == [201, 202, 202, 202]
        await sign.end()
        assert [each for each in at.posted(own.conversation) if not each.get("deleted")] == []
