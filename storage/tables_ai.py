"""The tables of conversations with the model, of its calls, of what was masked for it, and of screenshots."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
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

from storage.columns import account, at, ident, json_of, metadata, of, words

NONE = "0"

ai_messages = Table(
    "ai_messages",
    metadata,
    account(),
    *of("session_id", "ai_sessions"),
    Column("chapter", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("role", String(10), nullable=False),
    Column("content", Text, nullable=False),
    json_of("covers"),
    at("at"),
    PrimaryKeyConstraint("session_id", "chapter", "number"),
    CheckConstraint("role in ('system','user','assistant')", name="ai_messages_role"),
    CheckConstraint("(role = 'system') = (number = 0)", name="ai_messages_system_first"),
    CheckConstraint("jsonb_typeof(content::jsonb) = 'array'", name="ai_messages_content"),
)

ai_calls = Table(
    "ai_calls",
    metadata,
    ident(),
    account(),
    *of("session_id", "ai_sessions"),
    Column("purpose", String(20), nullable=False),
    Column("turn", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("chapter", Integer, nullable=False),
    Column("upto", Integer, nullable=False),
    Column("model", Text, nullable=False),
    Column("max_tokens", Integer, nullable=False),
    Column("cached", Boolean, nullable=False),
    words("schema_version"),
    Column("state", String(20), nullable=False, server_default="in_flight"),
    at("created_at"),
    at("started_at", nullable=True),
    at("ended_at", nullable=True),
    Column("input_tokens", BigInteger, nullable=False, server_default=NONE),
    Column("cache_read_tokens", BigInteger, nullable=False, server_default=NONE),
    Column("cache_write_tokens", BigInteger, nullable=False, server_default=NONE),
    Column("output_tokens", BigInteger, nullable=False, server_default=NONE),
    Column("cost_microdollars", BigInteger, nullable=False, server_default=NONE),
    Column("stop_reason", String(20)),
    Column("failure", String(20)),
    Column("status", Integer, nullable=False, server_default=NONE),
    words("message_id"),
    words("request_id"),
    words("reply"),
    Column("used", Boolean, nullable=False, server_default=text("false")),
    json_of("masked"),
    CheckConstraint("purpose in ('turn','package','briefing','note','ticket')", name="ai_calls_purpose"),
    CheckConstraint("state in ('in_flight','answered','failed','unknown')", name="ai_calls_state"),
)
Index(
    "ai_calls_in_flight",
    ai_calls.c.session_id,
    ai_calls.c.purpose,
    ai_calls.c.turn,
    unique=True,
    postgresql_where=text("state = 'in_flight'"),
)
Index("ai_calls_session", ai_calls.c.session_id, ai_calls.c.created_at)
Index("ai_calls_budget", ai_calls.c.account_id, ai_calls.c.created_at)

session_vaults = Table(
    "session_vaults",
    metadata,
    account(),
    *of("session_id", "ai_sessions"),
    Column("sealed", LargeBinary, nullable=False),
    at("expires_at", default=False),
    PrimaryKeyConstraint("session_id"),
)

session_pictures = Table(
    "session_pictures",
    metadata,
    ident(),
    account(),
    # A picture may come in with the words that begin the Session.
    *of("session_id", "ai_sessions", late=True),
    words("name"),
    Column("media_type", String(20), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    *of("by_id", "users"),
    at("at"),
    words("link"),
    words("saw"),
    Column("state", String(20), nullable=False, server_default="kept"),
    CheckConstraint("state in ('kept','agreed','held_back')", name="session_pictures_state"),
)
Index("session_pictures_session", session_pictures.c.session_id, session_pictures.c.at)
