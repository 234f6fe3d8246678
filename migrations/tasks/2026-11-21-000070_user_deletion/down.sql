ALTER TABLE tasks DROP COLUMN erased_at;
DROP INDEX accounts_to_erase;
ALTER TABLE accounts DROP COLUMN erased_at, DROP COLUMN deleted_at;
