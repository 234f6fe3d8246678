-- Mails to send, and for some weeks what became of them.
CREATE TABLE mails (
    -- Chosen by whoever asked for the mail, so that asking again changes nothing.
    mail_id          text        PRIMARY KEY,
    -- Whom it is about, if anybody.
    user_id          uuid,
    template         text        NOT NULL,
    language         text        NOT NULL CHECK (language IN ('en', 'zh')),
    state            text        NOT NULL CHECK (state IN ('queued', 'sent', 'failed', 'expired')),
    -- Where it goes and what it says (codes and links among it): erased when the mail has ended.
    recipient        text,
    content          jsonb,
    -- What is kept of the address, for support: a***@example.org.
    masked_recipient text        NOT NULL,
    attempts         integer     NOT NULL DEFAULT 0,
    due_at           timestamptz NOT NULL DEFAULT now(),
    -- Not sent after this moment.
    expires_at       timestamptz,
    lease_token      uuid,
    lease_expires_at timestamptz,
    -- Codes of the mail server's last refusal, or a word of ours. Never its text, which may quote the address and the mail.
    last_error       text,
    traceparent      text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    -- When it was sent, given up or too late.
    ended_at         timestamptz,
    CHECK ((state = 'queued') = (recipient IS NOT NULL)),
    CHECK ((state = 'queued') = (content IS NOT NULL)),
    CHECK ((state = 'queued') = (ended_at IS NULL))
);

-- What is to be sent: first what will be worthless soon, such as codes.
CREATE INDEX mails_due ON mails ((expires_at IS NULL), due_at) WHERE state = 'queued';
CREATE INDEX mails_late ON mails (expires_at) WHERE state = 'queued' AND expires_at IS NOT NULL;
-- The age of the queue.
CREATE INDEX mails_queued ON mails (created_at) WHERE state = 'queued';
-- What has ended, to be forgotten in time.
CREATE INDEX mails_ended ON mails (ended_at) WHERE state <> 'queued';

-- How users are reached, as far as auth and they themselves told.
CREATE TABLE contacts (
    user_id          uuid        PRIMARY KEY,
    -- NULL: none, or not known yet.
    email            text,
    language         text        CHECK (language IN ('en', 'zh')),
    -- Wants a mail when a video is ready.
    wants_ready_mail boolean     NOT NULL DEFAULT false,
    updated_at       timestamptz NOT NULL DEFAULT now()
);
