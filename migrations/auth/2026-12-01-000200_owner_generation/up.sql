-- How many have taken the account over since it was registered, by proving to own its address.
ALTER TABLE users ADD COLUMN generation bigint NOT NULL DEFAULT 0;
