-- Tokens are forgotten by their age, before their sessions: one session may have thousands.
CREATE INDEX refresh_tokens_expires_at ON refresh_tokens (expires_at);
