-- When this service heard that the user is gone, and when nothing was left to erase. The account stays, so that the ledger adds up and a
-- late word of the registration opens no other.
ALTER TABLE accounts
    ADD COLUMN deleted_at timestamptz,
    ADD COLUMN erased_at timestamptz;
CREATE INDEX accounts_to_erase ON accounts (deleted_at) WHERE deleted_at IS NOT NULL AND erased_at IS NULL;
-- When the files were deleted, and from the row whatever the user wrote.
ALTER TABLE tasks ADD COLUMN erased_at timestamptz;
