DROP TABLE feeds;
CREATE INDEX task_states_user_updated_at ON task_states (user_id, updated_at);
DROP INDEX task_states_feed;
ALTER TABLE task_states DROP COLUMN position;
