-- The background audit: whose turn it is, and what the last one found. It has one row, for all replicas.
CREATE TABLE audits (
    only_row         boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    lease_token      uuid,
    lease_expires_at timestamptz,
    finished_at      timestamptz,
    report           jsonb,
    CHECK ((lease_token IS NULL) = (lease_expires_at IS NULL)),
    CHECK ((finished_at IS NULL) = (report IS NULL))
);
INSERT INTO audits DEFAULT VALUES;
