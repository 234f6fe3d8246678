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
