"""The tables of where a chat can be reached, conversation by conversation, and of thumbs under a step."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

from storage.columns import account, at, json_of, metadata, of, words

conversation_references = Table(
    "conversation_references",
    metadata,
    account(),
    Column("platform", Text, nullable=False),
    Column("workspace", Text, nullable=False),
    Column("conversation", Text, nullable=False),
    Column("kind", String(10), nullable=False),
    json_of("raw"),
    words("person"),
    words("team"),
    words("name"),
    Column("hears", Boolean, nullable=False, server_default=text("false")),
    at("kept_at"),
    PrimaryKeyConstraint("account_id", "platform", "workspace", "conversation"),
    CheckConstraint("kind in ('personal','group','channel')", name="conversation_references_kind"),
)
Index(
    "conversation_references_person",
    conversation_references.c.account_id,
    conversation_references.c.platform,
    conversation_references.c.workspace,
    conversation_references.c.person,
    postgresql_where=text("kind = 'personal'"),
)

step_feedback = Table(
    "step_feedback",
    metadata,
    account(),
    *of("session_id", "ai_sessions"),
    Column("step", Integer, nullable=False),
    *of("user_id", "users"),
    Column("reaction", String(10), nullable=False),
    Column("words", LargeBinary),
    at("created_at"),
    PrimaryKeyConstraint("account_id", "session_id", "step", "user_id"),
    CheckConstraint("reaction in ('like','dislike')", name="step_feedback_reaction"),
)
