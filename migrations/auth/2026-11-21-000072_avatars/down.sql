ALTER TABLE users DROP COLUMN avatar_file;
DROP TABLE avatar_files;
