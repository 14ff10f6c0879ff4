"""The statements that open and close a call to the model, each in one go with what is said in the conversation."""

from __future__ import annotations

from sqlalchemy import text

OPEN = text("""
with told as (
    insert into ai_messages (account_id, session_id, chapter, number, role, content, covers, at)
    select :account, :session, :chapter, g.number, g.role, g.content, cast(g.covers as jsonb), :now
    from unnest(cast(:numbers as int[]), cast(:roles as text[]), cast(:contents as text[]), cast(:covers as text[]))
        as g(number, role, content, covers)
    returning number
)
insert into ai_calls (id, account_id, session_id, purpose, turn, attempt, chapter, upto, model, max_tokens, cached,
                      schema_version, masked, created_at)
select :call, :account, :session, cast(:purpose as text), :turn, 1 + (
        select count(*) from ai_calls
        where session_id = :session and account_id = :account and purpose = cast(:purpose as text) and turn = :turn
            and chapter = :chapter and upto = :upto),
    :chapter, :upto, :model, :max_tokens, :cached, :schema_version, cast(:masked as jsonb), :now
""")

# The Session is held before the call, in the order in which everybody takes them. What was booked for the call is read
# while it is held, so that the totals change by exactly the difference, whoever ends it at the same time.
CLOSE = text("""
with held as (
    select id from ai_sessions
    where account_id = :account
        and id = (select session_id from ai_calls where id = :call and account_id = :account)
    for no key update
), before as (
    select c.id, c.state,
        coalesce(cast(:input as bigint), c.input_tokens) as input,
        coalesce(cast(:cache_read as bigint), c.cache_read_tokens) as cache_read,
        coalesce(cast(:cache_write as bigint), c.cache_write_tokens) as cache_write,
        coalesce(cast(:output as bigint), c.output_tokens) as output,
        case when c.state = 'in_flight' then 0 else c.input_tokens end as booked_input,
        case when c.state = 'in_flight' then 0 else c.cache_read_tokens end as booked_cache_read,
        case when c.state = 'in_flight' then 0 else c.cache_write_tokens end as booked_cache_write,
        case when c.state = 'in_flight' then 0 else c.output_tokens end as booked_output
    from ai_calls c join held on held.id = c.session_id
    where c.id = :call and c.account_id = :account
        and (c.state = 'in_flight' or (c.state = 'unknown' and cast(:state as text) <> 'unknown'))
    for no key update of c
), ended as (
    update ai_calls c set state = cast(:state as text), ended_at = :now,
        input_tokens = b.input, cache_read_tokens = b.cache_read, cache_write_tokens = b.cache_write,
        output_tokens = b.output, cost_microdollars = coalesce(cast(:cost as bigint), c.cost_microdollars),
        stop_reason = cast(:stop_reason as text), failure = cast(:failure as text),
        status = :status, message_id = coalesce(nullif(cast(:message as text), ''), c.message_id), request_id = :request,
        reply = :reply, used = :used
    from before b where c.id = b.id
    returning c.account_id, c.session_id, c.chapter, c.upto
), booked as (
    update ai_sessions s set
        total_input_tokens = s.total_input_tokens + b.input - b.booked_input,
        total_cache_read_tokens = s.total_cache_read_tokens + b.cache_read - b.booked_cache_read,
        total_cache_write_tokens = s.total_cache_write_tokens + b.cache_write - b.booked_cache_write,
        total_output_tokens = s.total_output_tokens + b.output - b.booked_output
    from before b, ended e where s.id = e.session_id and s.account_id = e.account_id
), told as (
    insert into ai_messages (account_id, session_id, chapter, number, role, content, covers, at)
    select account_id, session_id, chapter, upto + 1, 'assistant', cast(:content as text), cast(:covers as jsonb), :now
    from ended where cast(:content as text) is not null
)
select session_id from ended
""")

TAKE_UP = text("""
with held as (
    select id from ai_sessions
    where account_id = :account
        and id = (select session_id from ai_calls where id = :call and account_id = :account)
    for key share
), taken as (
    update ai_calls c set used = true from held
    where c.id = :call and c.account_id = :account and c.session_id = held.id
        and c.state = 'answered' and not c.used
    returning c.account_id, c.session_id, c.chapter, c.upto
), told as (
    insert into ai_messages (account_id, session_id, chapter, number, role, content, covers, at)
    select account_id, session_id, chapter, upto + 1, 'assistant', cast(:content as text), cast(:covers as jsonb), :now
    from taken
)
select session_id from taken
""")

PROJECT = text("""
with said as (
    select chapter, number, role, cast(content as jsonb) as content from ai_messages
    where session_id = :session and account_id = :account
)
update ai_sessions set
    system_prompt_snapshot = (
        select string_agg(b.block ->> 'text', E'\\n\\n' order by b.n)
        from jsonb_array_elements((select content from said where role = 'system' order by chapter desc limit 1))
            with ordinality as b(block, n)),
    conversation_messages = (
        select jsonb_agg(jsonb_build_object('chapter', chapter, 'number', number, 'role', role, 'content', content)
            order by chapter, number)
        from said)
where id = :session and account_id = :account and exists (select 1 from said)
""")

PICTURES = text("""
select distinct cast(b.block ->> 'id' as uuid)
from ai_messages m cross join lateral jsonb_array_elements(cast(m.content as jsonb)) as b(block)
where m.session_id = :session and m.account_id = :account and m.role = 'user' and b.block ->> 'type' = 'picture'
""")

STANDING = text("""
with calls as (
    select * from ai_calls where session_id = :session and account_id = :account and purpose = 'turn'
)
select
    (select max(chapter) from ai_messages where session_id = :session and account_id = :account) as chapter,
    array(
        select jsonb_build_array(number, role, content, covers) from ai_messages
        where session_id = :session and account_id = :account and chapter = (
            select max(chapter) from ai_messages where session_id = :session and account_id = :account)
        order by number) as messages,
    array(select to_jsonb(c) from calls c where turn = :turn order by created_at, attempt) as calls,
    array(select created_at from calls where state = 'answered' order by created_at desc limit 3) as times,
    spent.*
from (
    select coalesce(sum(input_tokens), 0) as input, coalesce(sum(cache_read_tokens), 0) as cache_read,
        coalesce(sum(cache_write_tokens), 0) as cache_write, coalesce(sum(output_tokens), 0) as output
    from ai_calls where account_id = :account and created_at >= :since
) spent
""")
