"""Which Session words in Teams belong to: the thread's, that of the message they quote, or the chat's latest."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.teams import addresses
from engine.session import Status
from storage.receiving import Receiving
from tests.bot.teams.scene import ANNA, BEN, ESC, GROUP, HELP, Body, Stage, stage
from tests.conftest import Database
from tests.fakes import Office, office, receiving

OWN = f"user:{ANNA}"


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


def named(person: str, name: str) -> Body:
    return {"type": "mention", "mentioned": {"id": f"29:{person}", "name": name}, "text": f"<at>{name}</at>"}


def quoting(message: str) -> Body:
    html = (
        f'<blockquote itemscope itemtype="http://schema.skype.com/Reply" itemid="{message}">'
        "<p>Question 1?</p></blockquote><p>yes</p>"
    )
    return {"contentType": "text/html", "content": html}


# ── In a channel ────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_owners_reply_answers_the_step_where_we_are_named_and_where_we_hear_it_without(
    team: Stage,
) -> None:
    first, second = await team.session_in(HELP, "1600"), await team.session_in(HELP, "1601")
    await team.sends(team.calls(ANNA, "yes", HELP, "1600"))
    await team.sends(team.says(ANNA, "yes", HELP, "1601"))
    assert await team.events(first) == ["StepAnswered"]
    assert await team.events(second) == ["StepAnswered"]
    reached = await team.reached(HELP)
    assert reached is not None
    assert reached.hears


async def test_people_who_speak_to_each_other_are_left_alone(team: Stage) -> None:
    session = await team.session_in(HELP, "1600")
    ben = named(BEN, "Ben")
    await team.sends(team.says(ANNA, "<at>Ben</at> look at this", HELP, "1600", entities=[ben]))
    await team.sends(team.says(ANNA, "lunch?", HELP, "1700"))
    assert await team.events(session) == []
    text = "<at>Ben</at> says the cable is fine <at>FlowPilot</at>"
    called = team.calls(ANNA, "", HELP, "1600", entities=[ben])
    await team.sends({**called, "text": text})
    assert await team.events(session) == ["StepAnswered"]
    assert len(await team.sessions()) == 1


async def test_a_colleagues_reply_is_a_note_and_never_an_answer(team: Stage) -> None:
    session = await team.session_in(HELP, "1600")
    await team.sends(team.calls(BEN, "yes", HELP, "1600"))
    assert await team.events(session) == ["NoteAdded"]


async def test_a_command_in_a_thread_is_its_sessions_and_start_opens_another_thread(team: Stage) -> None:
    session = await team.session_in(HELP, "1600")
    await team.sends(team.calls(ANNA, "pause: waiting for the customer", HELP, "1600"))
    assert await team.events(session) == ["Paused"]
    await team.sends(team.calls(ANNA, "start: the scanner too", HELP, "1600"))
    (other,) = [each for each in await team.sessions() if each.id != session]
    assert await team.lives(other.id) == (HELP, f"new:{other.id}")


async def test_our_name_alone_in_a_thread_of_ours_shows_how_it_stands(team: Stage) -> None:
    session = await team.session_in(HELP, "1600")
    await team.sends(team.calls(ANNA, "", HELP, "1600"))
    (shown,) = await team.owed()
    assert (shown.what, shown.args["session"]) == ("status", str(session))


async def test_words_in_the_thread_of_a_session_that_ended_are_kept_for_a_follow_up_there(
    team: Stage,
) -> None:
    await team.session_in(HELP, "1600", status="resolved")
    await team.sends(team.calls(ANNA, "it is back", HELP, "1600"))
    assert await team.shown() == ["duplicate_ticket"]
    await team.sends(team.calls(ANNA, "follow up", HELP, "1600"))
    (child,) = [each for each in await team.sessions() if each.parent_id]
    assert await team.lives(child.id) == (HELP, f"new:{child.id}")


async def test_only_our_name_makes_words_beside_the_request_for_help_ours(team: Stage) -> None:
    session = await team.session_in(HELP, "1600")
    async with team.office.store.transaction(team.office.account) as unit:
        channel = await unit.places.ensure("escalations", "teams", team.tenant, ESC)
        await unit.places.keep(channel.id, f"escalation:{session}", {}, addresses.ref(ESC, "1900"))
        await unit.places.keep(channel.id, "told:1", {}, addresses.ref(ESC, "1901"))
    await team.sends(team.says(BEN, "I can take it after lunch", ESC, "1900"))
    assert await team.events(session) == []
    await team.sends(team.calls(BEN, "I saw this driver before", ESC, "1900"))
    assert await team.events(session) == ["NoteAdded"]
    await team.sends(team.calls(BEN, "printer down", ESC, "1901"))
    assert len(await team.sessions()) == 2


# ── In a chat ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_words_in_his_own_chat_go_to_the_session_that_began_last(team: Stage) -> None:
    first, second = await team.session_in(OWN, "1"), await team.session_in(OWN, "2")
    await team.sends(team.says(ANNA, "yes"))
    assert (await team.events(first), await team.events(second)) == ([], ["StepAnswered"])


async def test_what_is_worked_on_comes_before_what_is_paused(team: Stage) -> None:
    first, second = await team.session_in(OWN, "1"), await team.session_in(OWN, "2", status="paused")
    await team.sends(team.says(ANNA, "yes"))
    assert (await team.events(first), await team.events(second)) == (["StepAnswered"], [])


@pytest.mark.parametrize("how", ["html", "reference"])
async def test_a_quoted_card_says_which_session_is_meant(team: Stage, how: str) -> None:
    first, second = await team.session_in(OWN, "1"), await team.session_in(OWN, "2")
    quote = (
        quoting(f"card:{first}")
        if how == "html"
        else {"contentType": "messageReference", "id": f"card:{first}"}
    )
    await team.sends(team.says(ANNA, "yes", attachments=[quote]))
    assert (await team.events(first), await team.events(second)) == (["StepAnswered"], [])


async def test_a_ticket_alone_is_linked_to_what_is_open_and_start_begins_another(team: Stage) -> None:
    session = await team.session_in(OWN, "1")
    await team.sends(team.says(ANNA, "#4711"))
    assert await team.events(session) == ["TicketLinked"]
    await team.sends(team.says(ANNA, "start: the scanner too"))
    (other,) = [each for each in await team.sessions() if each.id != session]
    assert await team.lives(other.id) == (OWN, f"new:{other.id}")


async def test_with_none_open_words_start_one_and_a_command_means_the_one_that_ended(team: Stage) -> None:
    ended = await team.session_in(OWN, "1", status="resolved")
    await team.sends(team.says(ANNA, "rate 4"))
    assert await team.events(ended) == ["Rated"]
    await team.sends(team.says(ANNA, "follow up"))
    (child,) = [each for each in await team.sessions() if each.parent_id == ended]
    assert await team.lives(child.id) == (OWN, f"new:{child.id}")
    async with team.office.store.transaction(team.office.account) as unit:
        found = await unit.sessions.get(child.id, lock=True)
        assert found is not None
        assert found.status is Status.ACTIVE


async def test_status_where_nothing_is_open_is_about_his_sessions_and_not_about_an_old_one(
    team: Stage,
) -> None:
    await team.session_in(OWN, "1", status="resolved")
    await team.sends(team.says(ANNA, "status"))
    assert await team.shown() == ["mine"]


async def test_in_a_group_his_own_session_comes_first(team: Stage) -> None:
    annas, bens = await team.session_in(GROUP, "1"), await team.session_in(GROUP, "2", BEN)
    await team.sends(team.calls(ANNA, "yes", GROUP))
    assert (await team.events(annas), await team.events(bens)) == (["StepAnswered"], [])


@pytest.mark.parametrize("words", ["Internet is down at Alder Freight", "#4719"])
async def test_in_a_group_what_somebody_without_a_session_reports_starts_one_of_his_own(
    team: Stage, words: str
) -> None:
    bens = await team.session_in(GROUP, "2", BEN)
    await team.sends(team.calls(ANNA, words, GROUP))
    (own,) = [each for each in await team.sessions() if each.id != bens]
    assert own.owner_id == team.office.anna.id
    assert await team.events(bens) == []
    assert await team.lives(own.id) == (GROUP, f"new:{own.id}")


async def test_in_a_group_a_colleagues_yes_starts_nothing(team: Stage) -> None:
    bens = await team.session_in(GROUP, "2", BEN)
    await team.sends(team.calls(ANNA, "yes", GROUP))
    assert [each.id for each in await team.sessions()] == [bens]
    assert await team.events(bens) == ["NoteAdded"]


async def test_a_ticket_named_with_words_is_another_problem_in_a_chat_without_threads(team: Stage) -> None:
    first = await team.session_in(OWN, "1")
    await team.sends(team.says(ANNA, "#4711 printer offline, tried: another cable"))
    assert await team.events(first) == []
    assert len(await team.sessions()) == 2


async def test_a_long_text_or_a_file_after_start_begins_another_session(team: Stage) -> None:
    first = await team.session_in(OWN, "1")
    await team.sends(team.says(ANNA, "start: the scanner too\n" + "2026-11-23 ERROR scan failed\n" * 40))
    (other,) = [each for each in await team.sessions() if each.id != first]
    assert await team.events(first) == []
    assert not other.intake.text.startswith("start")


async def test_in_a_group_only_our_name_or_a_quoted_card_makes_words_ours(team: Stage) -> None:
    session = await team.session_in(GROUP, "1")
    await team.sends(team.says(ANNA, "yes", GROUP))
    await team.sends(team.says(ANNA, "yes", GROUP, attachments=[quoting("somebody else's")]))
    assert await team.events(session) == []
    await team.sends(team.says(ANNA, "yes", GROUP, attachments=[quoting(f"card:{session}")]))
    assert await team.events(session) == ["StepAnswered"]


async def test_sessions_of_another_chat_and_of_another_tenant_are_not_reached(
    place: Office, receives: Receiving, team: Stage
) -> None:
    session = await team.session_in(f"user:{BEN}", "1", BEN)
    await team.sends(team.says(ANNA, "printer down"))
    assert await team.events(session) == []
    assert len(await team.sessions()) == 2
