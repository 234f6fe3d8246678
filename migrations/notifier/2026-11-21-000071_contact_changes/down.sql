ALTER TABLE contacts DROP COLUMN email_as_of;
