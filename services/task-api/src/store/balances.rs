//! Which balances have changed, for those who show them elsewhere.
//!
//! A ledger is read in the order of its entries' numbers, which is not the order of commits: a transaction may still be under way whose
//! entry has a lower number than one that is seen. So an end is noted, together with a transaction id that is higher than that of whoever
//! took a number before it; once all transactions below that id are over, everything up to the end is there, and is told. Those who create
//! tasks and change balances have nothing to do with it.

use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{BigInt, Bool, Nullable, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zoetrope_domain::UserId;
use zoetrope_postgres::Connection;

/// Entries that are looked through at a time.
pub const PAGE: i64 = 5_000;

/// A balance, and the entry that left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    pub user: UserId,
    pub credits: i64,
    pub entry: i64,
}

/// How far the ledger was told.
#[derive(QueryableByName)]
pub struct Progress {
    #[diesel(sql_type = BigInt)]
    told: i64,
    #[diesel(sql_type = BigInt)]
    end: i64,
    /// Whether everything up to the end is there.
    #[diesel(sql_type = Bool)]
    settled: bool,
}

#[derive(QueryableByName)]
struct TurnRow {
    #[diesel(sql_type = Bool)]
    taken: bool,
}

#[derive(QueryableByName)]
struct EndRow {
    #[diesel(sql_type = Nullable<BigInt>)]
    id: Option<i64>,
}

#[derive(QueryableByName)]
struct BalanceRow {
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
    #[diesel(sql_type = BigInt)]
    balance_after: i64,
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// Takes the turn until the end of the transaction, and tells how far others came. `None`: somebody else has it, or there is nothing to be told
/// yet. The transaction must not have written anything before.
pub async fn begin(connection: &mut Connection) -> QueryResult<Option<Progress>> {
    let turn: TurnRow = sql_query("SELECT pg_try_advisory_xact_lock(hashtextextended('tasks.told_balances', 0)) AS taken")
        .get_result(connection)
        .await?;
    if !turn.taken {
        return Ok(None);
    }
    // An id that was not given yet is of another server, from whose copy this one was made: nobody of there is still at work.
    let progress: Progress = sql_query(
        "SELECT told, ends_at AS \"end\",
                settled_above <= pg_snapshot_xmin(present) OR settled_above >= pg_snapshot_xmax(present) AS settled
         FROM told_balances, pg_current_snapshot() AS present",
    )
    .get_result(connection)
    .await?;
    Ok(Some(progress).filter(|progress| progress.settled))
}

/// The newest balances among the entries that are settled and were not told.
pub async fn changed(connection: &mut Connection, progress: &Progress) -> QueryResult<Vec<Balance>> {
    let rows: Vec<BalanceRow> = sql_query(
        "SELECT DISTINCT ON (user_id) user_id, balance_after, id FROM ledger_entries WHERE id > $1 AND id <= $2
         ORDER BY user_id, id DESC",
    )
    .bind::<BigInt, _>(progress.told)
    .bind::<BigInt, _>(progress.end)
    .load(connection)
    .await?;
    let balance = |row: BalanceRow| Balance { user: UserId::new(row.user_id), credits: row.balance_after, entry: row.id };
    Ok(rows.into_iter().map(balance).collect())
}

/// Notes that everything up to the end is told, and the next end. Tells whether there is a full page up to there.
pub async fn go_on(connection: &mut Connection, progress: &Progress) -> QueryResult<bool> {
    let next: EndRow =
        sql_query("SELECT max(id) AS id FROM (SELECT id FROM ledger_entries WHERE id > $1 ORDER BY id LIMIT $2) AS page")
            .bind::<BigInt, _>(progress.end)
            .bind::<BigInt, _>(PAGE)
            .get_result(connection)
            .await?;
    let end = next.id.unwrap_or(progress.end);
    if end > progress.told {
        // The id is given to this transaction here, and not before: whoever took a number up to the end has a lower one.
        sql_query("UPDATE told_balances SET told = $1, ends_at = $2, settled_above = pg_current_xact_id()")
            .bind::<BigInt, _>(progress.end)
            .bind::<BigInt, _>(end)
            .execute(connection)
            .await?;
    }
    Ok(end - progress.end >= PAGE)
}
