-- A job that has ended needs no more what the user wrote and sent: from now on, the end erases it.
UPDATE jobs SET prompt = '', reference_key = NULL, reference_content_type = NULL, reference_bytes = NULL
WHERE due_at IS NULL AND (prompt <> '' OR reference_key IS NOT NULL);
