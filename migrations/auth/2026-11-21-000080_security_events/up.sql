-- What happened to an account: sign-ins and failures, passwords, keys, sessions. For administrators, and for a time.
CREATE TABLE security_events (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    kind         text NOT NULL,
    -- What it is about, if that has a name: a session, an API key, a role.
    subject      text,
    address      text,
    device       text,
    -- Of several in one row: the first.
    happened_at  timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    count        integer NOT NULL,
    -- The hour in which all of a kind are one row, for what strangers can cause as often as they like.
    window_start timestamptz
);
CREATE INDEX security_events_of_user ON security_events (user_id, last_at DESC, id DESC);
CREATE INDEX security_events_last_at ON security_events (last_at);
CREATE UNIQUE INDEX security_events_by_window ON security_events (user_id, kind, window_start) WHERE window_start IS NOT NULL;
