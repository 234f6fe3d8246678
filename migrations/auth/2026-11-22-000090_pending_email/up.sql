-- An address that a user has asked for and not confirmed yet. Until then it is nobody's, so several users may ask for the same.
ALTER TABLE users
    ADD COLUMN pending_email text,
    -- When the link that was mailed there stops working.
    ADD COLUMN pending_email_until timestamptz,
    ADD CONSTRAINT users_pending_email CHECK ((pending_email IS NULL) = (pending_email_until IS NULL));
