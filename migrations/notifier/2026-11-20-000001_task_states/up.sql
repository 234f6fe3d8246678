-- The newest public state of each task, as task-api told of it. First snapshots come from here.
CREATE TABLE task_states (
    task_id    uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL,
    -- Grows with each change of the task; an older message never replaces a newer state.
    version    bigint      NOT NULL CHECK (version > 0),
    status     text        NOT NULL CHECK (status IN ('queued', 'processing', 'completed', 'failed', 'cancelled')),
    -- The message itself: zoetrope.tasks.v1.TaskUpdated.
    payload    bytea       NOT NULL,
    -- When the task changed, by task-api's clock.
    updated_at timestamptz NOT NULL
);

-- What changed for a user since a moment.
CREATE INDEX task_states_user_updated_at ON task_states (user_id, updated_at);
-- A user's running tasks.
CREATE INDEX task_states_open ON task_states (user_id) WHERE status IN ('queued', 'processing');
