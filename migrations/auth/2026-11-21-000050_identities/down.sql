DROP TABLE identities;
ALTER TABLE users DROP CONSTRAINT users_verified_email, DROP COLUMN email_verified_at;
-- Without a password there was no way in: such users go.
DELETE FROM users WHERE password_hash IS NULL;
ALTER TABLE users ALTER COLUMN password_hash SET NOT NULL;
