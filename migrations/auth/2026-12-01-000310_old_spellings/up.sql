-- What one sees of a name that was chosen before names had one normal form: without characters that are invisible, composed, and in one width.
-- Nobody may take a name that looks the same. All names since then are found by their key.
CREATE INDEX users_old_spellings ON users (
    lower(normalize(regexp_replace(username_key, '[\u00AD\u034F\u115F\u1160\u200B-\u200F\u202A-\u202E\u2060-\u206F\u3164\uFE00-\uFE0F\uFEFF\uFFA0]', '', 'g'), NFKC))
) WHERE octet_length(username_key) <> char_length(username_key);
