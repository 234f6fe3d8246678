//! Users who are gone, and what is left of them.

use std::time::Duration;

use diesel::{
    QueryResult,
    sql_types::{BigInt, Double, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use zoetrope_domain::UserId;
use zoetrope_postgres::{Connection, DatabaseError, PRUNE_BATCH, Statement};

/// Tables with rows of users, and by what a row is known. Attempts go with their deliveries.
pub const TABLES: [(&str, &str); 8] = [
    ("contacts", "user_id"),
    ("mails", "mail_id"),
    ("webhook_endpoints", "id"),
    ("webhook_callback_secrets", "user_id"),
    ("webhook_deliveries", "id"),
    ("task_states", "task_id"),
    ("feeds", "user_id"),
    ("owner_generations", "user_id"),
];

/// Remembers that a user is gone.
pub async fn insert(connection: &mut Connection, user: UserId) -> Result<(), DatabaseError> {
    Statement::new("INSERT INTO deleted_users (user_id) VALUES (")
        .bind::<SqlUuid, _>(user.as_uuid())
        .sql(") ON CONFLICT (user_id) DO NOTHING")
        .execute(connection)
        .await?;
    Ok(())
}

/// Erases a batch of rows of the users of whose end was heard in this time; tells how many. Rows that another holds are left for later.
pub async fn erase(connection: &mut Connection, (table, key): (&str, &str), heard_within: Duration) -> QueryResult<usize> {
    Statement::new(format!(
        "WITH gone AS MATERIALIZED (
             SELECT {table}.{key} FROM deleted_users JOIN {table} ON {table}.user_id = deleted_users.user_id
             WHERE deleted_at > now() - make_interval(secs => "
    ))
    .bind::<Double, _>(heard_within.as_secs_f64())
    .sql(") LIMIT ")
    .bind::<BigInt, _>(PRUNE_BATCH)
    .sql(format!(" FOR UPDATE OF {table} SKIP LOCKED) DELETE FROM {table} USING gone WHERE {table}.{key} = gone.{key}"))
    .execute(connection)
    .await
}
