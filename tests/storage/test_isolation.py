"""Two accounts through one reused connection: neither the queries nor the database let one reach the other."""

# ruff: noqa: S608 - the names of tables are our own

from __future__ import annotations

import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, NoResultFound

from engine.effects import Lane, ShowCard
from engine.ports import Lease
from engine.session import Interval, Note, NoteKind, Role
from storage.accounts import Accounts
from storage.conversations import ConversationMoved
from storage.drafts import Drafts
from storage.outbox import Outbox
from storage.places import Places
from storage.posts import Posts
from storage.sessions import SessionMoved, Sessions
from storage.store import Store, Unit
from storage.tables import metadata
from storage.trees import Trees
from storage.workspaces import Workspaces, make_code
from tests.conftest import Database
from tests.fakes import VAULT, Office, move_in
from tests.storage.strangers import TALKING, Talked, talked

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
APPEND_ONLY = ("session_log", "ai_messages")
TABLES = [t.name for t in metadata.sorted_tables if "account_id" in t.c or t.name == "accounts"]


@dataclass(frozen=True, slots=True)
class Theirs:
    """An account with a row in every table, and the ids somebody else got hold of."""

    office: Office
    session: UUID
    team: UUID
    connection: UUID
    post: UUID
    place: UUID
    queue: UUID
    shut: str
    effect: int
    lease: Lease
    draft: UUID
    talk: Talked
    mine: UUID

    @property
    def anna(self) -> UUID:
        return self.office.anna.id


RECEIVED = text(
    "insert into inbox (platform, unique_key, order_key, payload, account_id) values ('c', :k, 'o', '', :a)"
)


async def furnished(place: Office) -> Theirs:
    """ALPHA stands in everything a person would read."""
    session = uuid4()
    async with place.store.transaction(place.account) as unit:
        blank = place.blank(session, unit.now)
        note = Note(NoteKind.NOTE, "ALPHA note", place.anna.id, unit.now, 1)
        worked = Interval(place.anna.id, unit.now - MINUTE, unit.now)
        assert blank.current is not None
        step = replace(blank.current, text="ALPHA step")
        await unit.sessions.save(
            None,
            replace(
                blank, current=step, touched=(step,), notes=(note,), intervals=(worked,),
                ticket_id=4711, problem_summary="ALPHA problem",
            ),
        )  # fmt: skip
        await unit.sessions.log(session, unit.now, place.anna.id, "ALPHA", {})
        team = await unit.accounts.add_team("ALPHA team")
        await unit.accounts.set_teams(place.anna.id, [team])
        await unit.accounts.add_identity(place.anna.id, "console", "ALPHA", str(uuid4()))
        connection = await unit.accounts.connect("ALPHA.example", "ALPHA", {"private_key": "ALPHA"})
        await unit.accounts.map_member(connection, place.anna.id, 9, "ALPHA member", "admin")
        post = await unit.posts.owe(
            session, "k", "note", "resolution", place.anna.id, connection, 4711, {"text": "ALPHA"}, None
        )
        thread = await unit.places.ensure("thread", "console", "ALPHA", str(uuid4()), "", session)
        await unit.places.keep(thread.id, "card", {"title": "ALPHA card"}, "ref")
        queue = await unit.places.ensure("escalations", "console", "ALPHA", str(uuid4()))
        shut = await unit.places.ensure("closed", "console", "ALPHA", str(uuid4()))
        await unit.trees.keep("ALPHA-flow", "ALPHA flow", "wip", "ALPHA source")
        await unit.outbox.owe(session, (ShowCard(),))
        lease = await unit.outbox.take(session, Lane.TALK, "ALPHA holder", timedelta(hours=1))
        effect = (
            await unit.connection.execute(text("select id from outbox order by id desc limit 1"))
        ).scalar_one()
        draft = await unit.drafts.keep(place.anna.id, "form", {"text": "ALPHA"})
        await unit.connection.execute(RECEIVED, {"k": str(uuid4()), "a": place.account})
        code = await make_code(unit, "slack", place.anna.id)
        talk = await talked(unit, session, place.anna.id)
    assert post is not None
    assert lease is not None
    await _linked(place, code)
    return Theirs(
        place, session, team, connection, post.id, thread.id, queue.id, shut.channel, effect, lease, draft, talk,
        uuid4(),
    )  # fmt: skip


async def _linked(place: Office, code: str) -> None:
    team_id = str(uuid4())
    await Workspaces(place.store).install("slack", team_id, "ALPHA", "U0", "B0", "A0", {"token": "ALPHA"})
    async with place.store.transaction() as unit:
        assert await unit.redeem("slack", team_id, code) == place.account


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_connection(database: Database) -> AsyncIterator[Store]:
    """Also from test to test the same one."""
    store = Store(database.app_url, VAULT, pool_size=1)
    yield store
    await store.close()


def everything(database: Database, account: UUID) -> dict[str, list[Any]]:
    """All rows of an account as the owner of the tables sees them."""
    found: dict[str, list[Any]] = {}
    with psycopg.connect(database.owner_url) as owner:
        for table in TABLES:
            key = "id" if table == "accounts" else "account_id"
            query = sql.SQL("select to_jsonb(t) from {} t where {} = %s order by 1::text").format(
                sql.Identifier(table), sql.Identifier(key)
            )
            found[table] = [row[0] for row in owner.execute(query, (account,)).fetchall()]
            assert found[table], f"{table} is empty, so nothing is shown about it"
    return found


Try = Callable[[Any, Theirs], Awaitable[Any]]


async def overwrite(at: Sessions, t: Theirs) -> None:
    blank = t.office.blank(t.session, LONG_AGO)
    await at.save(blank, replace(blank, problem_summary="BETA", version=1))


async def begin_it(at: Outbox, t: Theirs) -> Any:
    return (await at.go_on(t.lease)).row


async def close_it(at: Outbox, t: Theirs) -> Any:
    return any(await at.close(t.lease, t.effect))


async def find_it(at: Places, theirs: Theirs) -> Any:
    async with theirs.office.store.transaction(theirs.office.account) as unit:
        place = await unit.places.get(theirs.place)
    assert place is not None
    return await at.find(place.platform, place.workspace, place.channel, place.thread)


# What a stranger may try with ids he should not have. `own`: it may succeed, on rows of his own account.
READS_AND_WRITES: dict[type, dict[str, Try]] = {
    Sessions: {
        "get": lambda at, t: at.get(t.session, lock=True),
        "intervals": lambda at, t: at.intervals(t.session),
        "save": overwrite,
        "history": lambda at, t: at.history(t.session),
        "for_card": lambda at, t: at.for_card(t.session),
        "step": lambda at, t: at.step(t.session, 1),
        "of": lambda at, t: at.of(t.anna),
        "queue": lambda at, t: at.queue(),
        "owner_of_child": lambda at, t: at.owner_of_child(t.session),
        "on_ticket": lambda at, t: at.on_ticket(4711),
        "with_work_since": lambda at, t: at.with_work_since(t.anna, LONG_AGO),
        "log": lambda at, t: at.log(t.session, LONG_AGO, t.anna, "BETA", {}),
        "last_seen": lambda at, t: at.last_seen(t.session, t.anna),
    },
    Outbox: {
        "owe": lambda at, t: at.owe(t.session, (ShowCard(),)),
        "take": lambda at, t: at.take(t.session, Lane.TALK, "BETA", MINUTE),
        "renew": lambda at, t: at.renew(t.lease, MINUTE),
        "release": lambda at, t: at.release(t.lease),
        "fence": lambda at, t: at.fence(t.lease),
        "next_owed": lambda at, t: at.next_owed(t.lease),
        "go_on": begin_it,
        "close": close_it,
        "end": lambda at, t: at.end(t.effect),
        "again": lambda at, t: at.again(t.effect, LONG_AGO, "BETA"),
        "waiting": lambda at, t: at.waiting(t.session),
    },
    Posts: {
        "owe": lambda at, t: at.owe(t.session, "new", "note", "resolution", t.anna, t.connection, 1, {}, None),
        "get": lambda at, t: at.get(t.post, lock=True),
        "of_session": lambda at, t: at.of_session(t.session),
        "of_engineer": lambda at, t: at.of_engineer(t.anna, LONG_AGO),
        "on_ticket": lambda at, t: at.on_ticket(4711),
        "elsewhere": lambda at, t: at.elsewhere(t.mine, t.anna, LONG_AGO),
        "change": lambda at, t: at.change(t.post, problem="BETA"),
        "give_up": lambda at, t: at.give_up(t.post, "BETA"),
        "bind_intervals": lambda at, t: at.bind_intervals(t.session, t.anna, t.post),
        "unbound_intervals": lambda at, t: at.unbound_intervals(t.session, t.anna),
    },
    Places: {
        "find": find_it,
        "ensure": lambda at, t: at.ensure("thread", "console", "BETA", str(uuid4()), "", t.session),
        "get": lambda at, t: at.get(t.place),
        "where": lambda at, t: at.where(),
        "of_session": lambda at, t: at.of_session(t.session),
        "threads": lambda at, t: at.threads(t.session, "card"),
        "of_kind": lambda at, t: at.of_kind("thread"),
        "message": lambda at, t: at.message(t.place, "card"),
        "keep": lambda at, t: at.keep(t.place, "another", {"title": "BETA"}),
        "show_again": lambda at, t: at.show_again(t.session),
        "since": lambda at, t: at.since((t.place,), 0),
        "move_to": lambda at, t: at.move_to(t.place, t.mine),
        "by_ref": lambda at, t: at.by_ref("console", "ALPHA", "ref"),
        "settle": lambda at, t: at.settle(t.place, "BETA", "BETA"),
        "forget_messages": lambda at, t: at.forget_messages(t.place),
        "keep_link": lambda at, t: at.keep_link(t.place, "BETA"),
        "link_of": lambda at, t: at.link_of(t.session),
        "begun_fresh": lambda at, t: at.begun_fresh(t.session),
        "retire": lambda at, t: at.retire(t.queue),
        "reopen": lambda at, t: at.reopen("console", "ALPHA", t.shut),
    },
    Accounts: {
        "create": lambda at, t: at.create("BETA"),
        "name": lambda at, t: at.name(),
        "settings": lambda at, t: at.settings(),
        "change_settings": lambda at, t: at.change_settings({"time_zone": "BETA"}),
        "add_user": lambda at, t: at.add_user("Bert", "bert@example.test", (Role.ADMIN,)),
        "users": lambda at, t: at.users(),
        "user": lambda at, t: at.user(t.anna),
        "user_by_email": lambda at, t: at.user_by_email("anna@example.test"),
        "set_roles": lambda at, t: at.set_roles(t.anna, (Role.ADMIN,)),
        "set_active": lambda at, t: at.set_active(t.anna, False),
        "add_team": lambda at, t: at.add_team("BETA"),
        "teams": lambda at, t: at.teams(),
        "set_teams": lambda at, t: at.set_teams(t.anna, [t.team]),
        "add_identity": lambda at, t: at.add_identity(t.anna, "console", "BETA", str(uuid4())),
        "identities_of": lambda at, t: at.identities_of(t.anna),
        "connect": lambda at, t: at.connect("beta.example", "BETA", {"private_key": "x"}),
        "change_connection": lambda at, t: at.change_connection(t.connection, state="BETA"),
        "connections": lambda at, t: at.connections(),
        "connection": lambda at, t: at.connection(t.connection),
        "needed_connections": lambda at, t: at.needed_connections(),
        "map_member": lambda at, t: at.map_member(t.connection, t.anna, 1, "BETA", "admin"),
        "unmap_member": lambda at, t: at.unmap_member(t.connection, t.anna),
        "members": lambda at, t: at.members(t.connection),
    },
    Drafts: {
        "keep": lambda at, t: at.keep(t.anna, "form", {}),
        "get": lambda at, t: at.get(t.draft, t.anna),
        "latest": lambda at, t: at.latest(t.anna, "form"),
        "replace": lambda at, t: at.replace(t.anna, "form", {}),
        "drop": lambda at, t: at.drop(t.anna, "form"),
    },
    **TALKING,
    Trees: {
        "texts": lambda at, t: at.texts(),
        "listed": lambda at, t: at.listed(),
        "keep": lambda at, t: at.keep("ALPHA-flow", "BETA", "wip", "BETA"),
        "remove": lambda at, t: at.remove("ALPHA-flow"),
    },
}  # fmt: skip
OF_HIS_OWN = {
    (Outbox, "owe"), (Outbox, "take"), (Accounts, "name"), (Accounts, "settings"), (Accounts, "change_settings"),
    (Accounts, "add_user"), (Accounts, "add_team"), (Accounts, "connect"), (Trees, "keep"),
}  # fmt: skip


def repository(kind: type, unit: Unit, account: UUID) -> Any:
    """As the unit makes it, with the account its queries filter by."""
    given = {"connection": unit.connection, "account": account, "vault": VAULT, "now": unit.now}
    return kind(*(given[name] for name in inspect.signature(kind).parameters))


@pytest.mark.parametrize("kind", READS_AND_WRITES, ids=lambda kind: kind.__name__)
async def test_every_public_method_is_tried_here(kind: type) -> None:
    public = {name for name in vars(kind) if not name.startswith("_")}
    assert public == set(READS_AND_WRITES[kind]), "Say here what a stranger may try with it."


@pytest.mark.parametrize("filter_gone", [False, True], ids=["as written", "without its filter"])
@pytest.mark.parametrize("kind", READS_AND_WRITES, ids=lambda kind: kind.__name__)
async def test_nobody_reads_or_changes_rows_of_another_account(
    database: Database, one_connection: Store, kind: type, filter_gone: bool
) -> None:
    """Without its filter: the repository asks for the other account's rows, and only the database says no."""
    theirs = await furnished(await move_in(one_connection))
    before = everything(database, theirs.office.account)
    for name, tried in READS_AND_WRITES[kind].items():
        stranger = uuid4()
        async with one_connection.transaction(stranger) as unit:
            await unit.accounts.create("stranger")
        found: Any = None
        try:
            async with one_connection.transaction(stranger) as unit:
                asked = repository(kind, unit, theirs.office.account if filter_gone else stranger)
                found = await tried(asked, theirs)
        except (DBAPIError, LookupError, NoResultFound, SessionMoved, ConversationMoved):
            refused = True
        else:
            refused = not found
        assert everything(database, theirs.office.account) == before, name
        assert "ALPHA" not in repr(found), name
        assert refused or (not filter_gone and (kind, name) in OF_HIS_OWN), name


@pytest.mark.parametrize("table", TABLES)
async def test_the_database_alone_keeps_the_accounts_apart(
    database: Database, one_connection: Store, table: str
) -> None:
    """Raw SQL without a filter, through the same connection that served the other account a moment ago."""
    theirs = await furnished(await move_in(one_connection))
    beta = await furnished(await move_in(one_connection))
    key = "id" if table == "accounts" else "account_id"
    alpha, own = str(theirs.office.account), str(beta.office.account)
    before = everything(database, theirs.office.account)
    async with one_connection.transaction(beta.office.account) as unit:
        seen = (
            (await unit.connection.execute(text(f"select distinct {key}::text from {table}"))).scalars().all()
        )
        assert set(seen) <= {own, None}
        assert own in seen
        if table not in APPEND_ONLY:
            await unit.connection.execute(text(f"update {table} set {key} = {key}"))
            await unit.connection.execute(text(f"delete from {table}"))
    assert everything(database, theirs.office.account) == before
    row = {**before[table][0], "position": 1} if table == "psa_post_log" else before[table][0]
    put = f"insert into {table} select * from jsonb_populate_record(null::{table}, cast(:row as jsonb))"
    with pytest.raises(DBAPIError, match="row-level security"):
        async with one_connection.transaction(beta.office.account) as unit:
            await unit.connection.execute(text(put), {"row": json.dumps(row)})
    if table not in (*APPEND_ONLY, "accounts"):
        with pytest.raises(DBAPIError, match="row-level security"):
            async with one_connection.transaction(UUID(alpha)) as unit:
                await unit.connection.execute(text(f"update {table} set {key} = :other"), {"other": own})
    assert everything(database, theirs.office.account) == before


async def test_both_accounts_were_served_by_the_same_connection(one_connection: Store) -> None:
    served = set()
    for place in (await move_in(one_connection), await move_in(one_connection)):
        served |= {row[0] for row in await place.rows("select pg_backend_pid()")}
    assert len(served) == 1


async def test_what_runs_as_the_owner_returns_ids_and_no_content(database: Database) -> None:
    with psycopg.connect(database.owner_url) as owner:
        found = owner.execute(
            "select proname, pg_get_function_result(oid), has_function_privilege('public', oid, 'execute'), proconfig"
            " from pg_proc where prosecdef"
        ).fetchall()
    assert {name: result for name, result, _, _ in found} == {
        "fp_identity": "TABLE(account_id uuid, user_id uuid)",
        "fp_accounts": "TABLE(account_id uuid)",
        "fp_account_named": "TABLE(account_id uuid)",
        "fp_due_lanes": "TABLE(account_id uuid, subject_id uuid, lane text)",
        "fp_due_inbox": "TABLE(order_key text)",
        "fp_workspace": "TABLE(workspace_id uuid, account_id uuid)",
        "fp_unlinked_workspaces": "TABLE(workspace_id uuid)",
        "fp_redeem": "TABLE(account_id uuid, taken boolean)",
        "fp_retain": "bigint",
    }
    assert all(not public and settings == ["search_path=public, pg_temp"] for *_, public, settings in found)


async def test_someone_who_left_is_not_found_and_no_account_need_be_known(one_connection: Store) -> None:
    place = await move_in(one_connection)
    external = str(uuid4())
    async with one_connection.transaction(place.account) as unit:
        await unit.accounts.add_identity(place.anna.id, "slack", "T1", external)
        with pytest.raises(LookupError):
            await unit.accounts.add_identity(place.ben.id, "slack", "T1", external)
    async with one_connection.transaction() as unit:
        assert await unit.identity("slack", "T1", external) == (place.account, place.anna.id)
        assert await unit.identity("slack", "T2", external) is None
    async with one_connection.transaction(place.account) as unit:
        await unit.accounts.set_active(place.anna.id, active=False)
    async with one_connection.transaction() as unit:
        assert await unit.identity("slack", "T1", external) is None
