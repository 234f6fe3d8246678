DROP INDEX users_old_spellings;
