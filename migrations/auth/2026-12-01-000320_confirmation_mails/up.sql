-- When a user asked to be mailed the link once more that confirms an address: kept for a day, to be counted.
CREATE TABLE confirmation_mails (
    user_id  uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    asked_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, asked_at)
);
