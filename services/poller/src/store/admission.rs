use diesel::{dsl::now, prelude::*};
use diesel_async::RunQueryDsl;
use zoetrope_postgres::Connection;

use super::{row::OrderRow, schema::jobs};
use crate::{job::State, order::Order};

/// Takes a job on, due at once. False: it is known already (or was cancelled before it came), and nothing changed.
pub(crate) async fn admit(conn: &mut Connection, order: Order, traceparent: Option<String>) -> QueryResult<bool> {
    let inserted = diesel::insert_into(jobs::table)
        .values((
            OrderRow::from(order),
            jobs::traceparent.eq(traceparent),
            jobs::state.eq(State::Pending.as_str()),
            jobs::due_at.eq(now),
        ))
        .on_conflict(jobs::task_id)
        .do_nothing()
        .execute(conn)
        .await?;
    Ok(inserted == 1)
}
