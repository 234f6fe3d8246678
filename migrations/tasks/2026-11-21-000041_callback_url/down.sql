ALTER TABLE tasks DROP COLUMN callback_url;
