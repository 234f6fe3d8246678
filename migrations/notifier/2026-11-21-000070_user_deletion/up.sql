-- Users of whom nothing is kept. A row stays, so that no late message brings anything of them back.
CREATE TABLE deleted_users (
    user_id    uuid PRIMARY KEY,
    -- When this service heard of it.
    deleted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX deleted_users_deleted_at ON deleted_users (deleted_at);
-- What is to be erased with a user.
CREATE INDEX mails_user ON mails (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX webhook_deliveries_user ON webhook_deliveries (user_id);
