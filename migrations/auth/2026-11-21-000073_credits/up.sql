-- What task-api told last of what the user owns, and the number of that change.
ALTER TABLE users
    ADD COLUMN credits bigint NOT NULL DEFAULT 0,
    ADD COLUMN credits_entry bigint NOT NULL DEFAULT 0;
