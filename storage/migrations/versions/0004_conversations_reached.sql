CREATE TABLE conversation_references (
    account_id UUID NOT NULL,
    platform TEXT NOT NULL,
    workspace TEXT NOT NULL,
    conversation TEXT NOT NULL,
    kind VARCHAR(10) NOT NULL,
    raw JSONB DEFAULT '{}'::jsonb NOT NULL,
    person TEXT DEFAULT '' NOT NULL,
    team TEXT DEFAULT '' NOT NULL,
    name TEXT DEFAULT '' NOT NULL,
    hears BOOLEAN DEFAULT false NOT NULL,
    kept_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (account_id, platform, workspace, conversation),
    CONSTRAINT conversation_references_kind CHECK (kind in ('personal','group','channel')),
    FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);

CREATE INDEX conversation_references_person ON conversation_references (account_id, platform, workspace, person)
    WHERE kind = 'personal';

CREATE TABLE step_feedback (
    account_id UUID NOT NULL,
    session_id UUID NOT NULL,
    step INTEGER NOT NULL,
    user_id UUID NOT NULL,
    reaction VARCHAR(10) NOT NULL,
    words BYTEA,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (account_id, session_id, step, user_id),
    CONSTRAINT step_feedback_reaction CHECK (reaction in ('like','dislike')),
    FOREIGN KEY(session_id, account_id) REFERENCES ai_sessions (id, account_id) ON DELETE CASCADE,
    FOREIGN KEY(user_id, account_id) REFERENCES users (id, account_id) ON DELETE CASCADE,
    FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['conversation_references','step_feedback'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format($p$CREATE POLICY account_only ON %I
        USING (account_id = nullif(current_setting('app.account_id', true), '')::uuid)
        WITH CHECK (account_id = nullif(current_setting('app.account_id', true), '')::uuid)$p$, name);
  END LOOP;
END $$;

-- One code, one link, in one step: of two who redeem it at once the second finds it used. A workspace of another account
-- is left alone and so is the code. What an earlier account of this workspace left behind would lead its people and
-- threads to the wrong account, so it goes, and what it could reach there.
CREATE OR REPLACE FUNCTION fp_redeem(p_platform text, p_external_id text, p_code_hash text)
RETURNS TABLE (account_id uuid, taken boolean) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE place workspaces; code link_codes;
BEGIN
  SELECT * INTO place FROM workspaces w
    WHERE w.platform = p_platform AND w.external_id = p_external_id FOR UPDATE;
  IF NOT FOUND THEN RETURN; END IF;
  SELECT * INTO code FROM link_codes k
    WHERE k.code_hash = p_code_hash AND k.platform = p_platform AND k.used_at IS NULL AND k.expires_at > clock_timestamp()
      AND EXISTS (SELECT 1 FROM users u WHERE u.id = k.made_by AND u.active) FOR UPDATE;
  IF NOT FOUND THEN RETURN; END IF;
  IF place.account_id <> code.account_id THEN
    RETURN QUERY SELECT NULL::uuid, true;
    RETURN;
  END IF;
  UPDATE link_codes k SET used_at = now() WHERE k.code_hash = p_code_hash;
  UPDATE workspaces w SET account_id = code.account_id, linked_at = now(), linked_by = code.made_by WHERE w.id = place.id;
  DELETE FROM identities i
    WHERE i.platform = p_platform AND i.workspace = p_external_id AND i.account_id <> code.account_id;
  DELETE FROM places p
    WHERE p.platform = p_platform AND p.workspace = p_external_id AND p.account_id <> code.account_id;
  DELETE FROM conversation_references r
    WHERE r.platform = p_platform AND r.workspace = p_external_id AND r.account_id <> code.account_id;
  RETURN QUERY SELECT code.account_id, false;
END $$;
