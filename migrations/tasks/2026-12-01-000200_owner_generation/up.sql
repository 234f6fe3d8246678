-- The newest owner of the account of whom this service knows, and which of them asked for a task: 0 is whoever registered.
ALTER TABLE accounts ADD COLUMN owner_generation bigint NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN owner_generation bigint NOT NULL DEFAULT 0;
