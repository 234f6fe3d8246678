-- Every row is written, leased and deleted within a second, or all of them within minutes after an outage. What is left of them lies in the
-- way of each claim until it is vacuumed.
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 1);
