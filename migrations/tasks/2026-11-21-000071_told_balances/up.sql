-- How far the others know which balances have changed. It has one row, for all replicas.
CREATE TABLE told_balances (
    only_row      boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    -- Everything up to this entry was told.
    told          bigint NOT NULL DEFAULT 0,
    -- Up to where is told next,
    ends_at       bigint NOT NULL DEFAULT 0,
    -- when all transactions below this one are over: none of theirs has a lower number.
    settled_above xid8 NOT NULL DEFAULT '0'
);
INSERT INTO told_balances DEFAULT VALUES;
