-- A cancellation that the provider has to confirm is a state of its own.
ALTER TABLE jobs DROP CONSTRAINT jobs_state_check;
ALTER TABLE jobs ADD CONSTRAINT jobs_state_check CHECK (state IN (
    'pending', 'submitting', 'unconfirmed', 'polling', 'archiving', 'cancelling', 'deleting', 'succeeded', 'failed', 'cancelled'));

-- When the task was ordered, by task-api's clock. A job is forgotten, and a command to submit refused, by this time alone, so that a
-- command that is delivered after its job was forgotten does no harm.
ALTER TABLE jobs ADD COLUMN ordered_at timestamptz NOT NULL DEFAULT now();
-- From the provider's acceptance to our learning of the end; of jobs that the provider finished.
ALTER TABLE jobs ADD COLUMN generation_seconds double precision CHECK (generation_seconds >= 0);

-- A claim changes no indexed column: with room on its page, the new version of the row needs no new index entries.
ALTER TABLE jobs SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 1);

-- One index per kind of work, in the order of claiming: the due jobs of a provider are read from it without a sort.
CREATE INDEX jobs_to_submit ON jobs (provider, due_at) WHERE state IN ('pending', 'submitting');
CREATE INDEX jobs_to_follow ON jobs (provider, due_at) WHERE state IN ('unconfirmed', 'polling', 'cancelling', 'deleting');
CREATE INDEX jobs_to_archive ON jobs (provider, due_at) WHERE state = 'archiving';
DROP INDEX jobs_due;

-- What has ended, to be forgotten in time; and how long generations took lately.
CREATE INDEX jobs_ended ON jobs (state_since) WHERE due_at IS NULL;
-- Submissions that nobody confirmed, for the operator.
CREATE INDEX jobs_unconfirmed ON jobs (state_since) WHERE state = 'unconfirmed' OR failure_code = 'SUBMISSION_UNCONFIRMED';

-- The processes that share the work, so that each knows its share of a budget when Redis is away.
CREATE TABLE replicas (
    id      uuid PRIMARY KEY,
    seen_at timestamptz NOT NULL DEFAULT now()
);
