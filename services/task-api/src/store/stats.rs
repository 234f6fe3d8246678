//! Counts of a user's tasks.

use diesel::{ExpressionMethods, QueryDsl, QueryResult, dsl::count_star};
use diesel_async::RunQueryDsl;
use zoetrope_domain::{TaskStatus, UserId};
use zoetrope_postgres::Connection;

use super::schema::tasks;

/// How many tasks a user has in each status; a status without any is left out.
pub async fn by_status(connection: &mut Connection, user: UserId) -> QueryResult<Vec<(TaskStatus, i64)>> {
    let rows: Vec<(String, i64)> = tasks::table
        .filter(tasks::user_id.eq(user.as_uuid()))
        .group_by(tasks::status)
        .select((tasks::status, count_star()))
        .load(connection)
        .await?;
    rows.into_iter()
        .map(|(word, count)| {
            let status = word.parse().map_err(|error| diesel::result::Error::DeserializationError(Box::new(error)))?;
            Ok((status, count))
        })
        .collect()
}
