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
    job::{self, State, Work},
};

/// Cancels a job, whoever works on it: that lease ends. A job that has not come yet gets a row that makes its coming harmless.
///
/// Returns the provider and the work that is now due, if any.
pub(crate) async fn cancel(conn: &mut Connection, task_id: TaskId) -> Result<Option<(String, Work)>, StoreError> {
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
    let Some(step) = job::cancel(&present) else { return Ok(None) };
    let work = step.job.state.work();
    record_late(conn, task_id, step, trace::current_traceparent()).await?;
    Ok(work.map(|work| (provider, work)))
}
