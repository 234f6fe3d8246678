//! Pages of facts for an audit. Each is one statement, and so one snapshot.

use std::{str::FromStr, time::Duration};

use diesel::{
    QueryResult, QueryableByName,
    result::Error,
    sql_query,
    sql_types::{BigInt, Bool, Double, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zoetrope_domain::{TaskId, UserId};
use zoetrope_postgres::Connection;

use crate::audit::{AccountFacts, Booked, EntryFacts, TaskFacts};

/// Rows on one page: some milliseconds of the server's time.
const PAGE: i64 = 1_000;

/// The last rows there are, in the order of their keys; none in an empty table.
#[derive(Debug, Clone, Copy)]
pub struct Ends {
    pub account: Option<UserId>,
    pub entry: Option<i64>,
    pub task: Option<TaskId>,
}

#[derive(QueryableByName)]
struct EndsRow {
    #[diesel(sql_type = Nullable<SqlUuid>)]
    account: Option<Uuid>,
    #[diesel(sql_type = Nullable<BigInt>)]
    entry: Option<i64>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    task: Option<Uuid>,
}

pub async fn ends(connection: &mut Connection) -> QueryResult<Ends> {
    let row: EndsRow = sql_query(
        "SELECT (SELECT user_id FROM accounts ORDER BY user_id DESC LIMIT 1) AS account,
                (SELECT id FROM ledger_entries ORDER BY id DESC LIMIT 1) AS entry,
                (SELECT id FROM tasks ORDER BY id DESC LIMIT 1) AS task",
    )
    .get_result(connection)
    .await?;
    Ok(Ends { account: row.account.map(UserId::new), entry: row.entry, task: row.task.map(TaskId::new) })
}

#[derive(QueryableByName)]
struct AccountRow {
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
    #[diesel(sql_type = BigInt)]
    balance: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    left_by_ledger: Option<i64>,
}

/// Accounts behind `after`, up to `end`.
pub async fn accounts(connection: &mut Connection, after: Option<UserId>, end: Option<UserId>) -> QueryResult<Vec<AccountFacts>> {
    let rows: Vec<AccountRow> = sql_query(
        "WITH page AS MATERIALIZED (
             SELECT user_id, balance FROM accounts WHERE ($1 IS NULL OR user_id > $1) AND user_id <= $2 ORDER BY user_id LIMIT $3
         )
         SELECT page.user_id, page.balance, newest.balance_after AS left_by_ledger
         FROM page
         LEFT JOIN LATERAL (
             SELECT balance_after FROM ledger_entries WHERE user_id = page.user_id ORDER BY id DESC LIMIT 1
         ) AS newest ON true
         ORDER BY page.user_id",
    )
    .bind::<Nullable<SqlUuid>, _>(after.map(UserId::as_uuid))
    .bind::<Nullable<SqlUuid>, _>(end.map(UserId::as_uuid))
    .bind::<BigInt, _>(PAGE)
    .load(connection)
    .await?;
    let facts = |row: AccountRow| AccountFacts {
        user_id: UserId::new(row.user_id),
        balance: row.balance,
        left_by_ledger: row.left_by_ledger,
    };
    Ok(rows.into_iter().map(facts).collect())
}

#[derive(QueryableByName)]
struct EntryRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    amount: i64,
    #[diesel(sql_type = BigInt)]
    balance_after: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    balance_before: Option<i64>,
    #[diesel(sql_type = Bool)]
    has_task: bool,
}

/// Ledger entries behind `after`, up to `end`. The entries of one account are numbered in the order of their commits: an entry is written
/// while its transaction holds the account's row.
pub async fn entries(connection: &mut Connection, after: Option<i64>, end: Option<i64>) -> QueryResult<Vec<EntryFacts>> {
    let rows: Vec<EntryRow> = sql_query(
        "WITH page AS MATERIALIZED (
             SELECT id, user_id, kind, amount, balance_after, task_id FROM ledger_entries
             WHERE ($1 IS NULL OR id > $1) AND id <= $2 ORDER BY id LIMIT $3
         )
         SELECT page.id, page.kind, page.amount, page.balance_after, earlier.balance_after AS balance_before,
                tasks.id IS NOT NULL AS has_task
         FROM page
         LEFT JOIN LATERAL (
             SELECT balance_after FROM ledger_entries WHERE user_id = page.user_id AND id < page.id ORDER BY id DESC LIMIT 1
         ) AS earlier ON true
         LEFT JOIN tasks ON tasks.id = page.task_id
         ORDER BY page.id",
    )
    .bind::<Nullable<BigInt>, _>(after)
    .bind::<Nullable<BigInt>, _>(end)
    .bind::<BigInt, _>(PAGE)
    .load(connection)
    .await?;
    let facts = |row: EntryRow| {
        Ok(EntryFacts {
            id: row.id,
            kind: word(&row.kind)?,
            amount: row.amount,
            balance_after: row.balance_after,
            balance_before: row.balance_before,
            has_task: row.has_task,
        })
    };
    rows.into_iter().map(facts).collect()
}

#[derive(QueryableByName)]
struct TaskRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = BigInt)]
    price: i64,
    #[diesel(sql_type = Bool)]
    has_result: bool,
    #[diesel(sql_type = Double)]
    age_seconds: f64,
    #[diesel(sql_type = BigInt)]
    charges: i64,
    #[diesel(sql_type = BigInt)]
    charged: i64,
    #[diesel(sql_type = BigInt)]
    refunds: i64,
    #[diesel(sql_type = BigInt)]
    refunded: i64,
}

/// Tasks behind `after`, up to `end`.
pub async fn tasks(connection: &mut Connection, after: Option<TaskId>, end: Option<TaskId>) -> QueryResult<Vec<TaskFacts>> {
    let rows: Vec<TaskRow> = sql_query(
        "WITH page AS MATERIALIZED (
             SELECT id, user_id, status, price, output IS NOT NULL AS has_result, created_at FROM tasks
             WHERE ($1 IS NULL OR id > $1) AND id <= $2 ORDER BY id LIMIT $3
         )
         SELECT page.id, page.status, page.price, page.has_result,
                extract(epoch FROM clock_timestamp() - page.created_at)::float8 AS age_seconds,
                booked.charges, booked.charged, booked.refunds, booked.refunded
         FROM page
         CROSS JOIN LATERAL (
             SELECT count(*) FILTER (WHERE kind = 'consume') AS charges,
                    count(*) FILTER (WHERE kind = 'refund') AS refunds,
                    coalesce(sum(amount) FILTER (WHERE kind = 'consume' AND user_id = page.user_id), 0)::bigint AS charged,
                    coalesce(sum(amount) FILTER (WHERE kind = 'refund' AND user_id = page.user_id), 0)::bigint AS refunded
             FROM ledger_entries WHERE task_id = page.id
         ) AS booked
         ORDER BY page.id",
    )
    .bind::<Nullable<SqlUuid>, _>(after.map(TaskId::as_uuid))
    .bind::<Nullable<SqlUuid>, _>(end.map(TaskId::as_uuid))
    .bind::<BigInt, _>(PAGE)
    .load(connection)
    .await?;
    let facts = |row: TaskRow| {
        Ok(TaskFacts {
            id: TaskId::new(row.id),
            status: word(&row.status)?,
            price: row.price,
            has_result: row.has_result,
            // A clock that was set back makes no task older.
            age: Duration::try_from_secs_f64(row.age_seconds).unwrap_or_default(),
            charges: Booked { times: row.charges, amount: row.charged },
            refunds: Booked { times: row.refunds, amount: row.refunded },
        })
    };
    rows.into_iter().map(facts).collect()
}

fn word<T>(text: &str) -> QueryResult<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse().map_err(|error| Error::DeserializationError(Box::new(error)))
}
