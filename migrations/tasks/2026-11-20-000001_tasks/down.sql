DROP TABLE idempotency_keys;
DROP TABLE ledger_entries;
DROP TABLE tasks;
DROP TABLE accounts;
