"""Brings the database up to date, one process at a time, and grants the application's role what it needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.pool import NullPool

if TYPE_CHECKING:
    from alembic.config import Config

LOCK = 4_711_000_001
"""Advisory lock held for the length of a migration; it is on the owner's direct connection, never behind a proxy."""


def alembic_config(connection: Connection) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - 0.14 s that only a migration needs, not every start

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def sqlalchemy_url(url: str) -> str:
    """The address with psycopg 3 as its driver, whatever name it was given under."""
    parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    return parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def migrate(owner_url: str, app_role: str) -> None:
    """Run what is missing as the owner's role, then grant `app_role` rows but neither tables nor policies."""
    from alembic import command  # noqa: PLC0415 - as above

    engine = create_engine(sqlalchemy_url(owner_url), poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        command.upgrade(alembic_config(connection), "head")
        connection.commit()
        _grant(connection, app_role)
        connection.commit()
        connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": LOCK})
        connection.commit()
    engine.dispose()


def _grant(connection: Connection, app_role: str) -> None:
    role = connection.dialect.identifier_preparer.quote(app_role)
    for statement in (
        # Before PostgreSQL 15 everybody may create tables there; where the owner does not own the schema it only warns.
        "revoke create on schema public from public",
        f"grant usage on schema public to {role}",
        f"grant select, insert, update, delete on all tables in schema public to {role}",
        f"revoke update, delete on session_log, ai_messages from {role}",
        f"revoke insert, update, delete on alembic_version from {role}",
        f"grant usage on all sequences in schema public to {role}",
        f"grant execute on all functions in schema public to {role}",
    ):
        connection.exec_driver_sql(statement)


def is_current(owner_or_app_url: str) -> bool:
    """Whether the database has the newest migration. False also where none ever ran."""
    engine = create_engine(sqlalchemy_url(owner_or_app_url), poolclass=NullPool)
    with engine.connect() as connection:
        if connection.execute(text("select to_regclass('alembic_version')")).scalar() is None:
            return False
        found = connection.execute(text("select version_num from alembic_version")).scalar()
    engine.dispose()
    return found == newest()


def newest() -> str:
    versions = (Path(__file__).parent / "migrations" / "versions").glob("[0-9]*.py")
    return max(path.name.split("_")[0] for path in versions)
