-- Not everybody has a password: some come with a code that was mailed to them, by Google, or by WeChat.
ALTER TABLE users
    ALTER COLUMN password_hash DROP NOT NULL,
    -- When the user showed to receive what is sent to the address.
    ADD COLUMN email_verified_at timestamptz,
    ADD CONSTRAINT users_verified_email CHECK (email_verified_at IS NULL OR email IS NOT NULL);

-- As whom others know a user.
CREATE TABLE identities (
    -- Who knows the user.
    provider   text NOT NULL CHECK (provider IN ('GOOGLE', 'WECHAT', 'WECHAT_UNION')),
    -- By which name: never changed, and never given to somebody else.
    subject    text NOT NULL,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (provider, subject)
);
CREATE INDEX identities_of_user ON identities (user_id);
