use std::collections::HashMap;

use diesel::{dsl::count_star, prelude::*};
use diesel_async::RunQueryDsl;
use zoetrope_postgres::Connection;

use super::schema::jobs;

/// Counts the live jobs by the word of their state. Those that have ended are history, and ever more.
pub(crate) async fn census(conn: &mut Connection) -> QueryResult<HashMap<String, i64>> {
    let counts: Vec<(String, i64)> = jobs::table
        .filter(jobs::due_at.is_not_null())
        .group_by(jobs::state)
        .select((jobs::state, count_star()))
        .load(conn)
        .await?;
    Ok(counts.into_iter().collect())
}
