-- The log of what was told to the addresses that tasks bring with them.
CREATE INDEX webhook_deliveries_callbacks ON webhook_deliveries (user_id, occurred_at, id) WHERE endpoint_id IS NULL;
