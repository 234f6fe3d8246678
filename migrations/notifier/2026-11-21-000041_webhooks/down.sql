DROP TABLE webhook_attempts;
DROP TABLE webhook_deliveries;
DROP TABLE webhook_callback_secrets;
DROP TABLE webhook_endpoints;
