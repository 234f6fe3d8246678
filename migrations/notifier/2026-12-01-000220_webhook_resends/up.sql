-- What was asked for while an attempt was under way: that the message is sent again when the attempt has ended, or if it has failed. What the
-- attempt leads to is decided when it has ended.
ALTER TABLE webhook_deliveries ADD COLUMN send_again text CHECK (send_again IN ('always', 'if_failed'));
-- The log of what was told to the addresses that tasks bring with them.
CREATE INDEX webhook_deliveries_callbacks ON webhook_deliveries (user_id, occurred_at, id) WHERE endpoint_id IS NULL;
