diesel::table! {
    task_states (task_id) {
        task_id -> Uuid,
        user_id -> Uuid,
        version -> BigInt,
        status -> Text,
        payload -> Binary,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    mails (mail_id) {
        mail_id -> Text,
        user_id -> Nullable<Uuid>,
        template -> Text,
        language -> Text,
        state -> Text,
        recipient -> Nullable<Text>,
        content -> Nullable<Jsonb>,
        masked_recipient -> Text,
        attempts -> Integer,
        due_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        lease_token -> Nullable<Uuid>,
        lease_expires_at -> Nullable<Timestamptz>,
        last_error -> Nullable<Text>,
        traceparent -> Nullable<Text>,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    contacts (user_id) {
        user_id -> Uuid,
        email -> Nullable<Text>,
        language -> Nullable<Text>,
        wants_ready_mail -> Bool,
        updated_at -> Timestamptz,
    }
}
