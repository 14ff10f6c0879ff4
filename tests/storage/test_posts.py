"""Parts owed to the PSA, places and cards, flows and drafts: each once, each with the account's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from engine.ports import OwedPost, PostState
from engine.psa import marker_for
from engine.session import Interval
from tests.conftest import Database
from tests.fakes import Office, office

MOMENT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LONG_AGO = MOMENT - timedelta(days=900)


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Office]:
    async with office(database.app_url) as opened:
        yield opened


async def owe(
    place: Office, session: UUID, key: str = "resolution:note", held: str | None = None
) -> OwedPost | None:
    async with place.store.transaction(place.account) as unit:
        return await unit.posts.owe(
            session, key, "note", "resolution", place.anna.id, None, 4711, {"text": "Fixed."}, held
        )


async def found(place: Office, post: UUID) -> OwedPost:
    async with place.store.transaction(place.account) as unit:
        known = await unit.posts.get(post)
    assert known is not None
    return known


async def test_the_same_part_of_a_session_is_owed_once_however_many_ask_at_once(place: Office) -> None:
    session, other = await place.start(), await place.start()
    asked = await asyncio.gather(*(owe(place, session) for _ in range(8)))
    assert sum(post is not None for post in asked) == 1
    assert await owe(place, other) is not None
    async with place.store.transaction(place.account) as unit:
        assert len(await unit.posts.of_session(session)) == 1


async def test_a_part_comes_back_as_it_was_owed_with_its_marker(place: Office) -> None:
    session = await place.start()
    post = await owe(place, session, held="review")
    assert post is not None
    assert post == await found(place, post.id)
    assert (post.state, post.attempts, post.held_because, post.ticket_id) == (
        PostState.PENDING,
        0,
        "review",
        4711,
    )
    assert (post.session_id, post.engineer, post.content) == (session, place.anna.id, {"text": "Fixed."})
    [row] = await place.rows("select marker from psa_post_log where id = :p", p=post.id)
    assert row.marker == marker_for(post.id)


async def test_parts_stand_in_the_order_in_which_they_were_owed(place: Office) -> None:
    session = await place.start()
    keys = [f"key {n}" for n in (3, 1, 2)]
    for key in keys:
        await owe(place, session, key)
    async with place.store.transaction(place.account) as unit:
        assert [post.key for post in await unit.posts.of_session(session)] == keys
        assert [post.key for post in await unit.posts.on_ticket(4711)] == keys
        assert await unit.posts.on_ticket(4712) == ()


@pytest.mark.parametrize(
    ("state", "given_up"),
    [("pending", "failed"), ("sending", "unknown"), ("posted", None), ("failed", None), ("unknown", None)],
)
async def test_giving_up_says_unknown_where_it_may_have_been_sent(
    place: Office, state: str, given_up: str | None
) -> None:
    post = await owe(place, await place.start())
    assert post is not None
    async with place.store.transaction(place.account) as unit:
        await unit.posts.change(post.id, state=state)
        assert await unit.posts.give_up(post.id, "E1") == ("note" if given_up else None)
    known = await found(place, post.id)
    assert (known.state, known.problem) == (given_up or state, "E1" if given_up else "")


async def test_a_state_that_does_not_exist_is_refused(place: Office) -> None:
    post = await owe(place, await place.start())
    assert post is not None
    with pytest.raises(Exception, match="psa_post_log_state"):
        async with place.store.transaction(place.account) as unit:
            await unit.posts.change(post.id, state="perhaps")


async def test_the_persons_list_has_what_is_recent_and_all_that_is_not_posted(place: Office) -> None:
    session = await place.start()
    old_posted, old_failed, new_posted = [await owe(place, session, key) for key in ("a", "b", "c")]
    assert old_posted and old_failed and new_posted
    async with place.store.transaction(place.account) as unit:
        for post, state, at in (
            (old_posted, "posted", LONG_AGO),
            (old_failed, "failed", LONG_AGO),
            (new_posted, "posted", MOMENT),
        ):
            await unit.posts.change(post.id, state=state, created_at=at)
        listed = await unit.posts.of_engineer(place.anna.id, MOMENT - timedelta(days=7))
        assert [post.key for post in listed] == ["b", "c"]
        assert await unit.posts.of_engineer(place.ben.id, LONG_AGO) == ()


async def test_a_time_entry_covers_confirmed_stretches_of_its_engineer_once(place: Office) -> None:
    session = await place.start()
    before = await place.session(session)
    hour = timedelta(hours=1)
    worked = tuple(
        Interval(who, MOMENT + hour * n, MOMENT + hour * n + timedelta(minutes=10), confirmed)
        for n, (who, confirmed) in enumerate(
            [(place.anna.id, True), (place.anna.id, None), (place.anna.id, False), (place.ben.id, True)]
        )
    )
    first, second = uuid4(), uuid4()
    async with place.store.transaction(place.account) as unit:
        await unit.sessions.save(before, replace(before, intervals=worked))
        assert await unit.posts.unbound_intervals(session, place.anna.id) == {i.start for i in worked[:3]}
        await unit.posts.bind_intervals(session, place.anna.id, first)
        await unit.posts.bind_intervals(session, place.anna.id, second)
        assert await unit.posts.unbound_intervals(session, place.anna.id) == {i.start for i in worked[1:3]}
        assert await unit.posts.unbound_intervals(session, place.ben.id) == {worked[3].start}
        elsewhere = await unit.posts.elsewhere(uuid4(), place.anna.id, LONG_AGO)
        assert elsewhere == worked[:1]
        assert await unit.posts.elsewhere(session, place.anna.id, LONG_AGO) == ()
    bound = await place.rows("select post_id from ai_session_intervals where post_id is not null")
    assert [row.post_id for row in bound] == [first]


# ── Places and what is drawn there ──────────────────────────────────────────────────────────────────────────


async def test_a_place_is_made_once_and_belongs_to_one_account(place: Office, database: Database) -> None:
    channel = str(uuid4())
    async with place.store.transaction(place.account) as unit:
        first = await unit.places.ensure("thread", "slack", "T1", channel, "1.0")
        assert await unit.places.ensure("thread", "slack", "T1", channel, "1.0") == first
        assert await unit.places.find("slack", "T1", channel, "1.0") == first
        assert await unit.places.find("slack", "T1", channel) is None
    async with office(database.app_url, pool_size=1) as other:
        with pytest.raises(LookupError):
            async with other.store.transaction(other.account) as unit:
                await unit.places.ensure("thread", "slack", "T1", channel, "1.0")


async def test_a_card_is_edited_in_place_and_followed_by_its_change(place: Office) -> None:
    async with place.store.transaction(place.account) as unit:
        thread = await unit.places.ensure("thread", "console", "c", str(uuid4()))
        await unit.places.keep(thread.id, "card", {"n": 1}, "ref")
        await unit.places.keep(thread.id, "step", {"n": 2})
        first = await unit.places.since((thread.id,), 0)
        await unit.places.keep(thread.id, "card", {"n": 3})
        later = await unit.places.since((thread.id,), first[-1].change)
        known = await unit.places.message(thread.id, "card")
    assert [m.key for m in first] == ["card", "step"]
    assert [(m.key, m.card, m.external_ref) for m in later] == [("card", {"n": 3}, "ref")]
    assert known == later[0]
    assert known.id == first[0].id


async def test_whoever_follows_the_changes_misses_none_drawn_at_the_same_time(place: Office) -> None:
    """A change drawn first but committed last would stand behind what the reader has seen already."""
    async with place.store.transaction(place.account) as unit:
        threads = [await unit.places.ensure("thread", "console", "c", str(uuid4())) for _ in range(2)]
    ids = tuple(thread.id for thread in threads)
    seen: set[str] = set()
    change = 0

    async def look() -> None:
        nonlocal change
        async with place.store.transaction(place.account) as unit:
            for message in await unit.places.since(ids, change):
                seen.add(message.key)
                change = message.change

    async def quick() -> None:
        async with place.store.transaction(place.account) as unit:
            await unit.places.keep(ids[1], "quick", {})

    async with place.store.transaction(place.account) as unit:
        await unit.places.keep(ids[0], "slow", {})
        drawing = asyncio.create_task(quick())
        await place.until_somebody_waits(drawing)
        await look()
    await drawing
    await look()
    assert seen == {"slow", "quick"}


# ── Accounts, flows and drafts ──────────────────────────────────────────────────────────────────────────────


async def test_a_person_is_one_user_by_email_and_keeps_roles_and_teams(place: Office) -> None:
    async with place.store.transaction(place.account) as unit:
        who = await unit.accounts.add_user("Cara", "Cara@Example.test")
        assert await unit.accounts.add_user("Cara again", "cara@example.TEST") == who
        team = await unit.accounts.add_team("Network")
        assert await unit.accounts.add_team("Network") == team
        await unit.accounts.set_teams(who, [team, team])
        known = await unit.accounts.user(who)
        assert known is not None
        assert (known.name, known.team_ids) == ("Cara", frozenset({team}))
        await unit.accounts.set_teams(who, [])
        assert (await unit.accounts.user(who)).team_ids == frozenset()  # type: ignore[union-attr]


async def test_keys_of_a_connection_are_sealed_and_replaced(place: Office) -> None:
    async with place.store.transaction(place.account) as unit:
        first = await unit.accounts.connect("api.example", "msp", {"private_key": "hunter2"})
        assert await unit.accounts.connect("api.example", "msp", {"private_key": "hunter3"}) == first
        known = await unit.accounts.connection(first)
    assert known is not None
    assert known.keys == {"private_key": "hunter3"}
    assert "hunter" not in repr(known)
    [row] = await place.rows("select keys from psa_connections")
    assert b"hunter" not in bytes(row.keys)


async def test_what_an_admin_mapped_is_not_overwritten_by_an_email_match(place: Office) -> None:
    async with place.store.transaction(place.account) as unit:
        connection = await unit.accounts.connect("api.example", "msp", {})
        for member, source in ((1, "email"), (2, "email"), (3, "admin"), (4, "email")):
            await unit.accounts.map_member(connection, place.anna.id, member, f"M{member}", source)
        assert await unit.accounts.members(connection) == {place.anna.id: (3, "M3")}
        await unit.accounts.unmap_member(connection, place.anna.id)
        assert await unit.accounts.members(connection) == {}


async def test_a_flow_is_kept_once_under_its_id_and_can_be_removed(place: Office) -> None:
    async with place.store.transaction(place.account) as unit:
        for state in ("wip", "validated"):
            await unit.trees.keep("printer", "Printer", state, f"state: {state}")
        [(flow, title, state, _)] = await unit.trees.listed()
        assert (flow, title, state) == ("printer", "Printer", "validated")
        assert [each.text for each in await unit.trees.texts()] == ["state: validated"]
        assert await unit.trees.remove("printer")
        assert not await unit.trees.remove("printer")


async def test_a_draft_is_sealed_and_only_for_the_one_who_wrote_it(place: Office) -> None:
    async with place.store.transaction(place.account) as unit:
        draft = await unit.drafts.keep(place.anna.id, "start", {"text": "the password is hunter2"})
        assert await unit.drafts.get(draft, place.anna.id) == {"text": "the password is hunter2"}
        assert await unit.drafts.get(draft, place.ben.id) is None
    [row] = await place.rows("select content from drafts")
    assert b"hunter2" not in bytes(row.content)
