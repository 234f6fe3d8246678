-- When a user asked to be mailed the link once more that confirms an address: kept for some days, to be counted.
CREATE TABLE confirmation_mails (
    user_id  uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    asked_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, asked_at)
);
CREATE INDEX confirmation_mails_asked_at ON confirmation_mails (asked_at);
