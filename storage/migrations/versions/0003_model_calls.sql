CREATE TABLE ai_messages (
    account_id UUID NOT NULL,
    session_id UUID NOT NULL,
    chapter INTEGER NOT NULL,
    number INTEGER NOT NULL,
    role VARCHAR(10) NOT NULL,
    content TEXT NOT NULL,
    covers JSONB DEFAULT '{}'::jsonb NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (session_id, chapter, number),
    FOREIGN KEY(session_id, account_id) REFERENCES ai_sessions (id, account_id) ON DELETE CASCADE,
    CONSTRAINT ai_messages_role CHECK (role in ('system','user','assistant')),
    CONSTRAINT ai_messages_system_first CHECK ((role = 'system') = (number = 0)),
    CONSTRAINT ai_messages_content CHECK (jsonb_typeof(content::jsonb) = 'array'),
    FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);

CREATE TABLE ai_calls (
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    session_id UUID NOT NULL,
    purpose VARCHAR(20) NOT NULL,
    turn INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    chapter INTEGER NOT NULL,
    upto INTEGER NOT NULL,
    model TEXT NOT NULL,
    max_tokens INTEGER NOT NULL,
    cached BOOLEAN NOT NULL,
    schema_version TEXT DEFAULT '' NOT NULL,
    state VARCHAR(20) DEFAULT 'in_flight' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    input_tokens BIGINT DEFAULT '0' NOT NULL,
    cache_read_tokens BIGINT DEFAULT '0' NOT NULL,
    cache_write_tokens BIGINT DEFAULT '0' NOT NULL,
    output_tokens BIGINT DEFAULT '0' NOT NULL,
    cost_microdollars BIGINT DEFAULT '0' NOT NULL,
    stop_reason VARCHAR(20),
    failure VARCHAR(20),
    status INTEGER DEFAULT '0' NOT NULL,
    message_id TEXT DEFAULT '' NOT NULL,
    request_id TEXT DEFAULT '' NOT NULL,
    reply TEXT DEFAULT '' NOT NULL,
    used BOOLEAN DEFAULT false NOT NULL,
    masked JSONB DEFAULT '{}'::jsonb NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(session_id, account_id) REFERENCES ai_sessions (id, account_id) ON DELETE CASCADE,
    CONSTRAINT ai_calls_purpose CHECK (purpose in ('turn','package','briefing','note','ticket')),
    CONSTRAINT ai_calls_state CHECK (state in ('in_flight','answered','failed','unknown')),
    FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);

CREATE INDEX ai_calls_budget ON ai_calls (account_id, created_at);

CREATE UNIQUE INDEX ai_calls_in_flight ON ai_calls (session_id, purpose, turn) WHERE state = 'in_flight';

CREATE INDEX ai_calls_session ON ai_calls (session_id, created_at);

CREATE TABLE session_vaults (
    account_id UUID NOT NULL,
    session_id UUID NOT NULL,
    sealed BYTEA NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (session_id),
    FOREIGN KEY(session_id, account_id) REFERENCES ai_sessions (id, account_id) ON DELETE CASCADE,
    FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);

CREATE TABLE session_pictures (
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    session_id UUID NOT NULL,
    name TEXT DEFAULT '' NOT NULL,
    media_type VARCHAR(20) NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    size INTEGER NOT NULL,
    sealed BYTEA NOT NULL,
    by_id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    link TEXT DEFAULT '' NOT NULL,
    saw TEXT DEFAULT '' NOT NULL,
    state VARCHAR(20) DEFAULT 'kept' NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(session_id, account_id) REFERENCES ai_sessions (id, account_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY(by_id, account_id) REFERENCES users (id, account_id) ON DELETE CASCADE,
    CONSTRAINT session_pictures_state CHECK (state in ('kept','agreed','held_back')),
    FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);

CREATE INDEX session_pictures_session ON session_pictures (session_id, at);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['ai_messages','ai_calls','session_vaults','session_pictures'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format($p$CREATE POLICY account_only ON %I
        USING (account_id = nullif(current_setting('app.account_id', true), '')::uuid)
        WITH CHECK (account_id = nullif(current_setting('app.account_id', true), '')::uuid)$p$, name);
  END LOOP;
END $$;

-- Whoever still runs the version before asks with three values.
DROP FUNCTION fp_retain(timestamptz, timestamptz, timestamptz);
CREATE FUNCTION fp_retain(p_inbox_before timestamptz, p_drafts_before timestamptz, p_outbox_before timestamptz,
    p_pictures_before timestamptz DEFAULT now() - interval '30 days',
    p_calls_before timestamptz DEFAULT now() - interval '1 hour') RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE gone bigint; total bigint := 0;
BEGIN
  DELETE FROM inbox WHERE state <> 'new' AND received_at < p_inbox_before;
  GET DIAGNOSTICS gone = ROW_COUNT; total := total + gone;
  DELETE FROM drafts WHERE created_at < p_drafts_before;
  GET DIAGNOSTICS gone = ROW_COUNT; total := total + gone;
  DELETE FROM outbox WHERE state IN ('done', 'void') AND done_at < p_outbox_before;
  GET DIAGNOSTICS gone = ROW_COUNT; total := total + gone;
  DELETE FROM link_codes WHERE expires_at < now();
  GET DIAGNOSTICS gone = ROW_COUNT; total := total + gone;
  DELETE FROM session_vaults WHERE expires_at < now();
  GET DIAGNOSTICS gone = ROW_COUNT; total := total + gone;
  DELETE FROM session_pictures p USING ai_sessions s
    WHERE s.id = p.session_id AND s.status IN ('escalated', 'resolved', 'abandoned')
      AND coalesce(s.resolved_at, s.updated_at) < p_pictures_before;
  GET DIAGNOSTICS gone = ROW_COUNT; total := total + gone;
  -- Whoever sent these is gone. The Session is held before its calls, as everybody does it; one that is at work comes
  -- next time.
  WITH held AS (
    SELECT s.id FROM ai_sessions s
    WHERE s.id IN (SELECT c.session_id FROM ai_calls c WHERE c.state = 'in_flight' AND c.created_at < p_calls_before)
    FOR NO KEY UPDATE SKIP LOCKED
  ), ended AS (
    UPDATE ai_calls c SET state = 'unknown', ended_at = now() FROM held
    WHERE c.session_id = held.id AND c.state = 'in_flight' AND c.created_at < p_calls_before
    RETURNING c.session_id, c.input_tokens, c.cache_read_tokens, c.cache_write_tokens, c.output_tokens
  ), owed AS (
    SELECT session_id, sum(input_tokens) AS input, sum(cache_read_tokens) AS cache_read,
      sum(cache_write_tokens) AS cache_write, sum(output_tokens) AS output
    FROM ended GROUP BY session_id
  )
  UPDATE ai_sessions s SET
    total_input_tokens = s.total_input_tokens + o.input,
    total_cache_read_tokens = s.total_cache_read_tokens + o.cache_read,
    total_cache_write_tokens = s.total_cache_write_tokens + o.cache_write,
    total_output_tokens = s.total_output_tokens + o.output
  FROM owed o WHERE s.id = o.session_id;
  RETURN total;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
