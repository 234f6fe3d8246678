diesel::table! {
    jobs (task_id) {
        task_id -> Uuid,
        kind -> Text,
        model -> Text,
        provider -> Text,
        prompt -> Text,
        seconds -> Integer,
        size -> Text,
        watermark -> Bool,
        reference_key -> Nullable<Text>,
        reference_content_type -> Nullable<Text>,
        reference_bytes -> Nullable<BigInt>,
        traceparent -> Nullable<Text>,
        state -> Text,
        external_id -> Nullable<Text>,
        phase -> Nullable<SmallInt>,
        progress -> SmallInt,
        sequence -> BigInt,
        polls -> Integer,
        failures -> Integer,
        failure_code -> Nullable<Text>,
        failure_message -> Nullable<Text>,
        due_at -> Nullable<Timestamptz>,
        lease_token -> Nullable<Uuid>,
        lease_expires_at -> Nullable<Timestamptz>,
        intent_at -> Nullable<Timestamptz>,
        state_since -> Timestamptz,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        ordered_at -> Timestamptz,
        generation_seconds -> Nullable<Double>,
    }
}

diesel::table! {
    replicas (id) {
        id -> Uuid,
        seen_at -> Timestamptz,
    }
}
