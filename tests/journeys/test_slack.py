"""Whole stories in Slack: real web and worker processes, a practice Slack that signs and refuses, a practice ConnectWise that remembers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.journeys.slack_office import (
    ANNA,
    BEN,
    CARLA,
    ESCALATIONS,
    HELP,
    QUIET,
    Json,
    Office,
    labels,
    office,
    shown,
)

TICKET = 4712
# Nine workers die; what each leaves unfinished is taken up when its lease ends, and written when its write has settled.
SOON_GIVEN_UP = {
    "FLOWPILOT_LEASE_SECONDS": "1.5",
    "FLOWPILOT_PSA_TIMEOUT_SECONDS": "1",
    "FLOWPILOT_PSA_DEADLINE_SECONDS": "1",
    "FLOWPILOT_PSA_SETTLE_SECONDS": "3.1",
}
FIX = "Ended the disconnected session on TSL-RDS01 and unlocked the account."


@pytest.fixture
async def at_work(empty_database: Database, redis_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    async with office(empty_database, redis_url, tmp_path) as one:
        yield one


async def _nothing() -> None:
    """What happens between two steps of a quiet day."""


Between = Callable[[], Awaitable[None]]


async def test_two_people_go_from_a_slash_command_over_an_escalation_to_the_note_in_connectwise(
    at_work: Office,
) -> None:
    await _whole_story(at_work, _nothing)


async def test_a_worker_that_is_killed_between_any_two_steps_loses_and_doubles_nothing(
    empty_database: Database, redis_url: str, tmp_path: Path
) -> None:
    killed: list[int] = []
    async with office(empty_database, redis_url, tmp_path, settings=SOON_GIVEN_UP) as at_work:

        async def dies() -> None:
            worker = at_work.programs["worker"]
            await worker.kill()
            await worker.start()
            killed.append(1)

        await _whole_story(at_work, dies)
    assert len(killed) == 9


async def _whole_story(at_work: Office, between: Between) -> None:
    root = await _started(at_work, between)
    await _answered(at_work, root, between)
    await _escalated(at_work, root, between)
    await _picked_up(at_work, root, between)
    await _resolved(at_work, root, between)
    await _once(at_work)


async def test_a_session_started_where_the_bot_is_not_a_member_lives_in_direct_messages(
    at_work: Office,
) -> None:
    await at_work.command(BEN, "Outlook keeps asking for a password", channel=QUIET)
    await at_work.private(BEN, "/invite @FlowPilot")
    dm = await at_work.direct(BEN)
    root = await at_work.card("Outlook keeps asking", channel=dm)
    step = await at_work.reply(root, "Step 1", channel=dm)
    assert "Resolve" in labels(step) + labels(root)
    assert await at_work.messages(QUIET) == []


async def test_only_the_owner_acts_and_everybody_else_is_told_privately_why(at_work: Office) -> None:
    root = await _started(at_work)
    await at_work.click(ANNA, root, "Pause")
    window = await at_work.window(ANNA, lambda v: "Only Ben" in shown(v))
    assert not window.get("submit")
    await at_work.say(ANNA, "I saw the same last week on TSL-RDS02", thread=root["ts"])
    await at_work.say(BEN, "@Anna Keller are you sure?", thread=root["ts"])
    await at_work.act(BEN, "say", channel=HELP, text="note: asked her by phone", thread_ts=root["ts"])
    async with at_work.store.transaction(at_work.account) as unit:
        session = (await unit.sessions.of(await at_work.user(BEN)))[0]

    async def noted() -> list[str] | None:
        async with at_work.store.transaction(at_work.account) as unit:
            history = await unit.sessions.history(session)
            texts = [note.text for note in history.notes] if history else []
            return texts if "asked her by phone" in texts else None

    notes = await at_work.until(noted, "the note")
    assert "I saw the same last week on TSL-RDS02" in notes
    assert not any("are you sure" in text for text in notes)


async def test_a_window_that_stays_after_its_form_is_filled_however_late_slack_shows_it(
    at_work: Office,
) -> None:
    at_work.slack.world.settings.travel_seconds = 0.6
    await at_work.act(ANNA, "open_home")
    await at_work.until(lambda: at_work.home_shows(ANNA, "C"), "the connection on Anna's Home")
    await at_work.act(ANNA, "click", home=True, label=await at_work.home_label(ANNA, "C"))
    await at_work.submit(
        ANNA,
        host=at_work.psa.url.removeprefix("http://"),
        company="practice",
        public_key="wrong",
        private_key="wrong",
    )
    told = await at_work.window(ANNA, lambda v: "not connected" in shown(v) or "does not accept" in shown(v))
    assert "wrong" not in shown(told)


async def test_home_shows_what_a_window_opened_from_it_brought_about(at_work: Office) -> None:
    root = await _started(at_work)
    await _escalated(at_work, root)
    await at_work.act(CARLA, "open_home")
    await at_work.until(lambda: at_work.home_shows(CARLA, "Pick up"), "the queue on Carla's Home")
    await at_work.act(CARLA, "click", home=True, label=await at_work.home_label(CARLA, "Pick up"))
    await at_work.submit(CARLA, manner="continue")

    async def hers() -> bool:
        return not await at_work.home_shows(CARLA, "Pick up") and await at_work.home_shows(CARLA, "Open")

    await at_work.until(hers, "the session among Carla's own")


async def _started(at_work: Office, between: Between = _nothing) -> Json:
    await at_work.command(BEN, f"#{TICKET}")
    await between()
    root = await at_work.card("Lena Fischer")
    step = await at_work.reply(root, "Step 1")
    assert {"Resolve and update #4712", "Escalate and update #4712", "Pause"} <= set(
        labels(root) + labels(step)
    )
    return root


async def _answered(at_work: Office, root: Json, between: Between) -> None:
    step = await at_work.reply(root, "Step 1")
    await at_work.click(BEN, step, labels(step)[0])
    await between()
    await at_work.until(lambda: at_work.collapsed(root, step), "the answered step in one line")
    await at_work.reply(root, "Step 2")


async def _escalated(at_work: Office, root: Json, between: Between = _nothing) -> None:
    root = await at_work.card("Lena Fischer")
    await at_work.click(BEN, root, f"Escalate and update #{TICKET}")
    await between()
    await at_work.submit(
        BEN,
        reason="Lockouts come from TSL-RDS01 and I have no access to that server.",
        promised="A call back before noon.",
    )
    await between()
    card = await at_work.card("TSL-RDS01", channel=ESCALATIONS)
    assert {"Pick up", "Advise"} <= set(labels(card))
    await at_work.posted("notes", TICKET)


async def _picked_up(at_work: Office, root: Json, between: Between) -> None:
    card = await at_work.card("TSL-RDS01", channel=ESCALATIONS)
    await at_work.click(CARLA, card, "Pick up", channel=ESCALATIONS)
    await between()
    await at_work.submit(CARLA, manner="continue", make_owner="yes")
    await between()
    briefing = await at_work.reply(root, "I have it")
    gone = await at_work.until(lambda: _without(at_work, "Pick up"), "the card without its button")
    assert "Carla Mendes" in shown(gone)
    await at_work.click(CARLA, briefing, "I have it")
    await between()


async def _without(at_work: Office, label: str) -> Json | None:
    card = await at_work.card("#4712", channel=ESCALATIONS)
    return None if label in labels(card) else card


async def _resolved(at_work: Office, root: Json, between: Between) -> None:
    async def ready() -> Json | None:
        card = await at_work.card("Lena Fischer")
        return card if f"Resolve and update #{TICKET}" in labels(card) else None

    await at_work.say(CARLA, "Ended a disconnected session of lfischer on TSL-RDS01.", thread=str(root["ts"]))
    await at_work.click(
        CARLA, await at_work.until(ready, "a card to resolve"), f"Resolve and update #{TICKET}"
    )
    await between()
    await at_work.submit(
        CARLA,
        summary="The account locked because a forgotten session on TSL-RDS01 used the old password.",
        fix=FIX,
        status_confirmed="yes",
    )
    await between()

    async def written() -> bool:
        return any(FIX in str(note["text"]) for note in at_work.psa.records("notes", TICKET))

    await at_work.until(written, "the note with the fix")

    async def completed() -> bool:
        return bool(at_work.psa.records("tickets", TICKET)[0]["status"]["name"] == "Completed")

    await at_work.until(completed, "the ticket completed")


async def _once(at_work: Office) -> None:
    """Everything owed is posted, each part once, and each card stands in Slack once."""

    async def settled() -> bool:
        async with at_work.store.transaction(at_work.account) as unit:
            session = (await unit.sessions.on_ticket(TICKET))[0]
            posts = await unit.posts.of_session(session)
            return all(post.state.value == "posted" or post.held_because for post in posts)

    await at_work.until(settled, "everything posted")
    notes = [str(note["text"]) for note in at_work.psa.records("notes", TICKET)]
    assert len(notes) == len(set(notes))
    assert any("Thread: https://practice.slack.com/archives/C0HELP/p" in note for note in notes)
    roots = [m for m in await at_work.messages() if "Lena Fischer" in shown(m)]
    assert len(roots) == 1
    marks = [
        m["metadata"]["event_payload"]["key"] for m in await at_work.replies(roots[0]) if m.get("metadata")
    ]
    assert len(marks) > 4
    assert len(marks) == len(set(marks)), marks
    assert len(await at_work.messages(ESCALATIONS)) == 1


async def test_the_same_story_begins_over_a_socket_where_slack_cannot_reach_us(
    empty_database: Database, redis_url: str, tmp_path: Path
) -> None:
    by_socket = {"SLACK_SIGNING_SECRET": "", "SLACK_APP_TOKEN": "xapp-practice"}
    async with office(empty_database, redis_url, tmp_path, settings=by_socket) as one:
        root = await _started(one)
        step = await one.reply(root, "Step 1")
        await one.say(BEN, "She gave the password she has with us", thread=str(root["ts"]))
        await one.until(lambda: one.collapsed(root, step), "the answered step in one line")
