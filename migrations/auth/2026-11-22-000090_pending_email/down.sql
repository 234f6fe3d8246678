ALTER TABLE users DROP CONSTRAINT users_pending_email, DROP COLUMN pending_email_until, DROP COLUMN pending_email;
