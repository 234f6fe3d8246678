-- The newest owner of an account of whom this service has heard, from a message, a token, a key or a task. Without a row it is the one who
-- registered.
CREATE TABLE owner_generations (
    user_id    uuid   PRIMARY KEY,
    generation bigint NOT NULL CHECK (generation > 0),
    heard_at   timestamptz NOT NULL DEFAULT now()
);
