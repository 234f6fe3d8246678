//! Many states, and of whose feeds they are, in one statement.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Binary, Bool, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zoetrope_domain::{FeedPosition, TaskId, UserId};
use zoetrope_postgres::{Connection, Statement};

use super::bigint;
use crate::task::TaskSnapshot;

/// A state and the message that it came in.
#[derive(Debug, Clone, Copy)]
pub struct NewState<'a> {
    pub task: &'a TaskSnapshot,
    pub payload: &'a [u8],
}

/// A place in a feed of which was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hearing {
    pub user: UserId,
    pub position: FeedPosition,
    /// Its state is too old to be kept.
    pub forgotten: bool,
}

#[derive(QueryableByName)]
struct SavedRow {
    #[diesel(sql_type = SqlUuid)]
    task_id: Uuid,
}

/// Keeps states and notes which places were heard of. Returns the tasks that the states were news for: of the others, the same or a newer
/// version is kept already.
///
/// There must be one state per task, in the order of their ids. Replicas that save at the same time lock rows in this order, first of tasks
/// and then of feeds, so that none waits for another that waits for it.
pub async fn save(connection: &mut Connection, states: &[NewState<'_>], hearings: &[Hearing]) -> QueryResult<HashSet<TaskId>> {
    let column = StateColumns::of(states);
    let saved: Vec<SavedRow> = Statement::new(
        "WITH saved AS (
             INSERT INTO task_states (task_id, user_id, version, status, payload, updated_at, position)
             SELECT * FROM unnest(",
    )
    .bind::<Array<SqlUuid>, _>(column.task_id)
    .sql(", ")
    .bind::<Array<SqlUuid>, _>(column.user_id)
    .sql(", ")
    .bind::<Array<BigInt>, _>(column.version)
    .sql(", ")
    .bind::<Array<Text>, _>(column.status)
    .sql(", ")
    .bind::<Array<Binary>, _>(column.payload)
    .sql(", ")
    .bind::<Array<Timestamptz>, _>(column.updated_at)
    .sql(", ")
    .bind::<Array<BigInt>, _>(column.position)
    .sql(
        ")
             ON CONFLICT (task_id) DO UPDATE SET version = excluded.version, status = excluded.status, payload = excluded.payload,
                 updated_at = excluded.updated_at, position = excluded.position
             WHERE task_states.version < excluded.version
             RETURNING task_id
         ), heard AS (
             INSERT INTO feeds (user_id, heard, floor)
             SELECT user_id, range_agg(int8range(position, position, '[]')), coalesce(max(position) FILTER (WHERE forgotten), 0)
             FROM unnest(",
    )
    .bind::<Array<SqlUuid>, _>(hearings.iter().map(|hearing| hearing.user.as_uuid()).collect::<Vec<_>>())
    .sql(", ")
    .bind::<Array<BigInt>, _>(hearings.iter().map(|hearing| bigint(hearing.position.get())).collect::<Vec<_>>())
    .sql(", ")
    .bind::<Array<Bool>, _>(hearings.iter().map(|hearing| hearing.forgotten).collect::<Vec<_>>())
    .sql(
        ") AS hearing (user_id, position, forgotten)
             GROUP BY user_id
             ORDER BY user_id
             ON CONFLICT (user_id) DO UPDATE SET heard = feeds.heard + excluded.heard, floor = greatest(feeds.floor, excluded.floor)
             WHERE NOT feeds.heard @> excluded.heard OR feeds.floor < excluded.floor
         )
         SELECT task_id FROM saved",
    )
    .load(connection)
    .await?;
    Ok(saved.into_iter().map(|row| TaskId::new(row.task_id)).collect())
}

#[derive(Default)]
struct StateColumns<'a> {
    task_id: Vec<Uuid>,
    user_id: Vec<Uuid>,
    version: Vec<i64>,
    status: Vec<&'static str>,
    payload: Vec<&'a [u8]>,
    updated_at: Vec<DateTime<Utc>>,
    position: Vec<i64>,
}

impl<'a> StateColumns<'a> {
    fn of(states: &[NewState<'a>]) -> Self {
        let mut columns = Self::default();
        for NewState { task, payload } in states {
            columns.task_id.push(task.task_id.as_uuid());
            columns.user_id.push(task.user_id.as_uuid());
            columns.version.push(bigint(task.version));
            columns.status.push(task.status.as_str());
            columns.payload.push(payload);
            columns.updated_at.push(task.updated_at);
            columns.position.push(bigint(task.position.get()));
        }
        columns
    }
}
