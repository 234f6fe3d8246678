-- The codes that were mailed to sign in with, kept for some days to be counted. No address can be read from them: its name is a keyed hash.
CREATE TABLE sign_in_codes (
    id         uuid PRIMARY KEY,
    -- The name of the e-mail address.
    address    text NOT NULL,
    -- The name of the network from which it was asked for.
    network    text NOT NULL,
    -- HMAC-SHA256 with a key that is not in the database: there are so few codes that a plain hash would hide none.
    code_hash  bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- A code is good for one use.
    used_at    timestamptz
);
CREATE INDEX sign_in_codes_of_address ON sign_in_codes (address, created_at);
CREATE INDEX sign_in_codes_created_at ON sign_in_codes (created_at);

-- The wrong tries at codes that were open.
CREATE TABLE wrong_codes (
    id       uuid PRIMARY KEY,
    code_id  uuid NOT NULL REFERENCES sign_in_codes ON DELETE CASCADE,
    -- The name of the network from which it was tried.
    network  text NOT NULL,
    tried_at timestamptz NOT NULL
);
CREATE INDEX wrong_codes_of_code ON wrong_codes (code_id);
