use chrono::{DateTime, Utc};
use diesel::{
    dsl::{now, sql},
    prelude::*,
    sql_types::{Bool, Double, Nullable, Text, Timestamptz},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zoetrope_domain::TaskId;
use zoetrope_postgres::Connection;

use super::{
    row::{JobRow, phase_number},
    schema::jobs,
};
use crate::{
    error::StoreError,
    events,
    job::{Event, ExternalId, Job, State, Step},
};

/// Records that the job is about to be submitted. False: the lease is lost, and nothing may be sent.
pub(crate) async fn record_intent(conn: &mut Connection, task_id: TaskId, token: Uuid) -> QueryResult<bool> {
    let recorded = diesel::update(jobs::table.find(task_id.as_uuid()))
        .filter(jobs::lease_token.eq(token).and(jobs::state.eq(State::Pending.as_str())))
        .set((
            jobs::state.eq(State::Submitting.as_str()),
            jobs::intent_at.eq(now),
            jobs::state_since.eq(now),
            jobs::updated_at.eq(now),
        ))
        .execute(conn)
        .await?;
    Ok(recorded == 1)
}

/// Records a step of leased work together with its event, and ends the lease. False: the lease is lost, and nothing was recorded.
pub(crate) async fn record(conn: &mut Connection, task_id: TaskId, token: Uuid, step: &Step) -> Result<bool, StoreError> {
    let recorded = write(conn, task_id, Some(token), step).await?;
    if recorded {
        events::enqueue(conn, task_id, step).await?;
    }
    Ok(recorded)
}

/// Records a step of a job that [`lock`] holds, whoever has its lease; that one's result will be discarded.
pub(crate) async fn record_late(conn: &mut Connection, task_id: TaskId, step: &Step) -> Result<(), StoreError> {
    write(conn, task_id, None, step).await?;
    events::enqueue(conn, task_id, step).await?;
    Ok(())
}

async fn write(conn: &mut Connection, task_id: TaskId, token: Option<Uuid>, step: &Step) -> QueryResult<bool> {
    let Step { job, due, event } = step;
    let state = job.state.as_str();
    let failure = match event {
        Some(Event::Failed(failure)) => Some(failure),
        Some(Event::Progressed | Event::Succeeded(_) | Event::Cancelled { .. }) | None => None,
    };
    let due_at = sql::<Nullable<Timestamptz>>("now() + make_interval(secs => ")
        .bind::<Nullable<Double>, _>(due.map(|due| due.as_secs_f64()))
        .sql(")");
    let state_since = sql::<Timestamptz>("CASE WHEN state = ").bind::<Text, _>(state).sql(" THEN state_since ELSE now() END");
    let any_holder = token.is_none().into_sql::<Nullable<Bool>>();
    let written = diesel::update(jobs::table)
        .filter(jobs::task_id.eq(task_id.as_uuid()))
        .filter(jobs::lease_token.eq(token).or(any_holder))
        .set((
            jobs::state.eq(state),
            jobs::external_id.eq(job.external_id.as_ref().map(ExternalId::as_str)),
            jobs::phase.eq(job.phase.map(phase_number)),
            jobs::progress.eq(i16::from(job.progress.get())),
            jobs::sequence.eq(job.sequence.cast_signed()),
            jobs::polls.eq(job.polls.cast_signed()),
            jobs::failures.eq(job.failures.cast_signed()),
            jobs::failure_code.eq(failure.map(|failure| failure.code.as_str())),
            jobs::failure_message.eq(failure.map(|failure| failure.message.as_str())),
            jobs::due_at.eq(due_at),
            jobs::lease_token.eq(None::<Uuid>),
            jobs::lease_expires_at.eq(None::<DateTime<Utc>>),
            jobs::state_since.eq(state_since),
            jobs::updated_at.eq(now),
        ))
        .execute(conn)
        .await?;
    Ok(written == 1)
}

/// Reads a job and its provider, and keeps others from changing it until the transaction ends.
pub(crate) async fn lock(conn: &mut Connection, task_id: TaskId) -> Result<Option<(String, Job)>, StoreError> {
    let found: Option<(String, JobRow)> = jobs::table
        .find(task_id.as_uuid())
        .select((jobs::provider, JobRow::as_select()))
        .for_update()
        .first(conn)
        .await
        .optional()?;
    let Some((provider, row)) = found else { return Ok(None) };
    Ok(Some((provider, row.try_into()?)))
}
