use std::collections::HashSet;

use diesel::{
    dsl::now,
    prelude::*,
    sql_types::{Array, BigInt, Double, Integer, Nullable, SmallInt, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zoetrope_domain::TaskId;
use zoetrope_outbox::Batch;
use zoetrope_postgres::{Connection, Statement};

use super::{
    row::{JobRow, phase_number},
    schema::jobs,
};
use crate::{
    error::StoreError,
    events,
    job::{Event, ExternalId, Failure, Job, State, Step},
};

/// What came of leased work.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) task_id: TaskId,
    /// Of the lease.
    pub(crate) token: Uuid,
    pub(crate) step: Step,
    /// The trace that the step's event belongs to (W3C).
    pub(crate) traceparent: Option<String>,
}

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

/// Records steps of leased work together with their events, and ends the leases. Tells of each record whether its lease was not lost; of
/// the others, nothing is recorded. Two may be of one job: of who lost its lease, and of who has it now. To be called within a transaction.
pub(crate) async fn record(conn: &mut Connection, records: &[Record]) -> QueryResult<Vec<bool>> {
    let recorded = write(conn, records, Holder::Lease).await?;
    let recorded: Vec<bool> = records.iter().map(|record| recorded.contains(&(record.task_id, record.token))).collect();
    let mut batch = Batch::default();
    for (record, _) in records.iter().zip(&recorded).filter(|(_, recorded)| **recorded) {
        events::add(&mut batch, record.task_id, &record.step, record.traceparent.clone());
    }
    batch.enqueue(conn).await?;
    Ok(recorded)
}

/// Records a step of a job that [`lock`] holds, whoever has its lease; that one's result will be discarded.
pub(crate) async fn record_late(
    conn: &mut Connection,
    task_id: TaskId,
    step: Step,
    traceparent: Option<String>,
) -> Result<(), StoreError> {
    let record = Record { task_id, token: Uuid::nil(), step, traceparent };
    write(conn, std::slice::from_ref(&record), Holder::Anybody).await?;
    let mut batch = Batch::default();
    events::add(&mut batch, task_id, &record.step, record.traceparent.clone());
    batch.enqueue(conn).await?;
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Holder {
    Lease,
    Anybody,
}

impl Holder {
    const fn condition(self) -> &'static str {
        match self {
            Self::Lease => "jobs.lease_token = new.token",
            Self::Anybody => "true",
        }
    }
}

#[derive(QueryableByName)]
struct Written {
    #[diesel(sql_type = SqlUuid)]
    task_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    token: Uuid,
}

/// Returns the jobs that were written, each with the token of the record that was. The end of a job erases what the user wrote and sent.
async fn write(conn: &mut Connection, records: &[Record], holder: Holder) -> QueryResult<HashSet<(TaskId, Uuid)>> {
    let column = Columns::of(records);
    let holder = holder.condition();
    let written: Vec<Written> = Statement::new(
        "UPDATE jobs SET
            state = new.state, external_id = new.external_id, phase = new.phase, progress = new.progress,
            sequence = new.sequence, polls = new.polls, failures = new.failures,
            failure_code = coalesce(new.failure_code, jobs.failure_code),
            failure_message = coalesce(new.failure_message, jobs.failure_message),
            due_at = now() + make_interval(secs => new.due),
            lease_token = NULL, lease_expires_at = NULL,
            generation_seconds = CASE WHEN jobs.state = 'polling' AND new.state = 'archiving'
                THEN extract(epoch FROM now() - state_since) ELSE generation_seconds END,
            state_since = CASE WHEN jobs.state = new.state THEN state_since ELSE now() END,
            prompt = CASE WHEN new.due IS NULL THEN '' ELSE jobs.prompt END,
            reference_key = CASE WHEN new.due IS NOT NULL THEN jobs.reference_key END,
            reference_content_type = CASE WHEN new.due IS NOT NULL THEN jobs.reference_content_type END,
            reference_bytes = CASE WHEN new.due IS NOT NULL THEN jobs.reference_bytes END,
            updated_at = now()
         FROM unnest(",
    )
    .bind::<Array<SqlUuid>, _>(column.task_id)
    .sql(", ")
    .bind::<Array<SqlUuid>, _>(column.token)
    .sql(", ")
    .bind::<Array<Text>, _>(column.state)
    .sql(", ")
    .bind::<Array<Nullable<Text>>, _>(column.external_id)
    .sql(", ")
    .bind::<Array<Nullable<SmallInt>>, _>(column.phase)
    .sql(", ")
    .bind::<Array<SmallInt>, _>(column.progress)
    .sql(", ")
    .bind::<Array<BigInt>, _>(column.sequence)
    .sql(", ")
    .bind::<Array<Integer>, _>(column.polls)
    .sql(", ")
    .bind::<Array<Integer>, _>(column.failures)
    .sql(", ")
    .bind::<Array<Nullable<Text>>, _>(column.failure_code)
    .sql(", ")
    .bind::<Array<Nullable<Text>>, _>(column.failure_message)
    .sql(", ")
    .bind::<Array<Nullable<Double>>, _>(column.due)
    .sql(format!(
        ") AS new (
            task_id, token, state, external_id, phase, progress, sequence, polls, failures, failure_code, failure_message, due)
         WHERE jobs.task_id = new.task_id AND {holder}
         RETURNING jobs.task_id, new.token"
    ))
    .load(conn)
    .await?;
    Ok(written.into_iter().map(|row| (TaskId::from(row.task_id), row.token)).collect())
}

#[derive(Default)]
struct Columns<'a> {
    task_id: Vec<Uuid>,
    token: Vec<Uuid>,
    state: Vec<&'static str>,
    external_id: Vec<Option<&'a str>>,
    phase: Vec<Option<i16>>,
    progress: Vec<i16>,
    sequence: Vec<i64>,
    polls: Vec<i32>,
    failures: Vec<i32>,
    failure_code: Vec<Option<&'static str>>,
    failure_message: Vec<Option<&'a str>>,
    due: Vec<Option<f64>>,
}

impl<'a> Columns<'a> {
    fn of(records: &'a [Record]) -> Self {
        let mut columns = Self::default();
        for Record { task_id, token, step: Step { job, due, event }, .. } in records {
            let failure: Option<&Failure> = if let Some(Event::Failed(failure)) = event { Some(failure) } else { None };
            columns.task_id.push(task_id.as_uuid());
            columns.token.push(*token);
            columns.state.push(job.state.as_str());
            columns.external_id.push(job.external_id.as_ref().map(ExternalId::as_str));
            columns.phase.push(job.phase.map(phase_number));
            columns.progress.push(i16::from(job.progress.get()));
            columns.sequence.push(job.sequence.cast_signed());
            columns.polls.push(job.polls.cast_signed());
            columns.failures.push(job.failures.cast_signed());
            columns.failure_code.push(failure.map(|failure| failure.code.as_str()));
            columns.failure_message.push(failure.map(|failure| failure.message.as_str()));
            columns.due.push(due.map(|due| due.as_secs_f64()));
        }
        columns
    }
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
