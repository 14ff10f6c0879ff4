CREATE TABLE workspaces (
    id UUID NOT NULL,
    account_id UUID,
    platform TEXT NOT NULL,
    external_id TEXT NOT NULL,
    name TEXT DEFAULT '' NOT NULL,
    bot_user_id TEXT DEFAULT '' NOT NULL,
    bot_id TEXT DEFAULT '' NOT NULL,
    app_id TEXT DEFAULT '' NOT NULL,
    credentials BYTEA,
    scopes TEXT DEFAULT '' NOT NULL,
    state VARCHAR(20) DEFAULT 'installed' NOT NULL,
    installed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    linked_at TIMESTAMP WITH TIME ZONE,
    linked_by UUID,
    PRIMARY KEY (id),
    CONSTRAINT workspaces_external UNIQUE (platform, external_id),
    CONSTRAINT workspaces_state CHECK (state in ('installed','uninstalled')),
    FOREIGN KEY(linked_by, account_id) REFERENCES users (id, account_id) ON DELETE SET NULL (linked_by),
    FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);

CREATE INDEX workspaces_account ON workspaces (account_id);

CREATE TABLE link_codes (
    code_hash TEXT NOT NULL,
    account_id UUID NOT NULL,
    platform TEXT NOT NULL,
    made_by UUID NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (code_hash),
    FOREIGN KEY(made_by, account_id) REFERENCES users (id, account_id) ON DELETE CASCADE,
    FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);

ALTER TABLE places ADD COLUMN link TEXT DEFAULT '' NOT NULL;

ALTER TABLE inbox ADD COLUMN due_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL;

CREATE INDEX messages_ref ON messages (external_ref) WHERE external_ref IS NOT NULL;

ALTER TABLE link_codes ENABLE ROW LEVEL SECURITY;
CREATE POLICY account_only ON link_codes
    USING (account_id = nullif(current_setting('app.account_id', true), '')::uuid)
    WITH CHECK (account_id = nullif(current_setting('app.account_id', true), '')::uuid);

-- Who writes from a workspace is asked before an account is known, so a transaction may name one workspace (fp_workspace
-- gives its id). Without an account it sees that one row; with an account it sees the account's own rows, and the named
-- one only while it belongs to nobody. It changes only rows that it could have written: its own, or the named one of
-- nobody. Nothing is deleted here: uninstalling empties the credentials, and an account that goes takes its rows along.
ALTER TABLE workspaces ENABLE ROW LEVEL SECURITY;
CREATE POLICY workspaces_read ON workspaces FOR SELECT
    USING (account_id = nullif(current_setting('app.account_id', true), '')::uuid
        OR (id = nullif(current_setting('app.workspace_id', true), '')::uuid
            AND (account_id IS NULL OR nullif(current_setting('app.account_id', true), '') IS NULL)));
CREATE POLICY workspaces_install ON workspaces FOR INSERT
    WITH CHECK (account_id IS NULL AND id = nullif(current_setting('app.workspace_id', true), '')::uuid);
CREATE POLICY workspaces_change ON workspaces FOR UPDATE
    USING (account_id = nullif(current_setting('app.account_id', true), '')::uuid
        OR (account_id IS NULL AND id = nullif(current_setting('app.workspace_id', true), '')::uuid))
    WITH CHECK (account_id = nullif(current_setting('app.account_id', true), '')::uuid
        OR (account_id IS NULL AND id = nullif(current_setting('app.workspace_id', true), '')::uuid));

CREATE FUNCTION fp_workspace(p_platform text, p_external_id text)
RETURNS TABLE (workspace_id uuid, account_id uuid) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT w.id, w.account_id FROM workspaces w WHERE w.platform = p_platform AND w.external_id = p_external_id
$$;

CREATE FUNCTION fp_unlinked_workspaces() RETURNS TABLE (workspace_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT w.id FROM workspaces w WHERE w.account_id IS NULL ORDER BY w.platform, w.external_id
$$;

-- One code, one link, in one step: of two who redeem it at once the second finds it used. A workspace of another account
-- is left alone and so is the code. What an earlier account of this workspace left behind would lead its people and
-- threads to the wrong account, so it goes.
CREATE FUNCTION fp_redeem(p_platform text, p_external_id text, p_code_hash text)
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
  RETURN QUERY SELECT code.account_id, false;
END $$;

-- The head of an order key that is put off holds back what came in behind it.
CREATE OR REPLACE FUNCTION fp_due_inbox(p_limit integer) RETURNS TABLE (order_key text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT i.order_key FROM inbox i
  WHERE i.state = 'new' AND i.due_at <= now()
    AND NOT EXISTS (SELECT 1 FROM inbox b WHERE b.state = 'new' AND b.order_key = i.order_key AND b.id < i.id)
  ORDER BY i.id LIMIT p_limit
$$;

CREATE OR REPLACE FUNCTION fp_retain(p_inbox_before timestamptz, p_drafts_before timestamptz, p_outbox_before timestamptz) RETURNS bigint
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
  RETURN total;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
