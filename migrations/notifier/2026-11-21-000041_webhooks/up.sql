-- Where users want to hear of their tasks.
CREATE TABLE webhook_endpoints (
    id              uuid        PRIMARY KEY,
    user_id         uuid        NOT NULL,
    url             text        NOT NULL,
    description     text        NOT NULL,
    events          text[]      NOT NULL,
    enabled         boolean     NOT NULL,
    disabled_reason text        CHECK (disabled_reason IN ('owner', 'gone', 'failing')),
    disabled_at     timestamptz,
    -- The first of the failed attempts since the last that went well.
    failing_since   timestamptz,
    -- As they are: what we sign with must be read. Only this service's role reads the schema, and its owner can replace a secret at any time.
    secret          text        NOT NULL,
    previous_secret text,
    previous_secret_expires_at timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CHECK (enabled = (disabled_reason IS NULL)),
    CHECK (enabled = (disabled_at IS NULL)),
    CHECK ((previous_secret IS NULL) = (previous_secret_expires_at IS NULL))
);
CREATE INDEX webhook_endpoints_user ON webhook_endpoints (user_id);

-- What signs the messages to the addresses that a user names task by task.
CREATE TABLE webhook_callback_secrets (
    user_id         uuid        PRIMARY KEY,
    secret          text        NOT NULL,
    previous_secret text,
    previous_secret_expires_at timestamptz,
    CHECK ((previous_secret IS NULL) = (previous_secret_expires_at IS NULL))
);

-- One message to one address, and how far it is. Without a reference to the endpoint: its end must not wait for the end of these.
CREATE TABLE webhook_deliveries (
    id               uuid        PRIMARY KEY,
    user_id          uuid        NOT NULL,
    -- Either an endpoint or a task's own address.
    endpoint_id      uuid,
    callback_url     text,
    -- What shares its limit of concurrent attempts: an endpoint, or all the addresses that a user names task by task.
    lane             uuid        NOT NULL GENERATED ALWAYS AS (coalesce(endpoint_id, user_id)) STORED,
    event            text        NOT NULL,
    -- Absent for a test.
    task_id          uuid,
    version          bigint,
    -- zoetrope.tasks.v1.TaskUpdated; the message is made of it at each attempt, with links that play.
    payload          bytea,
    occurred_at      timestamptz NOT NULL,
    state            text        NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed', 'superseded')),
    -- Attempts since it was sent, or sent again.
    tries            integer     NOT NULL DEFAULT 0,
    -- All attempts.
    attempts         integer     NOT NULL DEFAULT 0,
    due_at           timestamptz NOT NULL DEFAULT now(),
    lease_token      uuid,
    lease_expires_at timestamptz,
    traceparent      text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    ended_at         timestamptz,
    CHECK ((endpoint_id IS NULL) <> (callback_url IS NULL)),
    CHECK ((task_id IS NULL) = (version IS NULL) AND (task_id IS NULL) = (payload IS NULL)),
    CHECK ((lease_token IS NULL) = (lease_expires_at IS NULL)),
    CHECK ((state = 'pending') = (ended_at IS NULL))
);
-- A version of a task is told once to each address, however often it is heard.
CREATE UNIQUE INDEX webhook_deliveries_once ON webhook_deliveries (lane, task_id, version);
CREATE INDEX webhook_deliveries_lane ON webhook_deliveries (lane, due_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_held ON webhook_deliveries (lane) WHERE lease_token IS NOT NULL;
CREATE INDEX webhook_deliveries_endpoint ON webhook_deliveries (endpoint_id, occurred_at, id);
CREATE INDEX webhook_deliveries_created_at ON webhook_deliveries (created_at);

-- The log of attempts.
CREATE TABLE webhook_attempts (
    delivery_id uuid        NOT NULL REFERENCES webhook_deliveries ON DELETE CASCADE,
    number      integer     NOT NULL,
    started_at  timestamptz NOT NULL,
    duration_ms integer     NOT NULL,
    status_code integer,
    -- The beginning of the answer.
    response    text,
    error       text,
    PRIMARY KEY (delivery_id, number)
);
