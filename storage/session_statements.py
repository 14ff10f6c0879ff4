"""The statements that read a Session with what belongs to it as of one moment, and that save it in one go."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Text, and_, bindparam, literal_column, select, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from storage.tables import ai_sessions

# A pasted log may be megabytes; the digest travels with the Session, the log itself stays where it is.
SESSION_COLUMNS = (
    *(
        c
        for c in ai_sessions.c
        if c.name not in {"intake_content", "conversation_messages", "system_prompt_snapshot"}
    ),
    ai_sessions.c.intake_content.op("-")("log_content").label("intake_content"),
)
MINE = "session_id = ai_sessions.id and account_id = ai_sessions.account_id"


def _read(query: str, name: str, kind: Any = None) -> Any:
    """A column with what another table has of the Session, so that one statement reads it all as of one moment."""
    return literal_column(f"({query})", kind).label(name)


def _steps(name: str, content: str, which: str) -> Any:
    query = f"array(select {content} from ai_session_steps where {MINE} {which})"  # noqa: S608 - constants
    return _read(f"select {query}", name, ARRAY(JSONB))


PARTS = (
    _steps("last_steps", "jsonb_build_array(number, content)", "order by number desc limit 2"),
    _read(
        "select array(select jsonb_build_array(user_id, started_at, ended_at, confirmed)"  # noqa: S608 - constants
        f" from ai_session_intervals where {MINE} order by number)",
        "spans",
        ARRAY(JSONB),
    ),
)
ALL_STEPS = _steps("steps", "content", "order by number")
HAS_NOTES = _read(f"select exists (select 1 from ai_session_notes where {MINE})", "has_notes", Boolean)  # noqa: S608 - constants
NEWEST = f"(select max(number) from ai_session_steps where {MINE})"  # noqa: S608 - constants
TELLING = _steps(
    "telling",
    "content",
    f"and (content->'learned' <> '[]' or content->'ruled_out' <> '[]' or number > {NEWEST} - 4)"
    " order by number desc limit 24",
)
AROUND = (
    _read(
        """
        select jsonb_object_agg(u.id, u.name) from users u
        where u.account_id = ai_sessions.account_id and u.active and (
            u.id = ai_sessions.user_id
            or u.id in (select user_id from ai_session_intervals where session_id = ai_sessions.id)
            or u.id in (select answered_by_id from ai_session_steps where session_id = ai_sessions.id)
            or u.id in (select by_id from ai_session_notes where session_id = ai_sessions.id)
            or cast(u.id as text) in (ai_sessions.state #>> '{escalation,requested_by}',
                                      ai_sessions.state #>> '{escalation,postponed_by}')
            or jsonb_exists(ai_sessions.state #> '{escalation,declined_by}', cast(u.id as text)))
        """,
        "names",
        JSONB,
    ),
    _read(
        "select exists (select 1 from users u where u.account_id = ai_sessions.account_id and u.active"
        " and 'lead' = any(u.roles))",
        "has_lead",
        Boolean,
    ),
    _read("select settings from accounts where id = ai_sessions.account_id", "account_settings", JSONB),
    _read(
        # As `Accounts.connection` chooses.
        """
        select jsonb_build_object('settings', c.flowpilot_settings, 'owner', exists (
            select 1 from psa_member_mappings m where m.connection_id = c.id and m.user_id = ai_sessions.user_id))
        from psa_connections c
        where c.account_id = ai_sessions.account_id
            and (ai_sessions.psa_connection_id is null or c.id = ai_sessions.psa_connection_id)
        order by (c.state = 'connected' and c.connected_at is not null) desc,
            case c.state when 'connected' then c.connected_at end desc, c.created_at desc
        limit 1
        """,
        "connection",
        JSONB,
    ),
    _read(f"select exists (select 1 from psa_post_log where {MINE})", "has_posts", Boolean),  # noqa: S608 - constants
    _read(
        "select array(select jsonb_build_array(name, link, saw, state)"  # noqa: S608 - constants
        f" from session_pictures where {MINE} order by at, id)",
        "pictures",
        ARRAY(JSONB),
    ),
    _read(
        f"select link from places where {MINE} and link <> '' order by created_at, id limit 1",  # noqa: S608 - constants
        "link",
        Text,
    ),
)
_mine = and_(ai_sessions.c.id == bindparam("session"), ai_sessions.c.account_id == bindparam("account"))
_earlier = ai_sessions.alias()
EVERYBODY = _read(
    "select jsonb_object_agg(u.id, u.name) from users u where u.account_id = ai_sessions.account_id",
    "names",
    JSONB,
)
GET = select(*SESSION_COLUMNS, *PARTS).where(_mine)
LOCK = (
    select(
        *SESSION_COLUMNS,
        *PARTS,
        # Locking may wait for somebody who saves, and then only the Session itself is read as he left it.
        select(_earlier.c.version)
        .where(_earlier.c.id == ai_sessions.c.id)
        .scalar_subquery()
        .label("parts_of"),
    )
    .where(_mine)
    .with_for_update(of=ai_sessions, key_share=True)
)
GET_PARTS = select(*PARTS).where(_mine)
WHOLE = select(*SESSION_COLUMNS, *PARTS, ALL_STEPS, HAS_NOTES, EVERYBODY).where(_mine)
FOR_CARD = select(*SESSION_COLUMNS, *PARTS, TELLING, *AROUND).where(_mine)

SAVED = {
    "steps": text("""
insert into ai_session_steps (session_id, account_id, number, kind, flow_node, manner, answered_by_id,
                              proposed_at, answered_at, content)
select * from jsonb_to_recordset(cast(:steps as jsonb)) as given(
    session_id uuid, account_id uuid, number int, kind text, flow_node text, manner text, answered_by_id uuid,
    proposed_at timestamptz, answered_at timestamptz, content jsonb)
on conflict (session_id, number) do update set manner = excluded.manner,
    answered_by_id = excluded.answered_by_id, answered_at = excluded.answered_at, content = excluded.content
returning number
"""),
    "intervals": text("""
insert into ai_session_intervals (session_id, account_id, number, user_id, started_at, ended_at, confirmed)
select * from jsonb_to_recordset(cast(:intervals as jsonb)) as given(
    session_id uuid, account_id uuid, number int, user_id uuid, started_at timestamptz, ended_at timestamptz,
    confirmed boolean)
on conflict (session_id, number) do update set user_id = excluded.user_id,
    started_at = excluded.started_at, ended_at = excluded.ended_at, confirmed = excluded.confirmed
returning number
"""),
    "entries": text("""
insert into session_log (session_id, account_id, at, by_id, event, detail)
select * from jsonb_to_recordset(cast(:entries as jsonb)) as given(
    session_id uuid, account_id uuid, at timestamptz, by_id uuid, event text, detail jsonb)
returning id
"""),
}
