"""The migrations: they make the tables we describe, once, and leave the application's role no power over them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from storage import embedded
from storage.migrate import alembic_config, is_current, migrate, newest, sqlalchemy_url
from storage.tables import metadata
from tests.conftest import Database, _at, _created

OWNED = {
    "teams", "users", "team_members", "identities", "psa_connections", "psa_member_mappings", "trees", "ai_sessions",
    "ai_session_steps", "ai_session_notes", "ai_session_intervals", "psa_post_log", "places", "messages", "outbox",
    "lanes", "session_log", "drafts", "accounts", "inbox", "workspaces", "link_codes", "ai_messages", "ai_calls",
    "session_vaults", "session_pictures", "conversation_references", "step_feedback",
}  # fmt: skip


@contextmanager
def bare(servers: embedded.Servers) -> Iterator[tuple[str, str]]:
    """An empty database: its owner's address and the application's."""
    with _created(servers) as name:
        yield _at(servers.owner_database_url, name), _at(servers.database_url, name)


def role_of(url: str) -> str:
    return urlsplit(url).username or ""


def account(connection: psycopg.Connection) -> UUID:
    made = uuid4()
    connection.execute("insert into accounts (id, name) values (%s, 'MSP')", (made,))
    return made


def user(connection: psycopg.Connection, owner: UUID) -> UUID:
    made = uuid4()
    connection.execute("insert into users (id, account_id, name) values (%s, %s, 'Anna')", (made, owner))
    return made


def session(connection: psycopg.Connection, owner: UUID, by: UUID, **more: object) -> UUID:
    values = {"id": uuid4(), "account_id": owner, "user_id": by, "intake_type": "free_text", **more}
    names = sql.SQL(", ").join(map(sql.Identifier, values))
    marks = sql.SQL(", ").join(sql.Placeholder() * len(values))
    connection.execute(
        sql.SQL("insert into ai_sessions ({}) values ({})").format(names, marks), list(values.values())
    )
    assert isinstance(values["id"], UUID)
    return values["id"]


def test_the_tables_we_describe_are_the_tables_we_get(database: Database) -> None:
    engine = create_engine(sqlalchemy_url(database.owner_url), poolclass=NullPool)
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_running_the_migrations_twice_is_harmless(servers: embedded.Servers) -> None:
    with bare(servers) as (owner, app):
        assert not is_current(owner)
        migrate(owner, role_of(app))
        with psycopg.connect(owner) as connection:
            account(connection)
        migrate(owner, role_of(app))
        assert is_current(owner)
        assert is_current(app)
        with psycopg.connect(owner) as connection:
            assert connection.execute("select count(*) from accounts").fetchone() == (1,)


@pytest.mark.parametrize("version", ["0001", "0003"])
def test_a_database_of_an_older_migration_with_rows_in_it_loses_none(
    servers: embedded.Servers, version: str
) -> None:
    with bare(servers) as (owner, app):
        engine = create_engine(sqlalchemy_url(owner), poolclass=NullPool)
        with engine.connect() as connection:
            command.upgrade(alembic_config(connection), version)
            connection.commit()
        with psycopg.connect(owner) as connection:
            furnish(connection)
            before = contents(connection)
        assert not is_current(owner)
        migrate(owner, role_of(app))
        assert is_current(owner)
        with psycopg.connect(owner) as connection:
            after = contents(connection)
            due = [row["due_at"] for row in after["inbox"]]
            for table, rows in before.items():
                kept = [{name: row[name] for name in rows[0]} for row in after[table]]
                assert sorted(map(json.dumps, kept)) == sorted(map(json.dumps, rows)), table
            assert len(due) == 2
            assert all(due)
            assert connection.execute("select order_key from fp_due_inbox(9)").fetchall() == [("waits",)]


def furnish(connection: psycopg.Connection) -> None:
    """What a database in use has in the tables that change, and in some that do not."""
    owner = account(connection)
    anna = user(connection, owner)
    made, place = session(connection, owner, anna), uuid4()
    connection.execute(
        "insert into places (id, account_id, session_id, kind, platform, workspace, channel)"
        " values (%s, %s, %s, 'thread', 'console', 'console', 'c')",
        (place, owner, made),
    )
    connection.execute(
        "insert into messages (account_id, place_id, key, external_ref, change) values (%s, %s, 'a', 'r', 1),"
        " (%s, %s, 'b', null, 2)",
        (owner, place, owner, place),
    )
    connection.execute(
        "insert into inbox (platform, unique_key, order_key, account_id, payload, state) values"
        " ('console', 'k1', 'waits', null, 'x', 'new'), ('console', 'k2', 'done', %s, 'y', 'done')",
        (owner,),
    )


def contents(connection: psycopg.Connection) -> dict[str, list[dict[str, object]]]:
    """Every row of every table that has some, whatever the order of the columns."""
    names = connection.execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
        " and relname <> 'alembic_version'"
    ).fetchall()
    found = {}
    for (name,) in names:
        query = sql.SQL("select to_jsonb(t) from {} t order by 1::text").format(sql.Identifier(name))
        if rows := [row[0] for row in connection.execute(query).fetchall()]:
            found[name] = rows
    return found


def test_three_processes_may_migrate_at_once(servers: embedded.Servers) -> None:
    with bare(servers) as (owner, app), ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(migrate, owner, role_of(app)) for _ in range(3)]:
            done.result(timeout=60)
        with psycopg.connect(owner) as connection:
            assert connection.execute("select version_num from alembic_version").fetchall() == [(newest(),)]


def test_every_table_with_an_account_is_under_row_level_security(database: Database) -> None:
    with psycopg.connect(database.owner_url) as connection:
        rows = connection.execute(
            "select c.relname, p.polname from pg_class c left join pg_policy p on p.polrelid = c.oid"
            " where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relrowsecurity"
        ).fetchall()
    of_inbox = [("inbox", f"inbox_{may}") for may in ("read", "remember", "close")]
    of_workspaces = [("workspaces", f"workspaces_{may}") for may in ("read", "install", "change")]
    plain = [(name, "account_only") for name in OWNED - {"inbox", "workspaces"}]
    assert sorted(rows) == sorted([*plain, *of_inbox, *of_workspaces])
    with_account = {t.name for t in metadata.sorted_tables if "account_id" in t.c or t.name == "accounts"}
    assert with_account == OWNED


@pytest.mark.parametrize(
    "forbidden",
    [
        "create table mine (id int)",
        "alter table users add column more text",
        "alter table users disable row level security",
        "create policy all_of_it on users using (true)",
        "drop policy account_only on users",
        "alter policy account_only on users using (true)",
        "drop table drafts",
        "truncate drafts",
        "create schema mine",
        "create or replace function fp_accounts() returns table (account_id uuid) language sql as 'select null::uuid'",
        "update session_log set event = 'nothing'",
        "delete from session_log",
        "update ai_messages set content = '[]'",
        "delete from ai_messages",
        "update alembic_version set version_num = '0000'",
        "alter role current_user bypassrls",
        "set session_replication_role = replica",
    ],
)
def test_the_applications_role_has_rows_but_no_power_over_tables(database: Database, forbidden: str) -> None:
    with (
        psycopg.connect(database.app_url) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(forbidden)


@pytest.mark.parametrize(
    ("column", "value", "constraint"),
    [
        ("intake_type", "rumour", "ai_sessions_intake_type"),
        ("status", "asleep", "ai_sessions_status"),
        ("confidence_tier", "sure", "ai_sessions_confidence_tier"),
        ("session_rating", 6, "ai_sessions_rating"),
        ("session_rating", 0, "ai_sessions_rating"),
    ],
)
def test_a_session_outside_of_its_words_is_refused(
    database: Database, column: str, value: object, constraint: str
) -> None:
    with psycopg.connect(database.owner_url) as connection:
        owner = account(connection)
        by = user(connection, owner)
        session(connection, owner, by, status="requesting_escalation")  # 21 characters: wide enough
        with pytest.raises(psycopg.errors.CheckViolation) as refused:
            session(connection, owner, by, **{column: value})
        assert refused.value.diag.constraint_name == constraint


ALL_OF_IT = {
    "users": [
        ("user_id", "CASCADE"),
        ("escalated_to_id", "SET NULL"),
        ("escalation_requested_by_id", "SET NULL"),
    ],
    "accounts": [("account_id", "CASCADE")],
    "teams": [("team_id", "SET NULL"), ("escalated_to_team_id", "SET NULL")],
    "psa_connections": [("psa_connection_id", "SET NULL")],
    "ai_sessions": [("parent_session_id", "SET NULL")],
}


def test_the_foreign_keys_of_a_session_are_those_of_the_design(database: Database) -> None:
    with psycopg.connect(database.owner_url) as connection:
        rows = connection.execute(
            "select confrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint"
            " where conrelid = 'ai_sessions'::regclass and contype = 'f'"
        ).fetchall()
    assert len(rows) == sum(map(len, ALL_OF_IT.values()))
    for table, wanted in ALL_OF_IT.items():
        for column, rule in wanted:
            mine = [d for t, d in rows if t == table and d.startswith(f"FOREIGN KEY ({column}")]
            assert len(mine) == 1
            ends = f"ON DELETE {rule} ({column})" if rule == "SET NULL" else f"ON DELETE {rule}"
            assert mine[0].endswith(ends)


def test_what_a_session_names_may_go_and_only_the_name_is_lost(database: Database) -> None:
    with psycopg.connect(database.owner_url) as connection:
        owner = account(connection)
        anna, ben = user(connection, owner), user(connection, owner)
        team, psa = uuid4(), uuid4()
        connection.execute(
            "insert into teams (id, account_id, name) values (%s, %s, 'Network')", (team, owner)
        )
        connection.execute(
            "insert into psa_connections (id, account_id, host, company, keys) values (%s, %s, 'h', 'c', '')",
            (psa, owner),
        )
        parent = session(connection, owner, anna)
        named = {
            "escalated_to_id": ben, "escalation_requested_by_id": ben, "team_id": team,
            "escalated_to_team_id": team, "psa_connection_id": psa, "parent_session_id": parent,
        }  # fmt: skip
        kept = session(connection, owner, anna, **named)
        for table, gone in (
            ("users", ben),
            ("teams", team),
            ("psa_connections", psa),
            ("ai_sessions", parent),
        ):
            connection.execute(sql.SQL("delete from {} where id = %s").format(sql.Identifier(table)), (gone,))
        columns = sql.SQL(", ").join(map(sql.Identifier, named))
        left = connection.execute(
            sql.SQL("select {}, account_id, user_id from ai_sessions where id = %s").format(columns), (kept,)
        ).fetchone()
        assert left == (*(None for _ in named), owner, anna)


def test_an_account_that_goes_takes_everything_of_its_own_with_it(database: Database) -> None:
    with psycopg.connect(database.owner_url) as connection:
        owner, other = account(connection), account(connection)
        for each in (owner, other):
            anna = user(connection, each)
            made = session(connection, each, anna)
            connection.execute(
                "insert into ai_session_steps (session_id, account_id, number, kind) values (%s, %s, 1, 'question')",
                (made, each),
            )
        connection.execute("delete from accounts where id = %s", (owner,))
        for table in ("users", "ai_sessions", "ai_session_steps"):
            count = sql.SQL("select count(*) from {} where account_id = %s").format(sql.Identifier(table))
            assert connection.execute(count, (owner,)).fetchone() == (0,)
            assert connection.execute(count, (other,)).fetchone() == (1,)


def test_a_row_never_names_one_of_another_account(database: Database) -> None:
    """Foreign keys look past row-level security, so they hold the accounts apart themselves."""
    with psycopg.connect(database.owner_url) as connection:
        loose = connection.execute(
            "select conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint where contype = 'f'"
            " and confrelid <> 'accounts'::regclass and array_length(conkey, 1) < 2"
        ).fetchall()
        assert loose == []
        owner, other = account(connection), account(connection)
        theirs = user(connection, other)
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            session(connection, owner, theirs)
