"""What free words do: tickets in every spelling, quick words that never say the opposite, words after the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from bot import saying
from engine import walking
from engine.effects import Show, Tell
from engine.events import NoteAdded, PushRetried, SessionStarted, StepAnswered, TicketLinked
from engine.flows import Flow
from engine.session import Option, Session, Status
from storage.library import built_in_flows
from storage.store import Store
from tests.bot.saying_scene import clicked, current, inbound, kept, said
from tests.conftest import Database
from tests.fakes import VAULT, Office, move_in

pytestmark = pytest.mark.asyncio(loop_scope="module")

LINK = "https://na.myconnectwise.net/v4_6_release/services/system_io/Service/fv_sr100_request.rails?service_recid=4711"
SPELLINGS = ("#4711", "ticket 4711", "Ticket 4711", "ticket #4711", "tickets 4711", "4711", LINK)
QUICK = {
    "yes": ("y", "yes", "yep"),
    "no": ("n", "no", "nope"),
    "done": ("done", "did it", "finished"),
    "no_change": ("no change", "same", "still the same", "same problem"),
    "fixed": ("fixed", "works", "works now", "that fixed it"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store(database: Database) -> AsyncIterator[Store]:
    """One for all tests of this file, which run on one loop: each of its statements is put together only once."""
    opened = Store(database.app_url, VAULT)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="module")
async def place(store: Store) -> Office:
    return await move_in(store)


async def on_the_table(place: Office, *options: Option, status: str = "active") -> Session:
    session = await place.session(await place.start(status=status))
    step = replace(current(session), options=options) if options else current(session)
    return replace(session, current=step)


@pytest.mark.parametrize("text", SPELLINGS)
async def test_a_ticket_in_any_spelling_starts_a_session_on_it(place: Office, text: str) -> None:
    (act,) = await said(place, place.anna, text)
    assert isinstance(act.event, SessionStarted)
    assert act.event.intake.ticket_id == 4711


@pytest.mark.parametrize("text", SPELLINGS)
async def test_a_ticket_in_any_spelling_links_the_session_it_is_typed_in(place: Office, text: str) -> None:
    session = await on_the_table(place)
    (act,) = await said(place, place.anna, text, session)
    assert act.event == TicketLinked(place.anna, 4711)


async def test_tickets_with_words_still_searches(place: Office) -> None:
    (act,) = await said(place, place.anna, "tickets acme printer")
    assert [effect.what for effect in act.effects if isinstance(effect, Show)] == ["tickets"]


@pytest.mark.parametrize(
    ("word", "labels"),
    [
        ("no", ("saved:New key saved and seen", "failed:Backup failed")),
        ("no", ("a:No change", "b:Now it prints")),
        ("no change", ("same_range:Same address range", "route:Route missing")),
        ("y", ("works:Works on the hotspot", "fails:Fails on every Wi-Fi")),
        ("yes", ("a:Yesterday", "b:Last week")),
        ("done", ("a:Donegal office", "b:Dublin office")),
        ("yes", ("a:Yes, it works", "b:Yes, but slowly")),
    ],
)
async def test_a_quick_word_that_fits_no_option_surely_is_kept_as_words(
    place: Office, word: str, labels: tuple[str, ...]
) -> None:
    options = [Option(*label.split(":")) for label in labels]
    (act,) = await said(place, place.anna, word, await on_the_table(place, *options))
    assert act.event == StepAnswered(place.anna, 1, text=word, bundled=True)


@pytest.mark.parametrize(
    ("word", "option"),
    [
        ("yes", Option("works", "Yes, it works")),
        ("no", Option("no", "Nothing of it")),
        ("no change", Option("b", "No change")),
        ("same", Option("b", "No difference - it still fails")),
        ("done", Option("b", "Done")),
        ("works now", Option("fixed", "It is fixed")),
        ("y", Option("b", "Locked out", "yes")),
        ("no change", Option("b", "Asks again", "no_change")),
    ],
)
async def test_a_quick_word_picks_the_option_that_means_it(place: Office, word: str, option: Option) -> None:
    session = await on_the_table(place, Option("a", "Another thing", "other"), option)
    (act,) = await said(place, place.anna, word, session)
    assert act.event == StepAnswered(place.anna, 1, option=option.id)


@pytest.mark.parametrize("flow", built_in_flows(), ids=lambda flow: flow.id)
async def test_no_quick_word_picks_an_option_of_another_meaning_in_any_flow(
    place: Office, flow: Flow
) -> None:
    session, picked = await on_the_table(place), 0
    async with place.store.transaction(place.account) as unit:
        asked = await inbound(unit, place.anna, session)
        for node in flow.nodes.values():
            proposed = replace(
                walking.step_for(replace(session, step_count=0), node, flow.title), number=1, outcome=None
            )
            declared = {o.id: o.outcome.value for o in node.options} | {"fixed": "fixed", "not_fixed": "no"}
            shown = replace(asked, session=replace(session, current=proposed))
            for kind, word in ((kind, word) for kind, words in QUICK.items() for word in words):
                (act,) = await saying.acts(replace(shown, text=word))
                assert isinstance(act.event, StepAnswered)
                if act.event.option is None:
                    assert act.event.text == word
                    continue
                picked += 1
                meant = {"done": "yes"}.get(kind, kind)
                assert declared[act.event.option] == meant, (node.id, word, act.event.option)
    assert picked > 0


def declared_outcomes(flow: Flow, session: Session) -> list[tuple[str, str]]:
    steps = (walking.step_for(session, node, flow.title) for node in flow.nodes.values() if node.options)
    return [(option.id, option.outcome) for step in steps for option in step.options]


async def test_an_option_carries_what_its_flow_says_it_means_through_the_database(place: Office) -> None:
    session = await on_the_table(place)
    assert all(outcome for _, outcome in declared_outcomes(built_in_flows()[0], session))
    step = replace(current(session), options=(Option("a", "Locked out", "yes"),))
    blank = replace(place.blank(uuid4(), session.created_at), current=step, touched=(step,))
    async with place.store.transaction(place.account) as unit:
        await unit.sessions.save(None, blank)
    assert current(await place.session(blank.id)).options[0].outcome == "yes"


@pytest.mark.parametrize("text", ["1", "yes", "ok", "done", "option 2"])
async def test_a_colleagues_bare_answer_is_chatter(place: Office, text: str) -> None:
    session = await on_the_table(place)
    (act,) = await said(place, place.ben, text, session)
    assert act.event == NoteAdded(place.ben, text, chatter=True)


async def test_a_colleagues_sentence_is_a_note_under_his_name(place: Office) -> None:
    (act,) = await said(place, place.ben, "The switch was replaced on Monday", await on_the_table(place))
    assert act.event == NoteAdded(place.ben, "The switch was replaced on Monday")


def shown(act: Any) -> Show:
    found = [effect for effect in act.effects if isinstance(effect, Show)]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("status", ["resolved", "abandoned", "escalated"])
@pytest.mark.parametrize("ticket", [None, 4711])
async def test_words_after_the_end_are_kept_and_a_follow_up_starts_from_them(
    place: Office, status: str, ticket: int | None
) -> None:
    session = replace(await on_the_table(place, status=status), ticket_id=ticket)
    (act,) = await said(place, place.anna, "It is offline again since noon", session)
    offer = shown(act)
    assert (offer.what, offer.session) == ("duplicate_ticket", session.id)
    assert offer.draft is not None
    content = await kept(place, offer.draft, place.anna)
    assert content is not None
    assert (content["text"], content["ticket_id"]) == ("It is offline again since noon", ticket)
    (started,) = await clicked(place, session, "follow_up", draft=str(offer.draft))
    assert isinstance(started.event, SessionStarted)
    assert started.event.intake.text == "It is offline again since noon"
    assert started.event.intake.ticket_id == ticket
    assert started.event.parent_id == session.id


async def test_thanks_after_the_end_offers_nothing(place: Office) -> None:
    (act,) = await said(place, place.anna, "thanks", await on_the_table(place, status="resolved"))
    assert act.effects == (Tell(to=place.anna.id, what="refused.ended_words"),)


@pytest.mark.parametrize("text", SPELLINGS)
async def test_a_ticket_after_the_end_is_linked_and_what_waits_is_posted(place: Office, text: str) -> None:
    session = await on_the_table(place, status=Status.RESOLVED.value)
    acts = await said(place, place.anna, text, session)
    assert [act.event for act in acts] == [TicketLinked(place.anna, 4711), PushRetried(place.anna)]
