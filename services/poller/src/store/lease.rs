use std::time::Duration;

use diesel::{
    dsl::{now, sql},
    prelude::*,
    sql_types::{Double, Nullable, Timestamptz},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zoetrope_domain::TaskId;
use zoetrope_postgres::Connection;

use super::schema::jobs;

/// Prolongs a lease. False: it is lost.
pub(crate) async fn renew(conn: &mut Connection, task_id: TaskId, token: Uuid, lease: Duration) -> QueryResult<bool> {
    let expiry = sql::<Nullable<Timestamptz>>("now() + make_interval(secs => ").bind::<Double, _>(lease.as_secs_f64()).sql(")");
    let renewed = diesel::update(jobs::table.find(task_id.as_uuid()).filter(jobs::lease_token.eq(token)))
        .set(jobs::lease_expires_at.eq(expiry))
        .execute(conn)
        .await?;
    Ok(renewed == 1)
}

/// Hands a job back as it was; whoever comes first takes it.
pub(crate) async fn release(conn: &mut Connection, task_id: TaskId, token: Uuid) -> QueryResult<()> {
    diesel::update(jobs::table.find(task_id.as_uuid()).filter(jobs::lease_token.eq(token)))
        .set((
            jobs::lease_token.eq(None::<Uuid>),
            jobs::lease_expires_at.eq(None::<chrono::DateTime<chrono::Utc>>),
            jobs::updated_at.eq(now),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
