"""The kinds of columns the tables are made of, each written once."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    MetaData,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

metadata = MetaData()
NOW = func.now()


def ident() -> Column[object]:
    return Column("id", UUID, primary_key=True)


def account(nullable: bool = False) -> Column[object]:
    return Column("account_id", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=nullable)


def of(
    name: str, table: str, *, kept: bool = False, nullable: bool = False, late: bool = False
) -> tuple[Column[object], ForeignKeyConstraint]:
    """A row of the same Account: foreign keys look past row-level security, so they name the Account too.

    `kept`: this row outlives the one it names and forgets it. `late`: checked when the transaction ends.
    """
    rule = f"SET NULL ({name})" if kept else "CASCADE"
    when = "DEFERRED" if late else None
    target = [f"{table}.id", f"{table}.account_id"]
    return Column(name, UUID, nullable=kept or nullable), ForeignKeyConstraint(
        [name, "account_id"], target, ondelete=rule, deferrable=late or None, initially=when
    )


def named(table: str) -> UniqueConstraint:
    """What `of` needs in the table it names."""
    return UniqueConstraint("id", "account_id", name=f"{table}_within_account")


def at(name: str, *, nullable: bool = False, default: bool = True) -> Column[object]:
    given = NOW if default and not nullable else None
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=given)


def words(name: str) -> Column[object]:
    return Column(name, Text, nullable=False, server_default="")


def json_of(name: str, default: str = "{}") -> Column[object]:
    return Column(name, JSONB, nullable=False, server_default=text(f"'{default}'::jsonb"))
