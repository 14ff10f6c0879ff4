"""What Teams is asked to show and where: threads, flat chats, personal chats, and what is done when it will not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest

from bot.card import Card, Choice, Field, Form, Text
from bot.teams import addresses
from bot.teams.send import TeamsVoice
from bot.voices import UNOPENED, PlaceClosed, Posted, VoiceAway
from bot.words import say
from storage.places import Place
from tests.bot.teams.fake_connector import (
    ANNA,
    BEN,
    ESC,
    GROUP,
    HELP,
    LEA,
    FakeConnector,
    known_as,
    reached,
    tenant_of,
)
from tests.conftest import Database
from tests.fakes import Office, office

CARD = Card("notice", "Outlook", (Text("Step 1"),), (Choice("Pause", "pause", {"session": "s"}),))


@dataclass
class Chat:
    """An Account with one tenant whose help channel, group chat and Anna's personal chat are known."""

    place: Office
    tenant: str
    connector: FakeConnector
    voice: TeamsVoice

    def thread(self, channel: str = HELP, thread: str = "17.1", session: UUID | None = None) -> Place:
        return Place(uuid4(), "thread", "teams", self.tenant, channel, thread, session or uuid4())

    def direct(self, person: str = ANNA) -> Place:
        return Place(uuid4(), "direct", "teams", self.tenant, addresses.direct(person), "")

    async def show(
        self, place: Place, card: Card = CARD, ref: str | None = None, *, again: bool = False
    ) -> Posted | None:
        return await self.voice.show(place, "card", card, ref, again=again)

    async def chooses(self, channel: str) -> None:
        async with self.place.store.transaction(self.place.account) as unit:
            await unit.accounts.change_settings({"escalation_channel_teams": f"{self.tenant}|{channel}"})


@pytest.fixture
async def chat(database: Database) -> AsyncIterator[Chat]:
    async with office(database.app_url, pool_size=2) as place:
        tenant, connector = await tenant_of(place), FakeConnector()
        await reached(place, tenant, HELP, "channel")
        await reached(place, tenant, GROUP, "group")
        await reached(place, tenant, "a:anna", "personal", ANNA)
        await known_as(place, tenant, anna=ANNA, ben=BEN, lea=LEA)
        yield Chat(place, tenant, connector, TeamsVoice(place.store, connector))


# ── Where it is posted ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_reply_goes_into_its_thread_and_the_first_one_gives_it_a_link(chat: Chat) -> None:
    place = chat.thread()
    posted = await chat.show(place)
    [call] = chat.connector.calls
    assert (call.method, call.conversation, call.root) == ("post", HELP, "17.1")
    assert posted is not None
    assert posted.ref == addresses.ref(HELP, call.message)
    assert posted.place == place
    link = urlsplit(posted.link)
    assert link.path == "/l/message/19%3Ahelp%40thread.tacv2/17.1"
    assert parse_qs(link.query) == {"tenantId": [chat.tenant], "parentMessageId": ["17.1"]}
    assert await chat.show(replace(place, link=posted.link)) == Posted(
        addresses.ref(HELP, chat.connector.calls[-1].message)
    )


async def test_a_thread_that_is_not_open_begins_with_the_card_whose_id_is_its_root(chat: Chat) -> None:
    posted = await chat.show(chat.thread(thread=f"{UNOPENED}x"))
    [call] = chat.connector.calls
    assert call.method == "open_thread"
    assert posted is not None
    assert posted.place is not None
    assert (posted.place.thread, posted.place.channel) == (call.message, HELP)
    assert f"parentMessageId={call.message}" in posted.link


@pytest.mark.parametrize("channel", [GROUP, addresses.direct(ANNA)])
async def test_a_flat_chat_has_no_replies_and_its_thread_is_the_card_itself(chat: Chat, channel: str) -> None:
    posted = await chat.show(chat.thread(channel, f"{UNOPENED}x"))
    [call] = chat.connector.calls
    assert (call.method, call.root) == ("post", "")
    assert posted is not None
    assert posted.place is not None
    assert (posted.place.thread, posted.place.channel, posted.link) == (call.message, channel, "")
    later = await chat.show(posted.place)
    assert chat.connector.calls[-1].root == ""
    assert later is not None
    assert later.place is None


async def test_a_personal_chat_that_was_never_opened_is_opened_once(chat: Chat) -> None:
    for _ in range(2):
        await chat.show(chat.direct(BEN))
    assert [each.method for each in chat.connector.calls] == ["open_chat", "post", "post"]
    assert {each.conversation for each in chat.connector.made("post")} == {f"a:{BEN}"}


async def test_a_channel_nobody_wrote_in_is_reached_as_the_others_are(chat: Chat) -> None:
    escalations = Place(uuid4(), "escalations", "teams", chat.tenant, ESC, "")
    posted = await chat.show(escalations)
    [call] = chat.connector.calls
    assert (call.method, call.conversation) == ("open_thread", ESC)
    assert posted == Posted(addresses.ref(ESC, call.message))
    await chat.show(escalations, ref=posted.ref)
    assert chat.connector.calls[-1].root == call.message


# ── Editing, and what cannot be done ────────────────────────────────────────────────────────────────────────


async def test_what_is_known_is_edited_and_what_is_gone_is_posted_anew(chat: Chat) -> None:
    place = chat.thread()
    first = await chat.show(place)
    assert first is not None
    again = await chat.show(place, ref=first.ref, again=True)
    assert again is not None
    assert again.ref == first.ref
    chat.connector.standing.clear()
    anew = await chat.show(place, ref=first.ref)
    assert [each.method for each in chat.connector.calls] == ["post", "update", "update", "post"]
    assert anew is not None
    assert anew.ref != first.ref


async def test_a_post_whose_end_nobody_saw_is_unsure_and_then_posted_again(chat: Chat) -> None:
    chat.connector.away("post", unsure=True)
    with pytest.raises(VoiceAway) as away:
        await chat.show(chat.thread())
    assert (away.value.seconds, away.value.sure) == (7.0, False)
    chat.connector.away("post", unsure=False)
    with pytest.raises(VoiceAway) as known:
        await chat.show(chat.thread())
    assert known.value.sure
    assert await chat.show(chat.thread(), again=True) is not None
    assert [each.method for each in chat.connector.calls] == ["post"] * 3


async def test_a_chat_that_could_not_be_opened_has_shown_nothing_for_sure(chat: Chat) -> None:
    chat.connector.away("open_chat", unsure=True)
    with pytest.raises(VoiceAway) as away:
        await chat.show(chat.direct(BEN))
    assert away.value.sure


@pytest.mark.parametrize(
    ("status", "code", "why"),
    [
        (403, "BotNotInConversationRoster", "not_in_team"),
        (403, "MessageWritesBlocked", "not_allowed"),
        (404, "ConversationNotFound", "root_gone"),
    ],
)
async def test_a_place_that_is_closed_says_why_in_words_we_have(
    chat: Chat, status: int, code: str, why: str
) -> None:
    for kind, method in (("thread", "post"), ("escalations", "open_thread")):
        chat.connector.refuses(method, status, code)
        place = replace(chat.thread(), kind=kind, thread="17.1" if kind == "thread" else "")
        with pytest.raises(PlaceClosed) as closed:
            await chat.show(place)
        assert closed.value.key == f"closed.{kind}.{why}"
        assert say(f"notice.{closed.value.key}")
    chat.connector.refuses("post", status, code)
    assert await chat.show(chat.direct()) is None


async def test_a_tenant_that_is_not_connected_is_waited_for(chat: Chat) -> None:
    for tenant in (str(uuid4()), await tenant_of(chat.place, linked=False), await tenant_of(chat.place)):
        with pytest.raises(VoiceAway) as away:
            await chat.show(replace(chat.thread(), workspace=tenant))
        assert away.value.sure
    chat.connector.refuses("post", 401, "Unauthorized")
    with pytest.raises(VoiceAway):
        await chat.show(chat.thread())


async def test_what_teams_finds_too_much_is_shown_shorter_with_its_buttons(chat: Chat) -> None:
    chat.connector.refuses("post", 413, "MessageSizeTooBig")
    await chat.show(chat.thread())
    short = chat.connector.calls[-1].text
    assert say("teams.too_large") in short
    assert "Pause" in short
    chat.connector.refuses("post", 400, "BadSyntax", times=2)
    await chat.show(chat.thread())
    assert chat.connector.calls[-1].activity["text"].startswith("Outlook")


# ── What is on it ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_step_says_how_it_is_answered_only_where_plain_words_are_not_heard(chat: Chat) -> None:
    step = Card("step", "Step 1", (Text("Restart it"),), box={"session": "s", "step": "1"})
    await reached(chat.place, chat.tenant, ESC, "channel", hears=True)
    said = {}
    for channel in (HELP, GROUP, ESC, addresses.direct(ANNA)):
        await chat.show(chat.thread(channel), step)
        said[channel] = say("teams.use_box") in chat.connector.calls[-1].text
    assert said == {HELP: True, GROUP: True, ESC: False, addresses.direct(ANNA): False}
    await chat.show(chat.thread(), CARD)
    assert say("teams.use_box") not in chat.connector.calls[-1].text


async def test_a_card_calls_those_of_its_own_tenant_by_their_names(chat: Chat) -> None:
    calls = (("teams", chat.tenant, LEA), ("teams", "another", "aad-strange"), ("slack", "T1", "U1"))
    await chat.show(chat.thread(), replace(CARD, calls=calls))
    drawn = chat.connector.calls[-1].text
    assert "<at>Lea</at>" in drawn
    assert "aad-strange" not in drawn
    assert "U1" not in drawn


async def test_a_form_offers_the_channels_that_are_known(chat: Chat) -> None:
    form = Form("settings", (Field("escalation_channel", "Channel", "channel"),), "Save")
    await chat.show(chat.direct(), Card("form", "Settings", form=form))
    assert f"{chat.tenant}|{HELP}" in chat.connector.calls[-1].text


# ── Whose place, and who reads there ────────────────────────────────────────────────────────────────────────


async def test_a_session_without_a_place_lives_beside_its_parent_or_with_its_owner(chat: Chat) -> None:
    parent = await chat.place.session(await chat.place.start())
    child = replace(parent, id=uuid4(), parent_id=parent.id)
    async with chat.place.store.transaction(chat.place.account) as unit:
        await unit.sessions.save(None, replace(child, version=0))
        own = await chat.voice.thread(unit, parent)
        await unit.places.ensure("thread", "teams", chat.tenant, HELP, "17.9", parent.id)
        beside = await chat.voice.thread(unit, child)
    assert own is not None
    assert (own.channel, own.thread) == (addresses.direct(ANNA), f"{UNOPENED}{parent.id}")
    assert beside is not None
    assert (beside.channel, beside.thread) == (HELP, f"{UNOPENED}{child.id}")


async def test_who_takes_over_gets_a_place_only_where_he_is_in_none(chat: Chat) -> None:
    session = replace(await chat.place.session(await chat.place.start()), owner_id=chat.place.ben.id)
    async with chat.place.store.transaction(chat.place.account) as unit:
        await unit.places.ensure("thread", "teams", chat.tenant, HELP, f"17.{session.id}", session.id)
    found = await chat.voice.elsewhere(chat.place.account, session)
    assert found is not None
    assert (found.kind, found.channel) == ("thread", addresses.direct(BEN))
    await chat.chooses(ESC)
    async with chat.place.store.transaction(chat.place.account) as unit:
        channel = await chat.voice.channel(unit)
        assert channel is not None
        ref = addresses.ref(ESC, "18.1")
        await unit.places.keep(channel.id, f"escalation:{session.id}", {"kind": "notice"}, ref)
    under = await chat.voice.elsewhere(chat.place.account, session)
    assert under is not None
    assert (under.kind, under.channel, under.thread) == ("thread", ESC, "18.1")
    chat.connector.rosters[HELP] = {BEN}
    assert await chat.voice.elsewhere(chat.place.account, session) is None
    chat.connector.refuses("member", 403, "BotNotInConversationRoster")
    assert await chat.voice.elsewhere(chat.place.account, session) == under
    chat.connector.away("member", unsure=False)
    with pytest.raises(VoiceAway):
        await chat.voice.elsewhere(chat.place.account, session)


async def test_a_link_is_given_only_where_everybody_in_the_escalation_channel_can_follow_it(
    chat: Chat,
) -> None:
    opens, account = chat.voice.opens, chat.place.account
    assert not await opens(account, chat.thread(addresses.direct(ANNA)))
    assert await opens(account, chat.thread())
    await chat.chooses(ESC)
    chat.connector.rosters = {ESC: {ANNA, BEN}, HELP: {ANNA}}
    assert not await opens(account, chat.thread())
    chat.connector.rosters[HELP] |= {BEN, LEA}
    assert await opens(account, chat.thread())
    assert await opens(account, chat.thread(ESC))
    assert not await opens(account, replace(chat.thread(), workspace="another"))
    chat.connector.refuses("members", 403, "BotNotInConversationRoster")
    assert not await opens(account, chat.thread())


async def test_private_answers_go_to_the_personal_chat_and_there_is_no_home(chat: Chat) -> None:
    nobody: Any = uuid4()
    assert not await chat.voice.answer(chat.place.account, nobody, "way", CARD)
    await chat.voice.home(chat.place.account, nobody, "way", (CARD,))
    assert chat.connector.calls == []
    assert chat.voice.inline_forms
