-- Where the owner of a task wants to be told how it ends.
ALTER TABLE tasks ADD COLUMN callback_url text;
