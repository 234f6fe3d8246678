-- Place of the newest state in its user's feed; 0 when its sender knew none.
ALTER TABLE task_states ADD COLUMN position bigint NOT NULL DEFAULT 0 CHECK (position >= 0);
-- What changed for a user after a place. What it replaces is what changed since a moment.
CREATE INDEX task_states_feed ON task_states (user_id, position);
DROP INDEX task_states_user_updated_at;

-- How far each user's feed is known. Messages come out of order and twice.
CREATE TABLE feeds (
    user_id        uuid          PRIMARY KEY,
    -- Every place of which the table has heard: its first range, when that begins at 1, is complete.
    heard          int8multirange NOT NULL DEFAULT '{}',
    -- The highest place whose state was forgotten: whoever saw less has missed something that is gone.
    floor          bigint        NOT NULL DEFAULT 0 CHECK (floor >= 0),
    -- While something is missing: what of it is below this place was missing already at that time.
    gap_below      bigint,
    gap_noticed_at timestamptz,
    CHECK ((gap_below IS NULL) = (gap_noticed_at IS NULL))
-- Each change of a task changes a row, in the place where it is.
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
