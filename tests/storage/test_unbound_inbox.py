"""What the application may do with rows of the inbox that belong to no Account yet: no more than it needs."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

from tests.conftest import Database

PUT = (
    "insert into inbox (platform, unique_key, order_key, payload) values ('console', %s, %s, '') returning id"
)


def test_what_is_new_is_remembered_read_and_closed_once(database: Database) -> None:
    key = str(uuid4())
    with psycopg.connect(database.app_url) as app:
        app.execute(PUT, (key, key))
        app.commit()
        assert app.execute("select state from inbox where order_key = %s for update", (key,)).fetchone()
        close = "update inbox set state = 'failed', done_at = now() where order_key = %s and state = 'new' returning id"
        assert app.execute(close, (key,)).fetchone()
        app.commit()
        assert app.execute("select 1 from inbox where order_key = %s", (key,)).fetchone() is None
        assert app.execute("update inbox set state = 'new' where order_key = %s", (key,)).rowcount == 0
        assert (
            app.execute(PUT.replace(" returning", " on conflict do nothing returning"), (key, key)).fetchone()
            is None
        )


def test_nothing_is_deleted_from_the_inbox_by_the_applications_role(database: Database) -> None:
    key = str(uuid4())
    with psycopg.connect(database.app_url) as app:
        app.execute(PUT, (key, key))
        assert app.execute("delete from inbox where order_key = %s", (key,)).rowcount == 0
        assert app.execute("select 1 from inbox where order_key = %s", (key,)).fetchone()


def test_nothing_is_remembered_as_if_it_had_been_dealt_with(database: Database) -> None:
    key = str(uuid4())
    with (
        psycopg.connect(database.app_url) as app,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"),
    ):
        app.execute(
            "insert into inbox (platform, unique_key, order_key, payload, state) values ('console', %s, %s, '', 'done')",
            (key, key),
        )


def test_retention_still_deletes_what_was_dealt_with(database: Database) -> None:
    key = str(uuid4())
    with psycopg.connect(database.app_url) as app:
        app.execute(PUT, (key, key))
        app.execute("update inbox set state = 'done', done_at = now() where order_key = %s", (key,))
        app.commit()
        app.execute("select fp_retain(now() + interval '1 hour', '-infinity', '-infinity')")
    with psycopg.connect(database.owner_url) as owner:
        assert owner.execute("select 1 from inbox where order_key = %s", (key,)).fetchone() is None
