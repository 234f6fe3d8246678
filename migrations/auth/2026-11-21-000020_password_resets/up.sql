-- Somebody asked for a link to choose a new password. Every request is written, whether or not the address is a user's, so that the answer
-- takes the same time; a moment later it is taken out and looked at.
CREATE TABLE reset_requests (
    id         uuid PRIMARY KEY,
    -- Lower case, as in users.
    email_key  text NOT NULL,
    -- Of the mail; none when the client named none of ours.
    language   text,
    created_at timestamptz NOT NULL
);

-- The links that were mailed and not used.
CREATE TABLE password_resets (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    -- SHA-256 of the secret part, which is 32 random bytes.
    secret_hash bytea NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX password_resets_of_user ON password_resets (user_id);
CREATE INDEX password_resets_expires_at ON password_resets (expires_at);
