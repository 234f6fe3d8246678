-- The place in the user's feed that the newest change of a task took: 1, 2, 3 … in the order of commits.
ALTER TABLE accounts ADD COLUMN feed_position bigint NOT NULL DEFAULT 0 CHECK (feed_position >= 0);
