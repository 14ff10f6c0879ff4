"""The tables, as SQLAlchemy sees them; the migrations create them and a test holds the two together."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

metadata = MetaData()
NOW = func.now()


def _id() -> Column[object]:
    return Column("id", UUID, primary_key=True)


def _account(nullable: bool = False) -> Column[object]:
    return Column("account_id", UUID, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=nullable)


def _session() -> Column[object]:
    return Column("session_id", UUID, ForeignKey("ai_sessions.id", ondelete="CASCADE"), nullable=False)


def _at(name: str, *, nullable: bool = False, default: bool = True) -> Column[object]:
    given = NOW if default and not nullable else None
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=given)


def _words(name: str) -> Column[object]:
    return Column(name, Text, nullable=False, server_default="")


def _json(name: str, default: str = "{}") -> Column[object]:
    return Column(name, JSONB, nullable=False, server_default=text(f"'{default}'::jsonb"))


accounts = Table(
    "accounts",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    _json("settings"),
    _at("created_at"),
)

teams = Table(
    "teams",
    metadata,
    _id(),
    _account(),
    Column("name", Text, nullable=False),
    UniqueConstraint("account_id", "name", name="teams_account_name"),
)

users = Table(
    "users",
    metadata,
    _id(),
    _account(),
    Column("name", Text, nullable=False),
    Column("email", Text),
    Column("roles", ARRAY(Text), nullable=False, server_default=text("'{technician}'::text[]")),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    _at("created_at"),
)
Index("users_account_email", users.c.account_id, func.lower(users.c.email), unique=True)

team_members = Table(
    "team_members",
    metadata,
    Column("team_id", UUID, ForeignKey("teams.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", UUID, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    _account(),
    PrimaryKeyConstraint("team_id", "user_id"),
)

identities = Table(
    "identities",
    metadata,
    _id(),
    _account(),
    Column("user_id", UUID, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("platform", Text, nullable=False),
    Column("workspace", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    UniqueConstraint("platform", "workspace", "external_id", name="identities_external"),
)

psa_connections = Table(
    "psa_connections",
    metadata,
    _id(),
    _account(),
    Column("host", Text, nullable=False),
    Column("company", Text, nullable=False),
    Column("codebase", Text, nullable=False, server_default=""),
    Column("keys", LargeBinary, nullable=False),
    _json("flowpilot_settings"),
    Column("state", Text, nullable=False, server_default="checking"),
    _words("problem"),
    _at("checked_at", nullable=True),
    _at("created_at"),
)

psa_member_mappings = Table(
    "psa_member_mappings",
    metadata,
    _account(),
    Column("connection_id", UUID, ForeignKey("psa_connections.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", UUID, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("member_id", Integer, nullable=False),
    Column("member_name", Text, nullable=False),
    Column("source", Text, nullable=False),
    PrimaryKeyConstraint("connection_id", "user_id"),
)

trees = Table(
    "trees",
    metadata,
    Column("id", Text, nullable=False),
    _account(),
    Column("title", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("source", Text, nullable=False),
    _at("updated_at"),
    PrimaryKeyConstraint("account_id", "id"),
)

ai_sessions = Table(
    "ai_sessions",
    metadata,
    _id(),
    Column("user_id", UUID, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    _account(),
    Column("team_id", UUID, ForeignKey("teams.id", ondelete="SET NULL")),
    Column("intake_type", String(20), nullable=False),
    _json("intake_content"),
    _words("problem_summary"),
    Column("problem_domain", String(50), nullable=False, server_default="other"),
    Column("status", String(32), nullable=False, server_default="active"),
    Column("confidence_tier", String(20), nullable=False, server_default="discovery"),
    Column("confidence_score", Double, nullable=False, server_default="0"),
    Column("matched_flow_id", Text),
    Column("match_score", Double),
    Column("psa_ticket_id", Integer),
    Column("psa_connection_id", UUID, ForeignKey("psa_connections.id", ondelete="SET NULL")),
    Column("ticket_data", JSONB),
    _words("resolution_summary"),
    _words("resolution_action"),
    _words("escalation_reason"),
    Column("escalation_package", JSONB),
    Column("escalated_to_id", UUID, ForeignKey("users.id", ondelete="SET NULL")),
    Column("session_rating", SmallInteger),
    _words("session_feedback"),
    Column("total_input_tokens", BigInteger, nullable=False, server_default="0"),
    Column("total_output_tokens", BigInteger, nullable=False, server_default="0"),
    Column("step_count", Integer, nullable=False, server_default="0"),
    _at("created_at"),
    _at("updated_at"),
    _at("resolved_at", nullable=True),
    Column("system_prompt_snapshot", Text),
    _json("conversation_messages", "[]"),
    Column("version", Integer, nullable=False, server_default="0"),
    Column("parent_session_id", UUID, ForeignKey("ai_sessions.id", ondelete="SET NULL")),
    Column("escalated_to_team_id", UUID, ForeignKey("teams.id", ondelete="SET NULL")),
    Column("escalation_requested_by_id", UUID, ForeignKey("users.id", ondelete="SET NULL")),
    Column("total_cache_read_tokens", BigInteger, nullable=False, server_default="0"),
    Column("total_cache_write_tokens", BigInteger, nullable=False, server_default="0"),
    _json("state"),
    CheckConstraint(
        "intake_type in ('free_text','psa_ticket','screenshot','log_paste','combined')",
        name="ai_sessions_intake_type",
    ),
    CheckConstraint(
        "status in ('active','paused','requesting_escalation','escalated','resolved','abandoned')",
        name="ai_sessions_status",
    ),
    CheckConstraint(
        "confidence_tier in ('guided','exploring','discovery')", name="ai_sessions_confidence_tier"
    ),
    CheckConstraint("session_rating between 1 and 5", name="ai_sessions_rating"),
)
Index("ai_sessions_owner", ai_sessions.c.account_id, ai_sessions.c.user_id, ai_sessions.c.status)
Index("ai_sessions_ticket", ai_sessions.c.account_id, ai_sessions.c.psa_ticket_id)

ai_session_steps = Table(
    "ai_session_steps",
    metadata,
    _session(),
    Column("number", Integer, nullable=False),
    _account(),
    Column("kind", String(32), nullable=False),
    Column("flow_node", Text),
    Column("manner", String(20)),
    Column("answered_by_id", UUID, ForeignKey("users.id", ondelete="SET NULL")),
    _at("proposed_at"),
    _at("answered_at", nullable=True),
    _json("content"),
    PrimaryKeyConstraint("session_id", "number"),
)

ai_session_notes = Table(
    "ai_session_notes",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    _session(),
    _account(),
    Column("kind", String(20), nullable=False),
    _words("text"),
    Column("by_id", UUID, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    _at("at"),
    Column("step", Integer, nullable=False),
    _words("log_digest"),
    _words("log_content"),
)
Index("ai_session_notes_session", ai_session_notes.c.session_id, ai_session_notes.c.id)

ai_session_intervals = Table(
    "ai_session_intervals",
    metadata,
    _session(),
    Column("number", Integer, nullable=False),
    _account(),
    Column("user_id", UUID, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    _at("started_at"),
    _at("ended_at"),
    Column("confirmed", Boolean),
    Column("post_id", UUID),
    PrimaryKeyConstraint("session_id", "number"),
)
Index("ai_session_intervals_user", ai_session_intervals.c.user_id, ai_session_intervals.c.started_at)

psa_post_log = Table(
    "psa_post_log",
    metadata,
    _id(),
    _account(),
    _session(),
    Column("connection_id", UUID, ForeignKey("psa_connections.id", ondelete="SET NULL")),
    Column("key", Text, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("occasion", String(20), nullable=False),
    Column("engineer_id", UUID, ForeignKey("users.id", ondelete="SET NULL")),
    Column("ticket_id", Integer),
    _json("content"),
    Column("marker", Text, nullable=False),
    Column("state", String(20), nullable=False, server_default="pending"),
    Column("held_because", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _at("next_attempt_at", nullable=True),
    _at("sending_since", nullable=True),
    Column("external_id", Text),
    _words("problem"),
    _at("created_at"),
    _at("updated_at"),
    Column("position", BigInteger, Identity(), nullable=False),
    UniqueConstraint("session_id", "key", name="psa_post_log_once"),
    CheckConstraint(
        "state in ('pending','sending','posted','failed','unknown')", name="psa_post_log_state"
    ),
)

places = Table(
    "places",
    metadata,
    _id(),
    _account(),
    Column(
        "session_id",
        UUID,
        ForeignKey("ai_sessions.id", ondelete="CASCADE", deferrable=True, initially="DEFERRED"),
    ),
    Column("kind", String(20), nullable=False),
    Column("platform", Text, nullable=False),
    Column("workspace", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("thread", Text, nullable=False, server_default=""),
    _at("created_at"),
    UniqueConstraint("platform", "workspace", "channel", "thread", name="places_external"),
)
Index("places_session", places.c.session_id)

messages = Table(
    "messages",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    _account(),
    Column("place_id", UUID, ForeignKey("places.id", ondelete="CASCADE"), nullable=False),
    Column("key", Text, nullable=False),
    Column("external_ref", Text),
    _json("card"),
    Column("change", BigInteger, nullable=False),
    _at("created_at"),
    UniqueConstraint("place_id", "key", name="messages_once"),
)
Index("messages_change", messages.c.place_id, messages.c.change)

inbox = Table(
    "inbox",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("platform", Text, nullable=False),
    Column("unique_key", Text, nullable=False),
    Column("order_key", Text, nullable=False),
    _account(nullable=True),
    Column("payload", LargeBinary, nullable=False),
    Column("state", String(10), nullable=False, server_default="new"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _words("problem"),
    _at("received_at"),
    _at("done_at", nullable=True),
    UniqueConstraint("platform", "unique_key", name="inbox_once"),
)
Index("inbox_new", inbox.c.order_key, inbox.c.id, postgresql_where=text("state = 'new'"))

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    _account(),
    Column("subject_id", UUID, nullable=False),
    Column("lane", String(10), nullable=False),
    Column("verb", Text, nullable=False),
    _json("args"),
    _at("due_at"),
    Column("state", String(10), nullable=False, server_default="owed"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _words("problem"),
    _at("created_at"),
    _at("done_at", nullable=True),
)
OWED = text("state = 'owed'")
Index("outbox_owed", outbox.c.subject_id, outbox.c.lane, outbox.c.id, postgresql_where=OWED)
Index("outbox_due", outbox.c.due_at, postgresql_where=OWED)

lanes = Table(
    "lanes",
    metadata,
    Column("subject_id", UUID, nullable=False),
    Column("lane", String(10), nullable=False),
    _account(),
    Column("version", BigInteger, nullable=False, server_default="0"),
    Column("holder", Text),
    _at("leased_until", nullable=True),
    PrimaryKeyConstraint("subject_id", "lane"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("version", BigInteger, nullable=False, server_default="1"),
    _at("leased_until"),
)

session_log = Table(
    "session_log",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    _session(),
    _account(),
    _at("at"),
    Column("by_id", UUID),
    Column("event", Text, nullable=False),
    _json("detail"),
)
Index("session_log_session", session_log.c.session_id, session_log.c.id)

drafts = Table(
    "drafts",
    metadata,
    _id(),
    _account(),
    Column("user_id", UUID, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    _at("created_at"),
)
