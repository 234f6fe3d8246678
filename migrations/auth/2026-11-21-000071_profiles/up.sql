ALTER TABLE users
    -- The name that is shown; without one, the name to sign in with.
    ADD COLUMN display_name text,
    ADD COLUMN bio text,
    -- Where the user's picture is, complete.
    ADD COLUMN avatar_url text;
-- Who came lately and shows a picture.
CREATE INDEX users_newest ON users (created_at DESC) WHERE state = 'ACTIVE' AND avatar_url IS NOT NULL;
