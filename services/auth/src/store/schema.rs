diesel::table! {
    users (id) {
        id -> Uuid,
        username -> Text,
        username_key -> Text,
        email -> Nullable<Text>,
        email_key -> Nullable<Text>,
        password_hash -> Nullable<Text>,
        role -> Text,
        created_at -> Timestamptz,
        state -> Text,
        deleted_at -> Nullable<Timestamptz>,
        display_name -> Nullable<Text>,
        bio -> Nullable<Text>,
        avatar_url -> Nullable<Text>,
        avatar_file -> Nullable<Uuid>,
        credits -> BigInt,
        email_verified_at -> Nullable<Timestamptz>,
        number -> BigInt,
        generation -> BigInt,
        pending_email -> Nullable<Text>,
        pending_email_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    sessions (id) {
        id -> Uuid,
        user_id -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
        announced_at -> Nullable<Timestamptz>,
        device -> Nullable<Text>,
        address -> Nullable<Text>,
        last_used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Uuid,
        user_id -> Uuid,
        name -> Text,
        prefix -> Text,
        secret_hash -> Binary,
        scopes -> Array<Text>,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        announced_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    refresh_tokens (id) {
        id -> Uuid,
        session_id -> Uuid,
        secret_hash -> Binary,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    reset_requests (id) {
        id -> Uuid,
        email_key -> Text,
        language -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    password_resets (id) {
        id -> Uuid,
        user_id -> Uuid,
        secret_hash -> Binary,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    sign_in_codes (id) {
        id -> Uuid,
        address -> Text,
        network -> Text,
        code_hash -> Binary,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    wrong_codes (id) {
        id -> Uuid,
        code_id -> Uuid,
        network -> Text,
        tried_at -> Timestamptz,
    }
}

diesel::table! {
    confirmation_mails (user_id, asked_at) {
        user_id -> Uuid,
        asked_at -> Timestamptz,
    }
}

diesel::table! {
    signup_grant (is_only) {
        is_only -> Bool,
        credits -> BigInt,
    }
}

diesel::table! {
    identities (provider, subject) {
        provider -> Text,
        subject -> Text,
        user_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    avatar_files (id) {
        id -> Uuid,
        due_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    security_events (id) {
        id -> Uuid,
        user_id -> Uuid,
        kind -> Text,
        subject -> Nullable<Text>,
        address -> Nullable<Text>,
        device -> Nullable<Text>,
        happened_at -> Timestamptz,
        last_at -> Timestamptz,
        count -> Integer,
        window_start -> Nullable<Timestamptz>,
    }
}

diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(api_keys -> users (user_id));
diesel::joinable!(refresh_tokens -> sessions (session_id));
diesel::joinable!(wrong_codes -> sign_in_codes (code_id));
diesel::allow_tables_to_appear_in_same_query!(users, sessions, refresh_tokens, api_keys, avatar_files);
diesel::allow_tables_to_appear_in_same_query!(wrong_codes, sign_in_codes);
