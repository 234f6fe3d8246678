//! Pages of feeds. Each answer of the table is one statement, and so one moment: all states up to the frontier that it tells are in it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Binary, Bool, Nullable, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use zoetrope_domain::{FeedPosition, TaskId, UserId};
use zoetrope_postgres::{Connection, Statement};

use super::bigint;
use crate::task::TaskSnapshot;

/// States on one page of what changed after a place.
const PAGE: i64 = 500;
/// Of the tasks that ended lately, the most that are read.
const MOST_ENDED: i64 = 200;

/// How far a user's feed is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeedPlace {
    /// Everything up to here is in the table, or was forgotten.
    pub frontier: FeedPosition,
    /// The highest place of which the table has heard.
    pub top: FeedPosition,
    /// Something up to here was forgotten.
    pub floor: FeedPosition,
}

/// A part of a user's feed.
#[derive(Debug, Clone, Default)]
pub struct Page {
    pub place: FeedPlace,
    /// In the order of their places.
    pub states: Vec<TaskSnapshot>,
    /// Where it ends, if there may be more behind it.
    pub ends_at: Option<FeedPosition>,
}

#[derive(QueryableByName)]
struct FeedRow {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = BigInt)]
    frontier: i64,
    #[diesel(sql_type = BigInt)]
    top: i64,
    #[diesel(sql_type = BigInt)]
    floor: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    position: Option<i64>,
    #[diesel(sql_type = Nullable<Binary>)]
    payload: Option<Vec<u8>>,
}

const COLUMNS: &str = "
    wanted.number,
    CASE WHEN heard @> 1::bigint THEN (SELECT upper(part) - 1 FROM unnest(heard) AS part LIMIT 1) ELSE 0 END AS frontier,
    coalesce(upper(heard) - 1, 0) AS top,
    coalesce(floor, 0) AS floor,
    state.position,
    state.payload";

/// The states of these tasks, as far as they are known and belong to these users; a page for each.
pub async fn of_tasks(connection: &mut Connection, wanted: &[(UserId, TaskId)]) -> QueryResult<Vec<Page>> {
    let rows = Statement::new(format!("SELECT {COLUMNS} FROM unnest("))
        .bind::<Array<SqlUuid>, _>(wanted.iter().map(|(user, _)| user.as_uuid()).collect::<Vec<_>>())
        .sql(", ")
        .bind::<Array<SqlUuid>, _>(wanted.iter().map(|(_, task)| task.as_uuid()).collect::<Vec<_>>())
        .sql(
            ") WITH ORDINALITY AS wanted (user_id, task_id, number)
             LEFT JOIN feeds USING (user_id)
             LEFT JOIN task_states AS state ON state.task_id = wanted.task_id AND state.user_id = wanted.user_id",
        )
        .load(connection)
        .await?;
    Ok(pages(wanted.len(), rows))
}

/// What changed for these users after these places; a page for each.
pub async fn after(connection: &mut Connection, wanted: &[(UserId, FeedPosition)]) -> QueryResult<Vec<Page>> {
    Ok(pages(wanted.len(), after_rows(connection, wanted, "").await?))
}

/// The same, of those users only for whom the table has heard of more.
pub async fn beyond(connection: &mut Connection, wanted: &[(UserId, FeedPosition)]) -> QueryResult<Vec<(UserId, Page)>> {
    let rows = after_rows(connection, wanted, "WHERE upper(heard) - 1 > wanted.seen").await?;
    let numbers: Vec<usize> = {
        let mut numbers: Vec<usize> = rows.iter().map(index).collect();
        numbers.dedup();
        numbers
    };
    let mut pages = pages(wanted.len(), rows);
    let page_of = |index: usize| Some((wanted.get(index)?.0, std::mem::take(pages.get_mut(index)?)));
    Ok(numbers.into_iter().filter_map(page_of).collect())
}

async fn after_rows(
    connection: &mut Connection,
    wanted: &[(UserId, FeedPosition)],
    condition: &'static str,
) -> QueryResult<Vec<FeedRow>> {
    Statement::new(format!("SELECT {COLUMNS} FROM unnest("))
        .bind::<Array<SqlUuid>, _>(wanted.iter().map(|(user, _)| user.as_uuid()).collect::<Vec<_>>())
        .sql(", ")
        .bind::<Array<BigInt>, _>(wanted.iter().map(|(_, after)| bigint(after.get())).collect::<Vec<_>>())
        .sql(format!(
            ") WITH ORDINALITY AS wanted (user_id, seen, number)
             LEFT JOIN feeds USING (user_id)
             LEFT JOIN LATERAL (
                 SELECT payload, position FROM task_states
                 WHERE task_states.user_id = wanted.user_id AND position > wanted.seen
                 ORDER BY position
                 LIMIT {PAGE}
             ) AS state ON true
             {condition}
             ORDER BY wanted.number, state.position"
        ))
        .load(connection)
        .await
}

/// The tasks of these users that have not ended, and where it is wanted those that ended after a moment; a page for each.
pub async fn present(connection: &mut Connection, wanted: &[(UserId, bool)], moment: DateTime<Utc>) -> QueryResult<Vec<Page>> {
    let rows = Statement::new(format!("SELECT {COLUMNS} FROM unnest("))
        .bind::<Array<SqlUuid>, _>(wanted.iter().map(|(user, _)| user.as_uuid()).collect::<Vec<_>>())
        .sql(", ")
        .bind::<Array<Bool>, _>(wanted.iter().map(|(_, ended)| *ended).collect::<Vec<_>>())
        .sql(
            ") WITH ORDINALITY AS wanted (user_id, ended, number)
             LEFT JOIN feeds USING (user_id)
             LEFT JOIN LATERAL (
                 SELECT payload, position FROM task_states
                 WHERE task_states.user_id = wanted.user_id AND status IN ('queued', 'processing')
                 UNION ALL
                 SELECT payload, position FROM (
                     SELECT payload, position, status, updated_at FROM task_states
                     WHERE task_states.user_id = wanted.user_id AND wanted.ended
                     ORDER BY position DESC
                     LIMIT ",
        )
        .bind::<BigInt, _>(MOST_ENDED)
        .sql(
            "
                 ) AS newest
                 WHERE status IN ('completed', 'failed', 'cancelled') AND updated_at > ",
        )
        .bind::<Timestamptz, _>(moment)
        .sql(
            "
             ) AS state ON true
             ORDER BY wanted.number, state.position",
        )
        .load(connection)
        .await?;
    Ok(pages(wanted.len(), rows))
}

fn pages(count: usize, rows: Vec<FeedRow>) -> Vec<Page> {
    let mut pages = vec![Page::default(); count];
    let mut sizes: HashMap<usize, i64> = HashMap::new();
    for row in rows {
        let index = index(&row);
        let Some(page) = pages.get_mut(index) else { continue };
        let at = |position: i64| FeedPosition::clamped(position.unsigned_abs());
        page.place = FeedPlace { frontier: at(row.frontier), top: at(row.top), floor: at(row.floor) };
        let (Some(position), Some(payload)) = (row.position, row.payload) else { continue };
        let size = sizes.entry(index).or_default();
        *size += 1;
        page.ends_at = (*size >= PAGE).then(|| at(position));
        page.states.extend(decoded(&payload));
    }
    pages
}

/// The numbers of a statement begin at 1.
fn index(row: &FeedRow) -> usize {
    usize::try_from(row.number - 1).unwrap_or(usize::MAX)
}

/// What cannot be read was written by a newer version of this service, and is unknown to this one.
fn decoded(payload: &[u8]) -> Option<TaskSnapshot> {
    TaskSnapshot::decode(payload).inspect_err(|error| tracing::warn!(%error, "a row of task_states cannot be read")).ok()
}
