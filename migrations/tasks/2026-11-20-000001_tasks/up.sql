-- No schema names: the role's search_path leads here, and a test can run the same in a database of its own.

CREATE TABLE accounts (
    user_id    uuid PRIMARY KEY,
    balance    bigint NOT NULL CHECK (balance >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tasks (
    id                uuid PRIMARY KEY,
    user_id           uuid NOT NULL REFERENCES accounts,
    kind              text NOT NULL,
    status            text NOT NULL CHECK (status IN ('queued', 'processing', 'completed', 'failed', 'cancelled')),
    progress          smallint NOT NULL CHECK (progress BETWEEN 0 AND 100),
    step              text NOT NULL,
    version           bigint NOT NULL CHECK (version > 0),
    -- The newest job event that counted; 0 before the first.
    job_sequence      bigint NOT NULL CHECK (job_sequence >= 0),
    model             text NOT NULL,
    provider          text NOT NULL,
    -- Frozen when the task was accepted.
    price             bigint NOT NULL CHECK (price >= 0),
    prompt            text NOT NULL,
    -- What else the kind takes and gives.
    input             jsonb NOT NULL,
    output            jsonb,
    external_id       text,
    client_request_id text,
    error_code        text,
    error_message     text,
    error_retryable   boolean,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    started_at        timestamptz,
    completed_at      timestamptz,
    CHECK ((status = 'completed') = (output IS NOT NULL)),
    CHECK ((status = 'failed') = (error_code IS NOT NULL))
);
CREATE INDEX tasks_of_user ON tasks (user_id, created_at DESC, id DESC);
CREATE INDEX tasks_of_user_by_status ON tasks (user_id, status);
CREATE INDEX tasks_of_client ON tasks (user_id, client_request_id) WHERE client_request_id IS NOT NULL;

CREATE TABLE ledger_entries (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id       uuid NOT NULL REFERENCES accounts,
    kind          text NOT NULL CHECK (kind IN ('recharge', 'consume', 'refund', 'reward')),
    -- Signed: what the balance changed by.
    amount        bigint NOT NULL CHECK ((kind = 'consume' AND amount <= 0) OR (kind <> 'consume' AND amount >= 0)),
    balance_after bigint NOT NULL CHECK (balance_after >= 0),
    -- Deferred: the price is taken first, and the task follows in the same transaction.
    task_id       uuid REFERENCES tasks DEFERRABLE INITIALLY DEFERRED,
    description   text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CHECK (kind NOT IN ('consume', 'refund') OR task_id IS NOT NULL)
);
CREATE INDEX ledger_entries_of_user ON ledger_entries (user_id, id DESC);
-- A task is charged once and refunded at most once.
CREATE UNIQUE INDEX ledger_entries_once ON ledger_entries (task_id, kind) WHERE task_id IS NOT NULL;

CREATE TABLE idempotency_keys (
    user_id     uuid NOT NULL,
    key         text NOT NULL,
    -- SHA-256 of what was asked for.
    fingerprint bytea NOT NULL,
    -- Deferred: the key is taken first, so that a second request with it waits, and the task follows in the same transaction.
    task_id     uuid NOT NULL REFERENCES tasks DEFERRABLE INITIALLY DEFERRED,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
