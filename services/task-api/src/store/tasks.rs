//! Tasks.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods, OptionalExtension, PgSortExpressionMethods, QueryDsl,
    QueryResult, SelectableHelper, dsl::count_star,
};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use zoetrope_domain::{TaskId, TaskKind, UserId};
use zoetrope_postgres::Connection;

use super::{
    schema::tasks,
    task_row::{self, TaskChange, TaskRow},
};
use crate::{
    listing::{Direction, Listing, OrderBy},
    task::{MediaType, Task, VideoOutput},
};

/// Over a shared connection, so that other statements of the transaction need not wait for its answer.
pub async fn insert(connection: &Connection, task: &Task) -> QueryResult<()> {
    diesel::insert_into(tasks::table).values(TaskRow::try_from(task)?).execute(&mut &*connection).await?;
    Ok(())
}

/// Reads a task and keeps others from changing it until the transaction ends.
pub async fn lock(connection: &mut Connection, id: TaskId) -> QueryResult<Option<Task>> {
    let row: Option<TaskRow> = tasks::table
        .find(id.as_uuid())
        .select(TaskRow::as_select())
        // Not the key: rows that refer to the task may be written meanwhile.
        .for_no_key_update()
        .first(connection)
        .await
        .optional()?;
    row.map(Task::try_from).transpose()
}

/// Writes what changed in a locked task.
pub async fn update(connection: &mut Connection, task: &Task) -> QueryResult<()> {
    diesel::update(tasks::table.find(task.id.as_uuid())).set(TaskChange::try_from(task)?).execute(connection).await?;
    Ok(())
}

/// A user's own task.
pub async fn find(connection: &Connection, user: UserId, id: TaskId) -> QueryResult<Option<Task>> {
    let row: Option<TaskRow> = tasks::table
        .find(id.as_uuid())
        .filter(tasks::user_id.eq(user.as_uuid()))
        .select(TaskRow::as_select())
        .first(&mut &*connection)
        .await
        .optional()?;
    row.map(Task::try_from).transpose()
}

/// What came of a completed video, whoever owns it.
pub async fn video_output(connection: &mut Connection, id: TaskId) -> QueryResult<Option<VideoOutput>> {
    let output: Option<Option<Value>> =
        tasks::table.find(id.as_uuid()).select(tasks::output).first(connection).await.optional()?;
    output.flatten().map(task_row::video_output).transpose()
}

/// A page of a user's tasks, and how many there are on all pages.
pub async fn list(connection: &mut Connection, user: UserId, listing: &Listing) -> QueryResult<(Vec<Task>, i64)> {
    let of_user = || {
        let mut query = tasks::table.filter(tasks::user_id.eq(user.as_uuid())).into_boxed();
        if let Some(status) = listing.status {
            query = query.filter(tasks::status.eq(status.as_str()));
        }
        if let Some(media) = listing.media_type {
            let kinds = TaskKind::ALL.iter().filter(|kind| MediaType::of(**kind) == media).map(|kind| kind.as_str());
            query = query.filter(tasks::kind.eq_any(kinds));
        }
        query
    };
    let total: i64 = of_user().select(count_star()).get_result(connection).await?;

    // The id makes the order total: no task is on two pages, or on none.
    let ordered = match (listing.order_by, listing.direction) {
        (OrderBy::Created, Direction::Descending) => of_user().order((tasks::created_at.desc(), tasks::id.desc())),
        (OrderBy::Created, Direction::Ascending) => of_user().order((tasks::created_at.asc(), tasks::id.asc())),
        (OrderBy::Updated, Direction::Descending) => of_user().order((tasks::updated_at.desc(), tasks::id.desc())),
        (OrderBy::Updated, Direction::Ascending) => of_user().order((tasks::updated_at.asc(), tasks::id.asc())),
        (OrderBy::Completed, Direction::Descending) => {
            of_user().order((tasks::completed_at.desc().nulls_last(), tasks::id.desc()))
        }
        (OrderBy::Completed, Direction::Ascending) => of_user().order((tasks::completed_at.asc().nulls_last(), tasks::id.asc())),
    };
    let rows: Vec<TaskRow> =
        ordered.select(TaskRow::as_select()).limit(listing.page_size.into()).offset(listing.offset()).load(connection).await?;
    let page = rows.into_iter().map(Task::try_from).collect::<QueryResult<_>>()?;
    Ok((page, total))
}

/// A user's tasks by the client's own ids, newest first.
pub async fn of_client(connection: &mut Connection, user: UserId, ids: &[String]) -> QueryResult<Vec<Task>> {
    let rows: Vec<TaskRow> = tasks::table
        .filter(tasks::user_id.eq(user.as_uuid()).and(tasks::client_request_id.assume_not_null().eq_any(ids)))
        .order((tasks::created_at.desc(), tasks::id.desc()))
        .select(TaskRow::as_select())
        .load(connection)
        .await?;
    rows.into_iter().map(Task::try_from).collect()
}
