-- What has ended, to be forgotten in time.
CREATE INDEX task_states_ended ON task_states (updated_at) WHERE status IN ('completed', 'failed', 'cancelled');
