-- A deleted user is let in nowhere, and keeps name and address until the row is erased.
ALTER TABLE users
    ADD COLUMN deleted_at timestamptz,
    DROP CONSTRAINT users_state_check,
    ADD CONSTRAINT users_state_check CHECK (state IN ('ACTIVE', 'SUSPENDED', 'DELETED')),
    ADD CONSTRAINT users_deleted_at_check CHECK ((state = 'DELETED') = (deleted_at IS NOT NULL));
CREATE INDEX users_to_erase ON users (deleted_at) WHERE deleted_at IS NOT NULL;
