"""Says in a sentence what a command could not do; what nobody expected is logged under a number."""

from __future__ import annotations

import re

from bot.settings import SettingWrong

NOT_READY = ("42P01", "42883", "42501", "42703")
"""No such table, no such function, not permitted, no such column: this version's migrations did not run."""


def sentence_for(failure: BaseException) -> str | None:
    """What happened and what to do; None for what nobody expected."""
    if isinstance(failure, SettingWrong):
        return str(failure)
    for known in (_of_our_own, _of_the_database, _of_redis):
        if sentence := known(failure):
            return sentence
    return None


def _of_our_own(failure: BaseException) -> str | None:
    from engine.posting import SettleTooShort  # noqa: PLC0415 - only what failed is loaded to name it
    from storage.store import UnsafeRole  # noqa: PLC0415
    from storage.vault import KeysUnusable  # noqa: PLC0415

    return str(failure) if isinstance(failure, SettleTooShort | UnsafeRole | KeysUnusable) else None


def _of_the_database(failure: BaseException) -> str | None:
    import psycopg  # noqa: PLC0415
    from psycopg_pool import PoolTimeout  # noqa: PLC0415
    from sqlalchemy import exc  # noqa: PLC0415

    cause = failure.orig if isinstance(failure, exc.DBAPIError) else failure
    state = getattr(cause, "sqlstate", None)
    if isinstance(cause, psycopg.errors.UndefinedObject) and "role" in str(cause):
        return (
            f"PostgreSQL says: {_first_line(cause)}. Make the role named in DATABASE_URL (CREATE ROLE … LOGIN "
            "PASSWORD …), then run flowpilot migrate again."
        )
    if state in NOT_READY:
        return (
            "The tables in the database are missing, not of this version, or not open to this role. "
            "Nothing was changed. Run flowpilot migrate, then try again."
        )
    if isinstance(failure, exc.ArgumentError):
        return "DATABASE_URL or DATABASE_OWNER_URL cannot be read. Write it like postgresql://user:password@host/name."
    if isinstance(cause, psycopg.OperationalError | PoolTimeout | exc.TimeoutError):
        return (
            f"The database does not open: {_first_line(cause)}. Nothing was changed. Check that PostgreSQL runs and "
            "that DATABASE_URL and DATABASE_OWNER_URL are right."
        )
    return None


def _of_redis(failure: BaseException) -> str | None:
    if isinstance(failure, ValueError) and "Redis URL must specify" in str(failure):
        return "REDIS_URL cannot be read. Write it like redis://host:6379/0."
    return None


def _first_line(cause: BaseException) -> str:
    """The server's own words without the client's preamble."""
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    text = next((line for line in lines if "FATAL:" in line), lines[0] if lines else type(cause).__name__)
    return re.sub(r"^.*?(?:FATAL|ERROR|failed):\s*", "", text).rstrip(".")
