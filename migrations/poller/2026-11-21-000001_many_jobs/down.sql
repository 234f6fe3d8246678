DROP TABLE replicas;
DROP INDEX jobs_unconfirmed, jobs_ended, jobs_to_archive, jobs_to_follow, jobs_to_submit;
CREATE INDEX jobs_due ON jobs (provider, state, due_at) WHERE due_at IS NOT NULL;
ALTER TABLE jobs RESET (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_cost_delay);
ALTER TABLE jobs DROP COLUMN generation_seconds, DROP COLUMN ordered_at;
UPDATE jobs SET state = 'deleting' WHERE state = 'cancelling';
ALTER TABLE jobs DROP CONSTRAINT jobs_state_check;
ALTER TABLE jobs ADD CONSTRAINT jobs_state_check CHECK (state IN (
    'pending', 'submitting', 'unconfirmed', 'polling', 'archiving', 'deleting', 'succeeded', 'failed', 'cancelled'));
