ALTER TABLE users DROP COLUMN credits_entry, DROP COLUMN credits;
