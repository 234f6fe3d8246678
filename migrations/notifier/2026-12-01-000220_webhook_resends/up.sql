-- What was asked for while an attempt was under way: that the message is sent again when the attempt has ended, or if it has failed. What the
-- attempt leads to is decided when it has ended.
-- No row has one yet, so none is looked through for it.
ALTER TABLE webhook_deliveries
    ADD COLUMN send_again text,
    ADD CONSTRAINT webhook_deliveries_send_again_check CHECK (send_again IN ('always', 'if_failed')) NOT VALID;
