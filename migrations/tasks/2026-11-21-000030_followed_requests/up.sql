-- Requests whose clients repeat them by themselves when the stream that answers is cut, with nothing that tells the second from the first
-- but what they ask for. A row stands while its task is followed, and for a while after.
CREATE TABLE followed_requests (
    user_id     uuid NOT NULL,
    -- SHA-256 of what was asked for.
    fingerprint bytea NOT NULL,
    -- Deferred: the row is taken first, so that a second request like it waits, and the task follows in the same transaction.
    task_id     uuid NOT NULL REFERENCES tasks ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    -- When somebody was last seen to follow.
    followed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, fingerprint)
);
CREATE INDEX followed_requests_task_id ON followed_requests (task_id);
CREATE INDEX followed_requests_followed_at ON followed_requests (followed_at);
