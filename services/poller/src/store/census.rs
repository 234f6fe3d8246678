use std::collections::HashMap;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};
use diesel_async::RunQueryDsl;
use zoetrope_postgres::Connection;

use super::lane::states_of;
use crate::job::Work;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Counts the live jobs by the word of their state. Those that have ended are history, and ever more.
pub(crate) async fn census(conn: &mut Connection) -> QueryResult<HashMap<String, i64>> {
    // One part for each index of live jobs.
    let parts =
        Work::ALL.map(|work| format!("SELECT state, count(*) AS number FROM jobs WHERE {} GROUP BY state", states_of(work)));
    let counts: Vec<Count> = diesel::sql_query(parts.join(" UNION ALL ")).load(conn).await?;
    Ok(counts.into_iter().map(|count| (count.state, count.number)).collect())
}
