-- When its owner asked for the end of a task that a provider had. It stays, however the task then ended.
ALTER TABLE tasks ADD COLUMN cancel_requested_at timestamptz;
