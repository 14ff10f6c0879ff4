"""Who may do what in Slack, and what happens while the app is uninstalled or our own processes are down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from yarl import URL

from tests.conftest import Database
from tests.journeys.slack_office import (
    ANNA,
    BEN,
    CARLA,
    ESCALATIONS,
    HELP,
    TEAM,
    Office,
    office,
    shown,
)
from tests.journeys.slack_trouble import (
    DM,
    DORA,
    GUEST,
    STRANGER,
    asked,
    card_of,
    first_answer,
    know_dora,
    mark_of,
    marks,
    notes_of,
    prepare,
    room,
    rows,
    stands_once,
    told_privately,
    understood,
)


@pytest.fixture
async def at_work(empty_database: Database, redis_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    async with office(empty_database, redis_url, tmp_path) as one:
        await one.see(f"dm/{BEN}")  # from now on the conversation is there to be looked at
        yield one


# ── Who may ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_guests_and_strangers_start_nothing_change_nothing_and_become_nobody(
    at_work: Office, empty_database: Database
) -> None:
    root, first = await asked(at_work, "Outlook keeps asking for a password")
    room(at_work, HELP).members.append(STRANGER)
    for user in (GUEST, STRANGER):
        await at_work.say(user, "@FlowPilot the printer prints nothing")
        await at_work.say(user, "Only this user", thread=root["ts"])
        await at_work.say(user, "resolve", thread=root["ts"])
        await at_work.click(user, first, "Only this user")
    await at_work.command(GUEST, "the printer prints nothing")
    await at_work.say(GUEST, "help", channel="dm")
    await at_work.act(GUEST, "open_home")
    await understood(at_work, empty_database)
    for user in (GUEST, STRANGER):
        assert await at_work.see(f"ephemeral/{user}") == []
        assert await at_work.see(f"home/{user}") == {}
        assert await at_work.windows(user) == []
    await at_work.click(GUEST, root, "Pause")
    await understood(at_work, empty_database)
    assert "Guests cannot use FlowPilot" in shown(await at_work.window(GUEST))
    assert await marks(at_work) == ["card", "step:1"]
    assert [m for m in await at_work.messages("D0GUEST") if m.get("bot_id")] == []
    wrong = "select external_id from identities where external_id in ('U0GUEST', 'U0STRANGE')"
    assert await rows(empty_database, wrong) == []


async def test_whoever_is_neither_owner_nor_lead_is_told_so_privately_however_he_tries(
    at_work: Office,
) -> None:
    root, first = await asked(at_work, "Outlook keeps asking for a password")
    await at_work.say(ANNA, "pause", thread=root["ts"])
    await told_privately(at_work, ANNA, "Only Ben", 1)
    await at_work.click(ANNA, first, "Only this user")
    await told_privately(at_work, ANNA, "Only Ben", 2)
    assert await marks(at_work) == ["card", "step:1"]
    await at_work.click(CARLA, first, "Only this user")
    await at_work.reply(root, "Step 2")
    await at_work.click(BEN, root, "Escalate")
    form = await at_work.window(BEN, lambda view: bool(view.get("submit")))
    await at_work.click(CARLA, await card_of(at_work, "Outlook"), "Take over (Lead)")
    await at_work.submit(CARLA, reason="Ben has gone home.")
    await at_work.until(lambda: _owned(at_work, "Carla"), "the new owner")
    await at_work.act(BEN, "submit", view_id=form["id"], values={"reason": "I cannot go on with this."})
    await at_work.until(lambda: _refused(at_work), "a refusal of the form")
    assert await at_work.messages(ESCALATIONS) == []


async def _owned(at_work: Office, name: str) -> bool:
    return name in shown(await card_of(at_work, "Outlook"))


async def _refused(at_work: Office) -> bool:
    seen = [
        *(await at_work.windows(BEN)),
        *(await at_work.see(f"ephemeral/{BEN}")),
        *(await at_work.messages(DM)),
    ]
    return any("Only Carla" in f"{shown(m)}{m.get('errors')}" for m in seen)


# ── The app is gone ────────────────────────────────────────────────────────────────────────────────────────


async def test_what_was_owed_while_the_app_was_uninstalled_shows_up_soon_after_it_is_installed_again(
    empty_database: Database, redis_url: str, tmp_path: Path
) -> None:
    many = {"SLACK_CLIENT_ID": "practice-client", "SLACK_CLIENT_SECRET": "practice-client-secret"}
    async with office(empty_database, redis_url, tmp_path, settings=many) as at_work:
        root, first = await asked(at_work, "Outlook keeps asking for a password")
        know_dora(at_work)
        prepare(at_work, "token_revoked", "*", times=None)
        await at_work.click(BEN, first, "Only this user")
        await at_work.say(DORA, "@FlowPilot the printer in the hall prints nothing")
        await at_work.say(BEN, "note: she uses a phone too", thread=root["ts"])
        await notes_of(at_work, BEN, 1)
        async with at_work.client.post(f"{at_work.url}/_practice/workspaces/{TEAM}/uninstall") as reply:
            assert reply.status == 200
        await at_work.until(lambda: _state(at_work, "uninstalled"), "the keys deleted")
        at_work.slack.faults.clear()
        assert [mark_of(m) for m in await at_work.replies(root) if m.get("bot_id")] == ["step:1"]
        await _installed_again(at_work)
        second = await at_work.reply(root, "Step 2")
        await at_work.click(BEN, second, first_answer(second))
        await at_work.reply(root, "Step 3")
        await card_of(at_work, "the printer in the hall")
        await stands_once(at_work)


async def _installed_again(at_work: Office) -> None:
    """Through the pages, as a person with a browser does it."""
    ours = f"http://127.0.0.1:{at_work.programs['web'].environment['FLOWPILOT_PORT']}/slack"
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        async with browser.get(f"{ours}/install", allow_redirects=False) as begun:
            asked = URL(begun.headers["Location"]).extend_query(redirect_uri=f"{ours}/oauth_redirect")
        async with browser.get(asked) as page:
            assert page.status == 200, await page.text()


async def _state(at_work: Office, wanted: str) -> bool:
    async with at_work.store.transaction() as unit:
        found = await unit.workspace("slack", TEAM)
    return found is not None and found.state == wanted


# ── We are not well ourselves ──────────────────────────────────────────────────────────────────────────────


async def test_what_people_do_while_web_redis_or_the_whole_of_slacks_api_is_away_is_done_all_the_same(
    empty_database: Database, redis_url: str, tmp_path: Path
) -> None:
    async with (
        _through(redis_url) as (ours, cut),
        office(empty_database, ours, tmp_path) as at_work,
    ):
        root, first = await asked(at_work, "Outlook keeps asking for a password")
        know_dora(at_work)
        cut()
        prepare(at_work, "reset", "*", times=None)
        heard = await at_work.say(DORA, "@FlowPilot the printer in the hall prints nothing")
        assert heard["status"] == 200
        assert len(await rows(empty_database, "select 1 from inbox where state = 'new'")) == 1
        assert (await at_work.click(BEN, first, "Only this user"))["status"] == 200
        at_work.slack.faults.clear()
        await card_of(at_work, "the printer in the hall")
        await at_work.reply(root, "Step 2")

        at_work.slack.world.settings.retry_delays = ()
        await at_work.programs["web"].kill()
        for number in range(3):
            assert (await at_work.say(BEN, f"note: number {number}", thread=root["ts"]))["status"] == 0
        unheard = [row["event_id"] for row in at_work.slack.journal(sent="events_api") if not row["status"]]
        await at_work.programs["web"].start()
        await at_work.until(lambda: _sent_again(at_work, unheard[0]), "the first of them taken by web")
        for event_id in (*unheard, *unheard):
            await at_work.act(BEN, "retry", event_id=event_id)
        kept = [note.text for note in await notes_of(at_work, BEN, 3)]
        assert kept == [f"number {number}" for number in range(3)]
        await stands_once(at_work)


async def _sent_again(at_work: Office, event_id: str) -> bool:
    return bool((await at_work.act(BEN, "retry", event_id=event_id))["status"] == 200)


@asynccontextmanager
async def _through(redis_url: str) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """Redis behind a door that can be shut: its address, and what shuts it."""
    whole = urlsplit(redis_url)
    ways: list[asyncio.StreamWriter] = []

    async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while some := await source.read(65_536):
                sink.write(some)
        sink.close()

    async def let_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        unix = whole.scheme == "unix"
        inside = await (
            asyncio.open_unix_connection(whole.path)
            if unix
            else asyncio.open_connection(whole.hostname, whole.port or 6379)
        )
        ways.extend((writer, inside[1]))
        await asyncio.gather(pass_on(reader, inside[1]), pass_on(inside[0], writer))

    server = await asyncio.start_server(let_in, "127.0.0.1", 0)

    def cut() -> None:
        server.close()
        for way in ways:
            way.close()

    port = server.sockets[0].getsockname()[1]
    door = whole._replace(scheme="redis", netloc=f":{whole.password or ''}@127.0.0.1:{port}", path="")
    try:
        yield door.geturl(), cut
    finally:
        cut()
