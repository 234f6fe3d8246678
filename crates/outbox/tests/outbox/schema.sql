CREATE TABLE outbox (
    id               uuid PRIMARY KEY,
    exchange         text NOT NULL,
    routing_key      text NOT NULL,
    message_type     text NOT NULL,
    mandatory        boolean NOT NULL,
    payload          bytea NOT NULL,
    traceparent      text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    lease_token      uuid,
    lease_expires_at timestamptz
);
CREATE INDEX outbox_created_at ON outbox (created_at, id);

CREATE TABLE inbox (
    message_id  uuid PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX inbox_received_at ON inbox (received_at);
