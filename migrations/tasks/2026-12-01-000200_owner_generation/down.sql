ALTER TABLE tasks DROP COLUMN owner_generation;
ALTER TABLE accounts DROP COLUMN owner_generation;
