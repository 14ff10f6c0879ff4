"""The tables, as SQLAlchemy sees them; the migrations create them and a test holds the two together."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
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

from storage.columns import account, at, ident, json_of, named, of, words
from storage.columns import metadata as metadata
from storage.tables_ai import ai_calls as ai_calls
from storage.tables_ai import ai_messages as ai_messages
from storage.tables_ai import session_pictures as session_pictures
from storage.tables_ai import session_vaults as session_vaults
from storage.tables_teams import conversation_references as conversation_references
from storage.tables_teams import step_feedback as step_feedback
from storage.tables_workspaces import link_codes as link_codes
from storage.tables_workspaces import workspaces as workspaces

accounts = Table(
    "accounts",
    metadata,
    ident(),
    Column("name", Text, nullable=False),
    json_of("settings"),
    at("created_at"),
)

teams = Table(
    "teams",
    metadata,
    ident(),
    account(),
    Column("name", Text, nullable=False),
    UniqueConstraint("account_id", "name", name="teams_account_name"),
    named("teams"),
)

users = Table(
    "users",
    metadata,
    ident(),
    account(),
    Column("name", Text, nullable=False),
    Column("email", Text),
    Column("roles", ARRAY(Text), nullable=False, server_default=text("'{technician}'::text[]")),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    at("created_at"),
    named("users"),
)
Index("users_account_email", users.c.account_id, func.lower(users.c.email), unique=True)

team_members = Table(
    "team_members",
    metadata,
    account(),
    *of("team_id", "teams"),
    *of("user_id", "users"),
    PrimaryKeyConstraint("team_id", "user_id"),
)

identities = Table(
    "identities",
    metadata,
    ident(),
    account(),
    *of("user_id", "users"),
    Column("platform", Text, nullable=False),
    Column("workspace", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    UniqueConstraint("platform", "workspace", "external_id", name="identities_external"),
)

psa_connections = Table(
    "psa_connections",
    metadata,
    ident(),
    account(),
    Column("host", Text, nullable=False),
    Column("company", Text, nullable=False),
    Column("codebase", Text, nullable=False, server_default=""),
    Column("keys", LargeBinary, nullable=False),
    json_of("flowpilot_settings"),
    Column("state", Text, nullable=False, server_default="checking"),
    words("problem"),
    at("checked_at", nullable=True),
    at("connected_at", nullable=True),
    at("created_at"),
    named("psa_connections"),
)

psa_member_mappings = Table(
    "psa_member_mappings",
    metadata,
    account(),
    *of("connection_id", "psa_connections"),
    *of("user_id", "users"),
    Column("member_id", Integer, nullable=False),
    Column("member_name", Text, nullable=False),
    Column("source", Text, nullable=False),
    PrimaryKeyConstraint("connection_id", "user_id"),
)

trees = Table(
    "trees",
    metadata,
    Column("id", Text, nullable=False),
    account(),
    Column("title", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("source", Text, nullable=False),
    at("updated_at"),
    PrimaryKeyConstraint("account_id", "id"),
)

ai_sessions = Table(
    "ai_sessions",
    metadata,
    ident(),
    account(),
    *of("user_id", "users"),
    *of("team_id", "teams", kept=True),
    Column("intake_type", String(20), nullable=False),
    json_of("intake_content"),
    words("problem_summary"),
    Column("problem_domain", String(50), nullable=False, server_default="other"),
    Column("status", String(32), nullable=False, server_default="active"),
    Column("confidence_tier", String(20), nullable=False, server_default="discovery"),
    Column("confidence_score", Double, nullable=False, server_default="0"),
    Column("matched_flow_id", Text),
    Column("match_score", Double),
    Column("psa_ticket_id", Integer),
    *of("psa_connection_id", "psa_connections", kept=True),
    Column("ticket_data", JSONB),
    words("resolution_summary"),
    words("resolution_action"),
    words("escalation_reason"),
    Column("escalation_package", JSONB),
    *of("escalated_to_id", "users", kept=True),
    Column("session_rating", SmallInteger),
    words("session_feedback"),
    Column("total_input_tokens", BigInteger, nullable=False, server_default="0"),
    Column("total_output_tokens", BigInteger, nullable=False, server_default="0"),
    Column("step_count", Integer, nullable=False, server_default="0"),
    at("created_at"),
    at("updated_at"),
    at("resolved_at", nullable=True),
    Column("system_prompt_snapshot", Text),
    json_of("conversation_messages", "[]"),
    Column("version", Integer, nullable=False, server_default="0"),
    *of("parent_session_id", "ai_sessions", kept=True),
    *of("escalated_to_team_id", "teams", kept=True),
    *of("escalation_requested_by_id", "users", kept=True),
    Column("total_cache_read_tokens", BigInteger, nullable=False, server_default="0"),
    Column("total_cache_write_tokens", BigInteger, nullable=False, server_default="0"),
    json_of("state"),
    named("ai_sessions"),
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
    account(),
    *of("session_id", "ai_sessions"),
    Column("number", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("flow_node", Text),
    Column("manner", String(20)),
    *of("answered_by_id", "users", kept=True),
    at("proposed_at"),
    at("answered_at", nullable=True),
    json_of("content"),
    PrimaryKeyConstraint("session_id", "number"),
)

ai_session_notes = Table(
    "ai_session_notes",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    account(),
    *of("session_id", "ai_sessions"),
    Column("kind", String(20), nullable=False),
    words("text"),
    *of("by_id", "users"),
    at("at"),
    Column("step", Integer, nullable=False),
    words("log_digest"),
    words("log_content"),
)
Index("ai_session_notes_session", ai_session_notes.c.session_id, ai_session_notes.c.id)

ai_session_intervals = Table(
    "ai_session_intervals",
    metadata,
    account(),
    *of("session_id", "ai_sessions"),
    Column("number", Integer, nullable=False),
    *of("user_id", "users"),
    at("started_at"),
    at("ended_at"),
    Column("confirmed", Boolean),
    Column("post_id", UUID),
    PrimaryKeyConstraint("session_id", "number"),
)
Index("ai_session_intervals_user", ai_session_intervals.c.user_id, ai_session_intervals.c.started_at)

psa_post_log = Table(
    "psa_post_log",
    metadata,
    ident(),
    account(),
    *of("session_id", "ai_sessions"),
    *of("connection_id", "psa_connections", kept=True),
    Column("key", Text, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("occasion", String(20), nullable=False),
    *of("engineer_id", "users", kept=True),
    Column("ticket_id", Integer),
    json_of("content"),
    Column("marker", Text, nullable=False),
    Column("state", String(20), nullable=False, server_default="pending"),
    Column("held_because", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    at("next_attempt_at", nullable=True),
    at("sending_since", nullable=True),
    Column("external_id", Text),
    words("problem"),
    at("created_at"),
    at("updated_at"),
    Column("position", BigInteger, Identity(), nullable=False),
    UniqueConstraint("session_id", "key", name="psa_post_log_once"),
    CheckConstraint("state in ('pending','sending','posted','failed','unknown')", name="psa_post_log_state"),
)

places = Table(
    "places",
    metadata,
    ident(),
    account(),
    *of("session_id", "ai_sessions", nullable=True, late=True),
    Column("kind", String(20), nullable=False),
    Column("platform", Text, nullable=False),
    Column("workspace", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("thread", Text, nullable=False, server_default=""),
    words("link"),
    at("created_at"),
    UniqueConstraint("platform", "workspace", "channel", "thread", name="places_external"),
    named("places"),
)
Index("places_session", places.c.session_id)

messages = Table(
    "messages",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    account(),
    *of("place_id", "places"),
    Column("key", Text, nullable=False),
    Column("external_ref", Text),
    json_of("card"),
    Column("change", BigInteger, nullable=False),
    at("created_at"),
    UniqueConstraint("place_id", "key", name="messages_once"),
)
Index("messages_change", messages.c.place_id, messages.c.change)
Index("messages_ref", messages.c.external_ref, postgresql_where=messages.c.external_ref.is_not(None))

inbox = Table(
    "inbox",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("platform", Text, nullable=False),
    Column("unique_key", Text, nullable=False),
    Column("order_key", Text, nullable=False),
    account(nullable=True),
    Column("payload", LargeBinary, nullable=False),
    Column("state", String(10), nullable=False, server_default="new"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    words("problem"),
    at("received_at"),
    at("due_at"),
    at("done_at", nullable=True),
    UniqueConstraint("platform", "unique_key", name="inbox_once"),
)
Index("inbox_new", inbox.c.order_key, inbox.c.id, postgresql_where=text("state = 'new'"))

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    account(),
    Column("subject_id", UUID, nullable=False),
    Column("lane", String(10), nullable=False),
    Column("verb", Text, nullable=False),
    json_of("args"),
    at("due_at"),
    Column("state", String(10), nullable=False, server_default="owed"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    words("problem"),
    at("created_at"),
    at("done_at", nullable=True),
)
OWED = text("state = 'owed'")
Index("outbox_owed", outbox.c.subject_id, outbox.c.lane, outbox.c.id, postgresql_where=OWED)
Index("outbox_due", outbox.c.due_at, postgresql_where=OWED)

lanes = Table(
    "lanes",
    metadata,
    account(),
    Column("subject_id", UUID, nullable=False),
    Column("lane", String(10), nullable=False),
    Column("version", BigInteger, nullable=False, server_default="0"),
    Column("holder", Text),
    at("leased_until", nullable=True),
    PrimaryKeyConstraint("account_id", "subject_id", "lane"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("version", BigInteger, nullable=False, server_default="1"),
    at("leased_until"),
)

session_log = Table(
    "session_log",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    account(),
    *of("session_id", "ai_sessions"),
    at("at"),
    Column("by_id", UUID),
    Column("event", Text, nullable=False),
    json_of("detail"),
)
Index("session_log_session", session_log.c.session_id, session_log.c.id)

drafts = Table(
    "drafts",
    metadata,
    ident(),
    account(),
    *of("user_id", "users"),
    Column("kind", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    at("created_at"),
)
