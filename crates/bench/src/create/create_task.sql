-- The statements of an accepted create, as task-api makes them within one transaction: `create` in its commands/create_task.rs, with
-- `accounts::consume`, `tasks::insert` and the outbox's `Batch`. Whoever changes those changes this.
--
-- What differs between two creates comes as a parameter, as it does there. pgbench has no ids to choose from, so tasks, messages and users
-- have numbers for ids; like the ids of the service they ascend.

\set n :n + 1
\set task :n * 256 + :client_id
\set user :client_id * :users + :n % :users
BEGIN;
WITH account AS (
    UPDATE accounts SET updated_at = now(), feed_position = feed_position + 1, balance = balance + :amount
    WHERE user_id = lpad(to_hex(:user::bigint), 32, '0')::uuid AND balance + :amount >= 0 AND (deleted_at IS NULL OR 'consume' <> 'consume')
    RETURNING user_id, balance, feed_position
), entry AS (
    INSERT INTO ledger_entries (user_id, balance_after, kind, amount, task_id, description)
    SELECT user_id, balance, 'consume', :amount, lpad(to_hex(:task::bigint), 32, '0')::uuid, 'generation' FROM account
)
SELECT feed_position FROM account;
INSERT INTO tasks (id, user_id, kind, status, progress, step, version, job_sequence, model, provider, price, prompt, input, output,
    external_id, client_request_id, error_code, error_message, error_retryable, created_at, updated_at, started_at, completed_at,
    cancel_requested_at, callback_url)
VALUES (lpad(to_hex(:task::bigint), 32, '0')::uuid, lpad(to_hex(:user::bigint), 32, '0')::uuid, :kind, :status, :progress, :step, :version,
    0, :model, :provider, :price, :prompt, :input, NULL, NULL, NULL, NULL, NULL, NULL, now(), now(), NULL, NULL, NULL, NULL);
INSERT INTO outbox (id, exchange, routing_key, message_type, mandatory, payload, traceparent)
SELECT * FROM unnest(
    ARRAY[
        lpad(to_hex(:task::bigint * 4), 32, '0')::uuid,
        lpad(to_hex(:task::bigint * 4 + 1), 32, '0')::uuid,
        lpad(to_hex(:task::bigint * 4 + 2), 32, '0')::uuid
    ],
    ARRAY[:exchange0, :exchange1, :exchange2],
    ARRAY[:routing_key0, :routing_key1, :routing_key2],
    ARRAY[:message_type0, :message_type1, :message_type2],
    ARRAY[:mandatory0::boolean, :mandatory1::boolean, :mandatory2::boolean],
    ARRAY[:payload0::bytea, :payload1::bytea, :payload2::bytea],
    ARRAY[:traceparent, :traceparent, :traceparent]
);
COMMIT;
