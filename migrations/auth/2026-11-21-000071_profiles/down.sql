DROP INDEX users_newest;
ALTER TABLE users DROP COLUMN avatar_url, DROP COLUMN bio, DROP COLUMN display_name;
