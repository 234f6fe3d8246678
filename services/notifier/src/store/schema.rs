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

diesel::table! {
    webhook_endpoints (id) {
        id -> Uuid,
        user_id -> Uuid,
        url -> Text,
        description -> Text,
        events -> Array<Text>,
        enabled -> Bool,
        disabled_reason -> Nullable<Text>,
        disabled_at -> Nullable<Timestamptz>,
        failing_since -> Nullable<Timestamptz>,
        secret -> Text,
        previous_secret -> Nullable<Text>,
        previous_secret_expires_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    webhook_callback_secrets (user_id) {
        user_id -> Uuid,
        secret -> Text,
    }
}

diesel::table! {
    webhook_deliveries (id) {
        id -> Uuid,
        user_id -> Uuid,
        endpoint_id -> Nullable<Uuid>,
        callback_url -> Nullable<Text>,
        event -> Text,
        task_id -> Nullable<Uuid>,
        state -> Text,
        occurred_at -> Timestamptz,
        due_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    webhook_attempts (delivery_id, number) {
        delivery_id -> Uuid,
        number -> Integer,
        started_at -> Timestamptz,
        duration_ms -> Integer,
        status_code -> Nullable<Integer>,
        response -> Nullable<Text>,
        error -> Nullable<Text>,
    }
}
