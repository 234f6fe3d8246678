//! The tables of `migrations/tasks` that are reached from here; the outbox and the inbox belong to their crate.

diesel::table! {
    accounts (user_id) {
        user_id -> Uuid,
        balance -> BigInt,
        feed_position -> BigInt,
        owner_generation -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
        erased_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    tasks (id) {
        id -> Uuid,
        user_id -> Uuid,
        kind -> Text,
        status -> Text,
        progress -> SmallInt,
        step -> Text,
        version -> BigInt,
        job_sequence -> BigInt,
        model -> Text,
        provider -> Text,
        price -> BigInt,
        prompt -> Text,
        input -> Jsonb,
        output -> Nullable<Jsonb>,
        external_id -> Nullable<Text>,
        client_request_id -> Nullable<Text>,
        error_code -> Nullable<Text>,
        error_message -> Nullable<Text>,
        error_retryable -> Nullable<Bool>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        completed_at -> Nullable<Timestamptz>,
        cancel_requested_at -> Nullable<Timestamptz>,
        callback_url -> Nullable<Text>,
        owner_generation -> BigInt,
        erased_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    ledger_entries (id) {
        id -> BigInt,
        user_id -> Uuid,
        kind -> Text,
        amount -> BigInt,
        balance_after -> BigInt,
        task_id -> Nullable<Uuid>,
        description -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    idempotency_keys (user_id, key) {
        user_id -> Uuid,
        key -> Text,
        fingerprint -> Bytea,
        task_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    followed_requests (user_id, fingerprint) {
        user_id -> Uuid,
        fingerprint -> Bytea,
        task_id -> Uuid,
        followed_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(accounts, tasks, idempotency_keys);
