-- Pictures in object storage.
CREATE TABLE avatar_files (
    id     uuid PRIMARY KEY,
    -- When the file is to be removed; none while somebody shows it.
    due_at timestamptz
);
CREATE INDEX avatar_files_due_at ON avatar_files (due_at) WHERE due_at IS NOT NULL;
-- The file to which avatar_url leads, when it is ours.
ALTER TABLE users ADD COLUMN avatar_file uuid REFERENCES avatar_files;
