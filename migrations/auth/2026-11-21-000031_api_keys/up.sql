CREATE TABLE api_keys (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name         text NOT NULL,
    -- The beginning of the key, by which its owner knows it.
    prefix       text NOT NULL,
    -- SHA-256 of the secret part, which is 32 random bytes.
    secret_hash  bytea NOT NULL,
    scopes       text[] NOT NULL CHECK (cardinality(scopes) > 0),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    -- When Redis last heard how it stands: that it is good, or that it was revoked.
    announced_at timestamptz
);
CREATE INDEX api_keys_of_user ON api_keys (user_id);
CREATE INDEX api_keys_to_announce ON api_keys (created_at) WHERE announced_at IS NULL;
-- Keys are forgotten some time after their end.
CREATE INDEX api_keys_ended_at ON api_keys ((LEAST(revoked_at, expires_at)));
