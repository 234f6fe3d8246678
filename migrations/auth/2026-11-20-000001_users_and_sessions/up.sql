-- No schema names: the role's search_path leads here, and a test can run the same in a database of its own.

CREATE TABLE users (
    id            uuid PRIMARY KEY,
    username      text NOT NULL,
    -- Lower case, made by the service: names and addresses are unique whatever their case.
    username_key  text NOT NULL CONSTRAINT users_username_key UNIQUE,
    email         text,
    email_key     text CONSTRAINT users_email_key UNIQUE,
    -- A PHC string: algorithm, parameters, salt and hash.
    password_hash text NOT NULL,
    role          text NOT NULL CHECK (role IN ('USER', 'ADMIN')),
    created_at    timestamptz NOT NULL,
    CHECK ((email IS NULL) = (email_key IS NULL))
);

-- One sign-in. Every token names its session.
CREATE TABLE sessions (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    -- None of its tokens lives longer.
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    -- When the other services could learn of the revocation, in Redis.
    announced_at timestamptz
);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);
CREATE INDEX sessions_to_announce ON sessions (revoked_at) WHERE revoked_at IS NOT NULL AND announced_at IS NULL;

CREATE TABLE refresh_tokens (
    id          uuid PRIMARY KEY,
    session_id  uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    -- SHA-256 of the secret part, which is 32 random bytes.
    secret_hash bytea NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    -- A token is good for one use; it is kept, so that a second use is noticed.
    used_at     timestamptz
);
CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);
