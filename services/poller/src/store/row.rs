use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;
use zoetrope_domain::{JobPhase, Progress};

use super::schema::jobs;
use crate::{
    job::{FailureCode, Job, StoredFile},
    order::Order,
};

/// What changes of a job, as it is stored.
#[derive(Queryable, Selectable, QueryableByName)]
#[diesel(table_name = jobs, check_for_backend(diesel::pg::Pg))]
pub(super) struct JobRow {
    state: String,
    external_id: Option<String>,
    phase: Option<i16>,
    progress: i16,
    sequence: i64,
    polls: i32,
    failures: i32,
    failure_code: Option<String>,
}

/// What was asked for, as it is stored.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = jobs, check_for_backend(diesel::pg::Pg))]
pub(super) struct OrderRow {
    task_id: Uuid,
    ordered_at: DateTime<Utc>,
    kind: String,
    model: String,
    provider: String,
    prompt: String,
    seconds: i32,
    size: String,
    watermark: bool,
    reference_key: Option<String>,
    reference_content_type: Option<String>,
    reference_bytes: Option<i64>,
}

/// A row that this version of the poller cannot read.
#[derive(Debug, thiserror::Error)]
#[error("the stored job has a bad {0}")]
pub(crate) struct CorruptJob(&'static str);

impl TryFrom<JobRow> for Job {
    type Error = CorruptJob;

    fn try_from(row: JobRow) -> Result<Self, CorruptJob> {
        Ok(Self {
            state: row.state.parse().map_err(|_| CorruptJob("state"))?,
            external_id: row.external_id.map(|id| id.parse()).transpose().map_err(|_| CorruptJob("external_id"))?,
            phase: row.phase.map(phase).transpose()?,
            progress: Progress::clamped(row.progress.try_into().map_err(|_| CorruptJob("progress"))?),
            sequence: row.sequence.try_into().map_err(|_| CorruptJob("sequence"))?,
            polls: row.polls.try_into().map_err(|_| CorruptJob("polls"))?,
            failures: row.failures.try_into().map_err(|_| CorruptJob("failures"))?,
            failed: row.failure_code.is_some(),
            // What failed for want of its result has ended at the provider; everything else that still waits for its removal may run.
            may_run: row.failure_code.is_some_and(|code| code != FailureCode::ResultUnavailable.as_str()),
        })
    }
}

impl From<OrderRow> for Order {
    fn from(row: OrderRow) -> Self {
        let reference = row.reference_key.map(|key| StoredFile {
            key,
            content_type: row.reference_content_type.unwrap_or_default(),
            size: row.reference_bytes.unwrap_or_default().cast_unsigned(),
            sha256: None,
        });
        Self {
            task_id: row.task_id.into(),
            ordered_at: row.ordered_at,
            kind: row.kind,
            model: row.model,
            provider: row.provider,
            prompt: row.prompt,
            seconds: row.seconds.cast_unsigned(),
            size: row.size,
            watermark: row.watermark,
            reference,
        }
    }
}

impl From<Order> for OrderRow {
    fn from(order: Order) -> Self {
        let (reference_key, reference_content_type, reference_bytes) = match order.reference {
            Some(file) => (Some(file.key), Some(file.content_type), Some(i64::try_from(file.size).unwrap_or(i64::MAX))),
            None => (None, None, None),
        };
        Self {
            task_id: order.task_id.as_uuid(),
            ordered_at: order.ordered_at,
            kind: order.kind,
            model: order.model,
            provider: order.provider,
            prompt: order.prompt,
            // Beyond any video; the provider will say so.
            seconds: i32::try_from(order.seconds).unwrap_or(i32::MAX),
            size: order.size,
            watermark: order.watermark,
            reference_key,
            reference_content_type,
            reference_bytes,
        }
    }
}

pub(super) const fn phase_number(phase: JobPhase) -> i16 {
    match phase {
        JobPhase::Submitted => 1,
        JobPhase::Generating => 2,
        JobPhase::Storing => 3,
    }
}

fn phase(number: i16) -> Result<JobPhase, CorruptJob> {
    [JobPhase::Submitted, JobPhase::Generating, JobPhase::Storing]
        .into_iter()
        .find(|phase| phase_number(*phase) == number)
        .ok_or(CorruptJob("phase"))
}
