"""Faults of Slack, of the network and of ourselves, met by real processes: everybody is told, nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
import base64
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import psycopg
import pytest
from yarl import URL

from bot.slack.files import LIMIT
from demo.slack_world import Person
from engine.session import Note
from tests.conftest import Database
from tests.journeys.slack_office import (
    ANNA,
    BEN,
    CARLA,
    ESCALATIONS,
    HELP,
    TEAM,
    Json,
    Office,
    labels,
    office,
    shown,
)

DM = "D0BEN"


GUEST, STRANGER, DORA = "U0GUEST", "U0STRANGE", "U0DORA"


@pytest.fixture
async def at_work(empty_database: Database, redis_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    async with office(empty_database, redis_url, tmp_path) as one:
        await one.see(f"dm/{BEN}")  # from now on the conversation is there to be looked at
        yield one


# ── Places that are closed ──────────────────────────────────────────────────────────────────────────────────


async def test_a_session_whose_channel_is_closed_goes_on_in_its_owners_direct_messages(
    at_work: Office,
) -> None:
    kicked, first = await _asked(at_work, "Outlook keeps asking for a password")
    await at_work.act(ANNA, "kick", channel=HELP)
    await at_work.click(BEN, first, "Only this user")
    await _went_on(at_work, "FlowPilot is not in the channel", "Outlook keeps asking")
    assert len(await at_work.replies(kicked)) == 1, "nothing is said where we are not"

    await at_work.act(ANNA, "invite", channel=HELP)
    _, first = await _asked(at_work, "The printer in the hall prints nothing")
    _channel(at_work, HELP).archived = True
    await at_work.click(BEN, first, _answer(first))
    await _went_on(at_work, "was archived", "The printer in the hall")
    _channel(at_work, HELP).archived = False


async def _went_on(at_work: Office, why: str, problem: str) -> None:
    await at_work.card(why, channel=DM)
    root = await _root(at_work, problem, DM)
    step = await at_work.reply(root, "Step 2", channel=DM)
    await at_work.click(BEN, step, _answer(step), channel=DM)
    await at_work.reply(root, "Step 3", channel=DM)
    await _stands_once(at_work, DM)


# ── Slack is away, hurries nobody, or loses its own answers ─────────────────────────────────────────────────


async def test_while_slack_is_away_everything_waits_and_then_stands_once_and_in_order(
    at_work: Office,
) -> None:
    for kind in ("500", "reset"):
        _fault(at_work, kind, "users.info")
    _fault(at_work, "429", "chat.postMessage", retry_after=1)
    _fault(at_work, "lost_reply", "chat.postMessage")
    _fault(at_work, "429", "conversations.history", retry_after=1)
    await at_work.say(BEN, "@FlowPilot Outlook keeps asking for a password")
    root = await _root(at_work, "Outlook keeps asking")
    first = await at_work.reply(root, "Step 1")
    for kind in ("500", "stall", "html"):
        _fault(at_work, kind, "chat.*", seconds=0.3)
    await at_work.click(BEN, first, "Only this user")
    for number in range(3):
        await at_work.say(BEN, f"note: number {number}", thread=root["ts"])
    second = await at_work.reply(root, "Step 2")
    _fault(at_work, "429", "chat.update", retry_after=1)
    _fault(at_work, "lost_reply", "chat.postMessage")
    await at_work.click(BEN, second, _answer(second))
    await at_work.reply(root, "Step 3")
    steps = [key for key in map(_key, await at_work.replies(root)) if key.startswith("step:")]
    assert steps == ["step:1", "step:2", "step:3"]
    assert [_key(m) for m in await at_work.messages() if m.get("bot_id")] == ["card"]
    notes = await _notes(at_work, BEN, 3)
    assert [note.text for note in notes] == [f"number {n}" for n in range(3)]
    await _stands_once(at_work)


# ── Slack refuses what it is shown ──────────────────────────────────────────────────────────────────────────


async def test_what_slack_finds_too_large_or_too_late_is_shown_smaller_said_privately_or_done_again(
    at_work: Office,
) -> None:
    _fault(at_work, "msg_blocks_too_long", "chat.postMessage", skip=1)
    root, first = await _asked(at_work, "Outlook keeps asking for a password")
    assert "Slack shows no more than this" in shown(first)
    _fault(at_work, "invalid_blocks", "chat.update")
    await at_work.click(BEN, first, "Only this user")
    second = await at_work.reply(root, "Step 2")
    _fault(at_work, "msg_too_long", "chat.postMessage", times=2)
    await at_work.click(BEN, second, _answer(second))
    await at_work.until(lambda: _text_only(at_work, root), "a step as text alone")

    await _too_late(at_work, root)
    _fault(at_work, "ratelimited", "views.open")
    await at_work.click(BEN, await _root(at_work, "Outlook"), "Escalate")
    await _told_privately(at_work, BEN, "Slack did not open the window in time", 2)
    _fault(at_work, "429", "views.update", retry_after=1)
    await at_work.click(BEN, await _root(at_work, "Outlook"), "Escalate")
    await at_work.submit(BEN, reason="I have no access to that server.")
    card = await at_work.card("no access", channel=ESCALATIONS)
    _fault(at_work, "invalid_arguments", "views.update")
    await at_work.click(CARLA, card, "Pick up", channel=ESCALATIONS)
    await at_work.window(CARLA, lambda view: "Slack did not take" in shown(view))
    await at_work.act(CARLA, "close")
    await at_work.click(CARLA, card, "Pick up", channel=ESCALATIONS)
    await at_work.submit(CARLA, manner="continue")
    await at_work.reply(root, "I have it")
    await _stands_once(at_work)


async def _too_late(at_work: Office, root: Json) -> None:
    """The web process stands still for longer than a trigger lives."""
    web = at_work.programs["web"].process
    assert web is not None
    web.send_signal(signal.SIGSTOP)
    pressed = await at_work.click(BEN, await _root(at_work, "Outlook"), "Pause")
    web.send_signal(signal.SIGCONT)
    assert pressed["error"] == "operation_timeout"
    await _told_privately(at_work, BEN, "Slack did not open the window in time", 1)
    assert await at_work.windows(BEN) == []


async def _text_only(at_work: Office, root: Json) -> Json | None:
    found = [m for m in await at_work.replies(root) if _key(m) == "step:3" and not m.get("blocks")]
    return found[0] if found and "Slack shows no more" in found[0]["text"] else None


# ── Files ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_file_that_cannot_be_had_costs_neither_the_words_nor_the_other_files(at_work: Office) -> None:
    root, _ = await _asked(at_work, "The printer in the hall prints nothing")
    line = b"2026-03-02 09:00:01 ERROR spooler stopped\n"
    whole = (line * (LIMIT // len(line) + 1))[:LIMIT]
    _fault(at_work, "500", "files")
    files = [_file("whole.log", whole), _file("larger.log", whole + b"."), _file("small.log", b"disk full")]
    await at_work.slack.act(BEN, "say", channel=HELP, thread_ts=root["ts"], text="Three files", files=files)
    (kept,) = await _notes(at_work, BEN, 1)
    assert kept.text == "Three files"
    assert "==> whole.log" in kept.log_digest
    assert "==> small.log" in kept.log_digest
    assert "larger.log" not in kept.log_digest
    await _told_privately(at_work, BEN, "larger than 20 MB")

    _grant(at_work).scopes.discard("files:read")  # Slack answers 200 and its login page from now on
    await at_work.slack.act(
        BEN,
        "say",
        channel=HELP,
        thread_ts=root["ts"],
        text="And one more",
        files=[_file("more.log", b"full")],
    )
    await _told_privately(at_work, BEN, "does not let FlowPilot read files")
    await at_work.reply(root, "And one more")


def _grant(at_work: Office) -> Any:
    return at_work.slack.world.grants["xoxb-practice"]


def _file(name: str, content: bytes) -> Json:
    return {"name": name, "mimetype": "text/plain", "content_b64": base64.b64encode(content).decode()}


# ── Who may ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_guests_and_strangers_start_nothing_change_nothing_and_become_nobody(
    at_work: Office, empty_database: Database
) -> None:
    root, first = await _asked(at_work, "Outlook keeps asking for a password")
    _channel(at_work, HELP).members.append(STRANGER)
    for user in (GUEST, STRANGER):
        await at_work.say(user, "@FlowPilot the printer prints nothing")
        await at_work.say(user, "Only this user", thread=root["ts"])
        await at_work.say(user, "resolve", thread=root["ts"])
        await at_work.click(user, first, "Only this user")
    await at_work.command(GUEST, "the printer prints nothing")
    await at_work.say(GUEST, "help", channel="dm")
    await at_work.act(GUEST, "open_home")
    await _understood(at_work, empty_database)
    for user in (GUEST, STRANGER):
        assert await at_work.see(f"ephemeral/{user}") == []
        assert await at_work.see(f"home/{user}") == {}
        assert await at_work.windows(user) == []
    await at_work.click(GUEST, root, "Pause")
    await _understood(at_work, empty_database)
    assert "Guests cannot use FlowPilot" in shown(await at_work.window(GUEST))
    assert await _drawn(at_work) == ["card", "step:1"]
    assert [m for m in await at_work.messages("D0GUEST") if m.get("bot_id")] == []
    wrong = "select external_id from identities where external_id in ('U0GUEST', 'U0STRANGE')"
    assert await _rows(empty_database, wrong) == []


async def _drawn(at_work: Office) -> list[str]:
    """What FlowPilot shows in the channel."""
    found = await at_work.messages()
    return [_key(m) for root in found for m in (root, *root["replies"]) if m.get("bot_id")]


async def _understood(at_work: Office, database: Database) -> None:
    """Every word that came in was read to its end, and what followed from it is shown."""

    async def done() -> bool:
        return not await _rows(
            database, "select 1 from inbox where state = 'new' union all select 1 from outbox where state = 'owed' "
            "and due_at <= now()",
        )  # fmt: skip

    await at_work.until(done, "the end of everything")


async def test_whoever_is_neither_owner_nor_lead_is_told_so_privately_however_he_tries(
    at_work: Office,
) -> None:
    root, first = await _asked(at_work, "Outlook keeps asking for a password")
    await at_work.say(ANNA, "pause", thread=root["ts"])
    await _told_privately(at_work, ANNA, "Only Ben", 1)
    await at_work.click(ANNA, first, "Only this user")
    await _told_privately(at_work, ANNA, "Only Ben", 2)
    assert await _drawn(at_work) == ["card", "step:1"]
    await at_work.click(CARLA, first, "Only this user")
    second = await at_work.reply(root, "Step 2")
    await at_work.click(BEN, root, "Escalate")
    form = await at_work.window(BEN, lambda view: bool(view.get("submit")))
    await at_work.click(CARLA, await _root(at_work, "Outlook"), "Take over (Lead)")
    await at_work.submit(CARLA, reason="Ben has gone home.")
    await at_work.until(lambda: _owned(at_work, "Carla"), "the new owner")
    answer = await at_work.act(
        BEN, "submit", view_id=form["id"], values={"reason": "I cannot go on with this."}
    )
    print(answer, await at_work.windows(BEN), second["ts"])
    await at_work.until(lambda: _refused(at_work), "a refusal of the form")
    assert await at_work.messages(ESCALATIONS) == []


async def _owned(at_work: Office, name: str) -> bool:
    return name in shown(await _root(at_work, "Outlook"))


async def _refused(at_work: Office) -> bool:
    seen = [
        *(await at_work.windows(BEN)),
        *(await at_work.see(f"ephemeral/{BEN}")),
        *(await at_work.messages(DM)),
    ]
    return any("Only Carla" in f"{shown(m)}{m.get('errors')}" for m in seen)


# ── The app is gone ─────────────────────────────────────────────────────────────────────────────────────────


async def test_what_was_owed_while_the_app_was_uninstalled_shows_up_soon_after_it_is_installed_again(
    empty_database: Database, redis_url: str, tmp_path: Path
) -> None:
    many = {"SLACK_CLIENT_ID": "practice-client", "SLACK_CLIENT_SECRET": "practice-client-secret"}
    async with office(empty_database, redis_url, tmp_path, settings=many) as at_work:
        root, first = await _asked(at_work, "Outlook keeps asking for a password")
        _know_dora(at_work)
        _fault(at_work, "token_revoked", "*", times=None)
        await at_work.click(BEN, first, "Only this user")
        await at_work.say(DORA, "@FlowPilot the printer in the hall prints nothing")
        await at_work.say(BEN, "note: she uses a phone too", thread=root["ts"])
        await _notes(at_work, BEN, 1)
        async with at_work.client.post(f"{at_work.url}/_practice/workspaces/{TEAM}/uninstall") as reply:
            assert reply.status == 200
        await at_work.until(lambda: _state(at_work, "uninstalled"), "the keys deleted")
        at_work.slack.faults.clear()
        assert [_key(m) for m in await at_work.replies(root) if m.get("bot_id")] == ["step:1"]
        await _installed_again(at_work)
        second = await at_work.reply(root, "Step 2")
        await at_work.click(BEN, second, _answer(second))
        await at_work.reply(root, "Step 3")
        await _root(at_work, "the printer in the hall")
        await _stands_once(at_work)


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


# ── We are not well ourselves ───────────────────────────────────────────────────────────────────────────────


async def test_what_people_do_while_web_redis_or_the_whole_of_slacks_api_is_away_is_done_all_the_same(
    empty_database: Database, redis_url: str, tmp_path: Path
) -> None:
    async with (
        _through(redis_url) as (ours, cut),
        office(empty_database, ours, tmp_path) as at_work,
    ):
        root, first = await _asked(at_work, "Outlook keeps asking for a password")
        _know_dora(at_work)
        cut()
        _fault(at_work, "reset", "*", times=None)
        heard = await at_work.say(DORA, "@FlowPilot the printer in the hall prints nothing")
        assert heard["status"] == 200
        assert len(await _rows(empty_database, "select 1 from inbox where state = 'new'")) == 1
        assert (await at_work.click(BEN, first, "Only this user"))["status"] == 200
        at_work.slack.faults.clear()
        await _root(at_work, "the printer in the hall")
        await at_work.reply(root, "Step 2")

        at_work.slack.world.settings.retry_delays = (0.5, 1.5, 3.0)
        await at_work.programs["web"].kill()
        for number in range(3):
            assert (await at_work.say(BEN, f"note: number {number}", thread=root["ts"]))["status"] == 0
        await at_work.programs["web"].start()
        assert sorted(note.text for note in await _notes(at_work, BEN, 3)) == [
            f"number {n}" for n in range(3)
        ]
        await _stands_once(at_work)


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


# ── Tools ───────────────────────────────────────────────────────────────────────────────────────────────────


def _fault(at_work: Office, kind: str, method: str, **more: Any) -> None:
    at_work.slack.faults.add(kind=kind, method=method, **more)


async def _rows(database: Database, query: str) -> list[Any]:
    async with await psycopg.AsyncConnection.connect(database.owner_url) as connection:
        return await (await connection.execute(query)).fetchall()


async def _told_privately(at_work: Office, user: str, holding: str, count: int = 1) -> None:
    async def told() -> bool:
        seen: list[Json] = await at_work.see(f"ephemeral/{user}")
        return len([m for m in seen if holding in shown(m)]) == count

    await at_work.until(told, f"a private {holding!r} for {user}")


async def _notes(at_work: Office, user: str, count: int) -> tuple[Note, ...]:
    """What was kept in the latest Session of this person."""

    async def kept() -> tuple[Note, ...] | None:
        who = await at_work.user(user)
        async with at_work.store.transaction(at_work.account) as unit:
            history = await unit.sessions.history((await unit.sessions.of(who))[0])
            return history.notes if history and len(history.notes) >= count else None

    found: tuple[Note, ...] = await at_work.until(kept, f"{count} notes")
    return found


def _know_dora(at_work: Office) -> None:
    """Somebody who was never here before."""
    at_work.slack.world.people[DORA] = Person(DORA, TEAM, "dora", "Dora Lind", "dora@practice.example")


def _channel(at_work: Office, name: str) -> Any:
    return at_work.slack.world.channels[name]


def _answer(step: Json) -> str:
    """The first answer that can be pressed."""
    return labels(step)[0]


async def _root(at_work: Office, problem: str, channel: str = HELP) -> Json:
    """The card of the Session about this, not the words it was asked with."""

    async def drawn() -> Json | None:
        found = [m for m in await at_work.messages(channel) if m.get("bot_id") and problem[:25] in shown(m)]
        return next((m for m in reversed(found) if m.get("metadata")), None)

    found: Json = await at_work.until(drawn, f"the card of {problem!r}")
    return found


async def _asked(at_work: Office, problem: str, user: str = BEN) -> tuple[Json, Json]:
    """A new Session's root and its first step."""
    await at_work.command(user, problem)
    root = await _root(at_work, problem)
    return root, await at_work.reply(root, "Step 1")


async def _stands_once(at_work: Office, channel: str = HELP) -> None:
    """No card was posted twice."""
    drawn = [m for root in await at_work.messages(channel) for m in (root, *root.get("replies", []))]
    marks = [m["metadata"]["event_payload"]["key"] for m in drawn if m.get("metadata")]
    assert len(marks) == len(set(marks)), marks


def _key(message: Json) -> str:
    """What this message shows, by the mark it carries; "" for what people write."""
    marked: str = (message.get("metadata") or {}).get("event_payload", {}).get("key", "")
    return marked.partition(":")[2]
