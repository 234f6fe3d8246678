-- What one sees of a name that was chosen before names had one normal form: without characters that are invisible, composed, in one width, and with single spaces.
-- Nobody may take a name that looks the same. All names since then are found by their key.
CREATE INDEX users_old_spellings ON users (
    (regexp_replace(lower(normalize(regexp_replace(username_key, '[\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u206F\u2800\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U000E0000-\U000E0FFF]', '', 'g'), NFKC)), ' +', ' ', 'g'))
) WHERE octet_length(username_key) <> char_length(username_key) OR username_key LIKE '%  %';
