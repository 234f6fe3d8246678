DROP INDEX webhook_deliveries_callbacks;
ALTER TABLE webhook_deliveries DROP COLUMN send_again;
