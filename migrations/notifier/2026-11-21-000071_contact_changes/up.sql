-- As of when the address is known, by auth's clock: an older change does not undo a newer one. NULL: since the registration.
ALTER TABLE contacts ADD COLUMN email_as_of timestamptz;
