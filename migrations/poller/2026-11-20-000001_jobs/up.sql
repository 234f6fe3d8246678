-- One row per task that was handed to the poller, kept when the job has ended: it is what makes a repeated SubmitJob harmless.
CREATE TABLE jobs (
    task_id uuid PRIMARY KEY,

    -- What was asked for. A row that a CancelJob wrote before its SubmitJob arrived holds the defaults.
    kind text NOT NULL DEFAULT '',
    model text NOT NULL DEFAULT '',
    provider text NOT NULL DEFAULT '',
    prompt text NOT NULL DEFAULT '',
    -- 0: left to the provider
    seconds integer NOT NULL DEFAULT 0 CHECK (seconds >= 0),
    -- '': left to the provider
    size text NOT NULL DEFAULT '',
    watermark boolean NOT NULL DEFAULT false,
    reference_key text,
    reference_content_type text,
    reference_bytes bigint CHECK (reference_bytes >= 0),
    traceparent text,

    -- Where it stands.
    state text NOT NULL CHECK (state IN (
        'pending', 'submitting', 'unconfirmed', 'polling', 'archiving', 'deleting', 'succeeded', 'failed', 'cancelled')),
    external_id text,
    -- 1 submitted, 2 generating, 3 storing; NULL before the first event
    phase smallint CHECK (phase BETWEEN 1 AND 3),
    progress smallint NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    -- number of the last event
    sequence bigint NOT NULL DEFAULT 0 CHECK (sequence >= 0),
    polls integer NOT NULL DEFAULT 0 CHECK (polls >= 0),
    failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    failure_code text,
    failure_message text,

    -- When to go on; NULL when it has ended.
    due_at timestamptz,
    lease_token uuid,
    lease_expires_at timestamptz,

    intent_at timestamptz,
    state_since timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),

    CHECK ((due_at IS NULL) = (state IN ('succeeded', 'failed', 'cancelled'))),
    CHECK ((lease_token IS NULL) = (lease_expires_at IS NULL)),
    CHECK (state NOT IN ('polling', 'archiving', 'succeeded') OR external_id IS NOT NULL),
    CHECK (state NOT IN ('submitting', 'unconfirmed') OR intent_at IS NOT NULL)
);

CREATE INDEX jobs_due ON jobs (provider, state, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    exchange text NOT NULL,
    routing_key text NOT NULL,
    message_type text NOT NULL,
    mandatory boolean NOT NULL,
    payload bytea NOT NULL,
    traceparent text,
    created_at timestamptz NOT NULL DEFAULT now(),
    lease_token uuid,
    lease_expires_at timestamptz
);

CREATE INDEX outbox_created_at ON outbox (created_at, id);

CREATE TABLE inbox (
    message_id uuid PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX inbox_received_at ON inbox (received_at);
