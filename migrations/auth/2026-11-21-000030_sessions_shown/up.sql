-- What a user is shown of a session. Sessions from before have none of it.
ALTER TABLE sessions
    ADD COLUMN device text,
    ADD COLUMN address text,
    ADD COLUMN last_used_at timestamptz;
