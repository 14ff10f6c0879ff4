"""The adapter against the practice Teams: what it posts, edits, opens and looks up, and when it gives up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.teams.adapter import TeamsAdapter
from bot.teams.port import Away, Connector, Reference, Refused
from demo.teams_world import ANNA, GUEST, STRANGER, TENANT
from tests.bot.teams.connector_site import HELP, QUICK, SAID, Scene, Tokens, adapter_for, scene


@pytest.fixture
async def here() -> AsyncIterator[Scene]:
    async with scene() as found:
        yield found


def test_the_adapter_is_a_connector() -> None:
    connector: type[Connector] = TeamsAdapter
    assert connector is TeamsAdapter


# ── What it does ────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_thread_is_opened_answered_edited_and_cleared_away(here: Scene) -> None:
    root = await here.adapter.open_thread(here.channel, SAID)
    reply = await here.adapter.post(here.channel, {"type": "message", "text": "one"}, root)
    await here.adapter.update(here.channel, reply, {"type": "message", "text": "two – ü"}, root)
    [thread] = here.posted()
    assert (thread["id"], thread["text"]) == (root, "hello")
    assert [(each["id"], each["text"]) for each in thread["replies"]] == [(reply, "two – ü")]
    await here.adapter.delete(here.channel, reply, root)
    assert here.posted()[0]["replies"] == []


async def test_a_personal_chat_is_opened_by_the_id_in_the_directory_and_posted_to(here: Scene) -> None:
    chat = await here.adapter.open_chat(here.channel, ANNA)
    assert (chat.tenant, chat.kind, chat.person) == (TENANT, "personal", ANNA)
    assert chat.address == here.teams.service_url
    await here.adapter.post(chat, SAID)
    assert here.teams.personal(ANNA)["messages"][-1]["text"] == "hello"


async def test_a_message_that_is_gone_is_refused_with_the_code_of_teams(here: Scene) -> None:
    with pytest.raises(Refused) as refused:
        await here.adapter.update(here.channel, "1699999999999", SAID)
    assert (refused.value.status, refused.value.code) == (404, "ActivityNotFoundInConversation")


async def test_a_channel_without_the_bot_is_refused_with_the_code_of_teams(here: Scene) -> None:
    with pytest.raises(Refused) as refused:
        await here.adapter.open_thread(here.reference("19:quiet@thread.tacv2", "channel"), SAID)
    assert refused.value.code == "BotNotInConversationRoster"
    assert refused.value.log_safe == "create: 403 BotNotInConversationRoster"


async def test_somebody_is_found_by_either_id_and_a_stranger_is_nobody(here: Scene) -> None:
    anna = await here.adapter.member(here.channel, ANNA)
    assert anna is not None
    assert (anna.person, anna.email, anna.full) == (ANNA, "anna@practice.example", True)
    assert await here.adapter.member(here.channel, anna.id) == anna
    assert await here.adapter.member(here.channel, STRANGER) is None


async def test_the_roster_is_read_page_by_page_and_guests_are_told_apart(here: Scene) -> None:
    here.teams.settings.page_size = 2
    found = {each.person: each.full for each in await here.adapter.members(here.group)}
    everybody = here.teams.conversation(here.group.conversation)["members"]
    assert set(found) == set(everybody)
    assert len(here.calls("members")) == (len(everybody) + 1) // 2
    everyone = {each.person: each.full for each in await here.adapter.members(here.channel)}
    assert everyone.get(GUEST, False) is False
    assert everyone[ANNA] is True


async def test_the_channels_of_a_team_have_names_even_the_first(here: Scene) -> None:
    found = dict(await here.adapter.channels(here.channel))
    assert HELP in found
    assert all(found.values())
    assert await here.adapter.channels(replace(here.channel, team="")) == ()


async def test_what_stands_in_the_activity_arrives_whole(here: Scene) -> None:
    label = {
        "type": "https://schema.org/Message",
        "@type": "Message",
        "additionalType": ["AIGeneratedContent"],
        "citation": [{"@type": "Claim", "position": 1}],
    }
    activity = {**SAID, "entities": [label], "channelData": {"feedbackLoop": {"type": "default"}}}
    await here.adapter.open_thread(here.channel, activity)
    [posted] = here.posted()
    assert posted["entities"] == [label]
    assert posted["channelData"] == {"feedbackLoop": {"type": "default"}}


async def test_half_a_letter_does_not_stop_a_message(here: Scene) -> None:
    await here.adapter.open_thread(here.channel, {**SAID, "text": "broken \ud83d end"})
    assert here.posted()[0]["text"] == "broken ? end"


# ── When Teams asks for patience ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["429", "412", "503", "502", "504", "reset"])
async def test_a_post_is_repeated_until_teams_takes_it(here: Scene, kind: str) -> None:
    here.teams.faults.add(kind=kind, method="post", times=2, retry_after=0)
    await here.adapter.post(here.channel, SAID)
    assert [each["text"] for each in here.posted()] == ["hello"]
    assert len(here.calls("post")) == 3
    assert here.pauses.seconds == [0.0075, 0.015]  # doubling, with chance in the middle


async def test_the_wait_is_the_one_teams_asked_for(here: Scene) -> None:
    here.teams.faults.add(kind="429", method="post", times=1, retry_after=3)
    await here.adapter.post(here.channel, SAID)
    assert here.pauses.seconds == [3.0]


async def test_a_wait_longer_than_a_call_may_take_is_handed_on_at_once(here: Scene) -> None:
    here.teams.faults.add(kind="429", method="post", times=1, retry_after=120)
    with pytest.raises(Away) as away:
        await here.adapter.post(here.channel, SAID)
    assert (away.value.retry_after, away.value.unsure, here.pauses.seconds) == (120.0, False, [])
    assert away.value.log_safe == "post: http_429"


@pytest.mark.parametrize(
    ("kind", "unsure"),
    [
        ("429", False),
        ("412", False),
        ("503", False),
        ("502", True),
        ("504", True),
        ("lost", True),
        ("reset", True),
    ],
)
async def test_repeats_end_and_say_whether_it_may_have_been_done(
    here: Scene, kind: str, unsure: bool
) -> None:
    here.teams.faults.add(kind=kind, method="post", times=None, retry_after=0)
    with pytest.raises(Away) as away:
        await here.adapter.post(here.channel, SAID)
    assert away.value.unsure is unsure
    assert len(here.calls("post")) == 1 + QUICK.repeats


async def test_one_doubt_among_the_repeats_is_not_forgotten(here: Scene) -> None:
    here.teams.faults.add(kind="502", method="post", times=1)
    here.teams.faults.add(kind="503", method="post", times=None, retry_after=0)
    with pytest.raises(Away) as away:
        await here.adapter.post(here.channel, SAID)
    assert away.value.unsure


async def test_a_doubtful_post_is_not_repeated_where_that_is_not_wanted() -> None:
    async with scene(limits=replace(QUICK, repeat_unsure=False)) as here:
        here.teams.faults.add(kind="lost", method="post", times=1)
        here.teams.faults.add(kind="503", method="post", times=1, skip=1, retry_after=0)
        with pytest.raises(Away) as away:
            await here.adapter.post(here.channel, SAID)
        assert away.value.unsure
        assert len(here.posted()) == 1
        await here.adapter.post(here.channel, SAID)  # the 503 on the way is sure, and repeated
        assert len(here.posted()) == 2


async def test_reading_is_never_a_doubt(here: Scene) -> None:
    here.teams.faults.add(kind="504", method="members", times=None)
    with pytest.raises(Away) as away:
        await here.adapter.members(here.channel)
    assert not away.value.unsure


async def test_a_server_that_does_not_answer_does_not_hold_us_up() -> None:
    async with scene(limits=replace(QUICK, attempt=0.05, repeats=1)) as here:
        here.teams.faults.add(kind="stall", method="post", times=None, seconds=20)
        async with asyncio.timeout(3):
            with pytest.raises(Away) as away:
                await here.adapter.post(here.channel, SAID)
        assert (away.value.unsure, away.value.log_safe) == (True, "post: timeout")


async def test_nobody_listens_there_is_a_sure_away(here: Scene) -> None:
    at = replace(here.channel, raw={**here.channel.raw, "serviceUrl": "http://127.0.0.1:1/connector"})
    with pytest.raises(Away) as away:
        await here.adapter.post(at, SAID)
    assert (away.value.unsure, away.value.log_safe) == (False, "post: unreachable")


async def test_an_error_of_teams_is_not_repeated_blindly(here: Scene) -> None:
    here.teams.faults.add(kind="500", method="post", times=None)
    with pytest.raises(Away) as away:
        await here.adapter.post(here.channel, SAID)
    assert away.value.unsure
    assert len(here.calls("post")) == 1


# ── Tokens ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_many_calls_at_once_log_in_once(here: Scene) -> None:
    await asyncio.gather(*(here.adapter.post(here.channel, SAID) for _ in range(8)))
    assert here.teams.world.tokens_given == 1


async def test_two_processes_share_a_token(here: Scene) -> None:
    shared = Tokens()
    for _ in range(2):
        adapter = adapter_for(here.teams, cache=shared)
        await adapter.post(here.channel, SAID)
        await adapter.close()
    assert here.teams.world.tokens_given == 1


async def test_a_refused_token_is_thrown_away_once_here_and_in_the_cache() -> None:
    shared = Tokens()
    async with scene(cache=shared) as here:
        await here.adapter.post(here.channel, SAID)
        before = dict(shared.kept)
        here.teams.world.tokens.clear()
        await here.adapter.post(here.channel, SAID)
        assert here.teams.world.tokens_given == 2
        assert shared.kept != before
        assert len(here.posted()) == 2


async def test_a_token_that_is_always_refused_ends_as_refused(here: Scene) -> None:
    here.teams.faults.add(kind="BotNotRegistered", method="post", times=None)
    with pytest.raises(Refused) as refused:
        await here.adapter.post(here.channel, SAID)
    assert refused.value.status == 401
    assert len(here.calls("post")) == 2


async def test_a_wrong_secret_is_refused_in_words_of_the_login_and_without_the_secret(here: Scene) -> None:
    stranger = TeamsAdapter(
        "11111111-2222-4333-8444-555555555555",
        "wrong-secret",
        TENANT,
        login_url=here.teams.login_url,
        openid_url=here.teams.openid_url,
    )
    with pytest.raises(Refused) as refused:
        await stranger.post(here.channel, SAID)
    await stranger.close()
    assert refused.value.log_safe.startswith("login: 401 invalid_client")
    assert "wrong-secret" not in f"{refused.value}{stranger._login!r}"


async def test_a_login_that_is_away_is_a_sure_away() -> None:
    async with scene(limits=replace(QUICK, login=0.05, repeats=1)) as here:
        here.teams.faults.add(kind="stall", method="token", times=None, seconds=20)
        with pytest.raises(Away) as away:
            await here.adapter.post(here.channel, SAID)
        assert (away.value.unsure, away.value.log_safe) == (False, "login: timeout")
        assert here.calls("post") == []


# ── Where it speaks to ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "address", ["http://teams.example/", "ftp://127.0.0.1/", "https://a:b@teams.example/", ""]
)
async def test_an_address_that_is_not_spoken_to_gets_no_request(here: Scene, address: str) -> None:
    at = replace(here.channel, raw={"serviceUrl": address})
    with pytest.raises(Refused) as refused:
        await here.adapter.post(at, SAID)
    assert refused.value.code == "ServiceUrlRefused"
    assert here.calls("token") == []


async def test_a_reference_without_a_conversation_is_refused_before_anything_is_asked(here: Scene) -> None:
    with pytest.raises(Refused):
        await here.adapter.post(Reference(TENANT, "", "group", here.group.raw), SAID)
    assert here.teams.journal() == []
