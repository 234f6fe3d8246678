DROP INDEX users_to_erase;
ALTER TABLE users
    DROP CONSTRAINT users_deleted_at_check,
    DROP CONSTRAINT users_state_check,
    ADD CONSTRAINT users_state_check CHECK (state IN ('ACTIVE', 'SUSPENDED')),
    DROP COLUMN deleted_at;
