ALTER TABLE accounts DROP COLUMN feed_position;
