"""Whether the practice desk's database is ready, asked cheaply; what makes it ready is imported only when it is not."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from bot.practice_memory import Kept

VERSIONS = Path(__file__).resolve().parents[1] / "storage" / "migrations" / "versions"


def is_migrated(database_url: str, owner_url: str) -> bool:
    """Whether the newest migration ran and the application's role was granted its rows."""
    newest = max(path.name.split("_")[0] for path in VERSIONS.glob("[0-9]*.py"))
    role = urlsplit(database_url).username
    with psycopg.connect(owner_url, connect_timeout=10) as connection:
        if connection.execute("select to_regclass('alembic_version')").fetchone() == (None,):
            return False
        at = connection.execute("select version_num from alembic_version").fetchone()
        granted = connection.execute(
            "select has_table_privilege(%s, 'psa_post_log', 'insert')", [role]
        ).fetchone()
    return at == (newest,) and granted == (True,)


def migrate(database_url: str, owner_url: str) -> None:
    from storage.migrate import migrate as run  # noqa: PLC0415 - half a second that most starts do not need

    run(owner_url, urlsplit(database_url).username or "")


def is_seeded(database_url: str, account: str, psa_url: str) -> bool:
    """Whether the Account is there and its connection leads to this address. People came in the same transaction."""
    with psycopg.connect(database_url, connect_timeout=10) as connection:
        connection.execute("select set_config('app.account_id', %s, true)", [account])
        rows = connection.execute("select host from psa_connections").fetchall()
    return (psa_url,) in rows


async def seed(database_url: str, kept: Kept, psa_url: str) -> None:
    from bot.practice_account import seed as run  # noqa: PLC0415 - a second that most starts do not need

    await run(database_url, kept, psa_url)


async def link_teams(database_url: str, kept: Kept) -> None:
    from bot.practice_teams import link  # noqa: PLC0415 - only the playground has a tenant

    await link(database_url, kept)
