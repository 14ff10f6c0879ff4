"""The tables of chat workspaces and of the codes that link them to an Account."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, String, Table, Text, UniqueConstraint

from storage.columns import account, at, ident, metadata, of, words

workspaces = Table(
    "workspaces",
    metadata,
    ident(),
    account(nullable=True),
    Column("platform", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    words("name"),
    words("bot_user_id"),
    words("bot_id"),
    words("app_id"),
    Column("credentials", LargeBinary),
    words("scopes"),
    Column("state", String(20), nullable=False, server_default="installed"),
    at("installed_at"),
    at("linked_at", nullable=True),
    *of("linked_by", "users", kept=True),
    UniqueConstraint("platform", "external_id", name="workspaces_external"),
    CheckConstraint("state in ('installed','uninstalled')", name="workspaces_state"),
)
Index("workspaces_account", workspaces.c.account_id)

link_codes = Table(
    "link_codes",
    metadata,
    Column("code_hash", Text, primary_key=True),
    account(),
    Column("platform", Text, nullable=False),
    *of("made_by", "users"),
    at("expires_at", default=False),
    at("used_at", nullable=True),
)
