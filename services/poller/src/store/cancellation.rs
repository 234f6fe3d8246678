use std::time::Duration;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use zoetrope_domain::TaskId;
use zoetrope_postgres::Connection;
use zoetrope_service::trace;

use super::{
    record::{lock, record_late},
    schema::jobs,
};
use crate::{
    error::StoreError,
    job::{self, CancelOrder, State, Step},
};

/// Cancels a job, whoever works on it: that lease ends. A job that has not come yet gets a row that makes its coming harmless; nothing is
/// told of it, since a task that waits for word has a job.
///
/// `lease` is the length of a lease. Returns the provider and what was decided; `None` when nothing changed.
pub(crate) async fn cancel(
    conn: &mut Connection,
    task_id: TaskId,
    order: CancelOrder,
    lease: Duration,
) -> Result<Option<(String, Step)>, StoreError> {
    let inserted = diesel::insert_into(jobs::table)
        .values((jobs::task_id.eq(task_id.as_uuid()), jobs::state.eq(State::Cancelled.as_str())))
        .on_conflict(jobs::task_id)
        .do_nothing()
        .execute(conn)
        .await?;
    if inserted == 1 {
        return Ok(None);
    }
    let Some((provider, present)) = lock(conn, task_id).await? else { return Ok(None) };
    let Some(step) = job::cancel(&present, order, lease) else { return Ok(None) };
    record_late(conn, task_id, step.clone(), trace::current_traceparent()).await?;
    Ok(Some((provider, step)))
}
