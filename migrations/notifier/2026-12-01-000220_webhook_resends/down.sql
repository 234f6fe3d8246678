ALTER TABLE webhook_deliveries DROP COLUMN send_again;
