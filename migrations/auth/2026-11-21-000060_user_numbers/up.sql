-- What a user is called by clients whose ids are integers. Only the user sees it.
ALTER TABLE users ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;
ALTER TABLE users ADD CONSTRAINT users_number_key UNIQUE (number);
