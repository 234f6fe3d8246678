//! Balances, the ledger that explains them, and places in feeds. Every change of a balance writes its entry in the same transaction.
//!
//! A change of a task takes the next place in its owner's feed, in the row of the account: whoever has it holds the row until the end of the
//! transaction, so places are in the order of commits and a transaction that is undone leaves no gap. The row of a task is locked before that
//! of its account, everywhere.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, QueryableByName,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{BigInt, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zoetrope_domain::{AccountOwner, Credits, FeedPosition, LedgerKind, TaskId, UserId};
use zoetrope_postgres::{Connection, Statement};

use super::schema::{accounts, ledger_entries};

/// Opens a user's account with a grant. Does nothing when there is one already; tells whether it did something.
pub async fn open(connection: &Connection, user: UserId, grant: Credits) -> QueryResult<bool> {
    let opened = diesel::insert_into(accounts::table)
        .values((accounts::user_id.eq(user.as_uuid()), accounts::balance.eq(grant.get())))
        .on_conflict_do_nothing()
        .execute(&mut &*connection)
        .await?;
    if opened == 1 && grant > Credits::ZERO {
        diesel::insert_into(ledger_entries::table)
            .values((
                ledger_entries::user_id.eq(user.as_uuid()),
                ledger_entries::kind.eq(LedgerKind::Reward.as_str()),
                ledger_entries::amount.eq(grant.get()),
                ledger_entries::balance_after.eq(grant.get()),
                ledger_entries::description.eq("sign-up grant"),
            ))
            .execute(&mut &*connection)
            .await?;
    }
    Ok(opened == 1)
}

/// `None` when the user has no account yet.
pub async fn balance(connection: &Connection, user: UserId) -> QueryResult<Option<i64>> {
    accounts::table.find(user.as_uuid()).select(accounts::balance).first(&mut &*connection).await.optional()
}

/// Takes the price of a task out of the balance, and a place in the feed. None when the balance does not suffice, or there is no account, or
/// its user is gone, or somebody else owns it by now. The task itself may follow within the transaction.
pub async fn consume(
    connection: &Connection,
    owner: AccountOwner,
    task: TaskId,
    price: Credits,
) -> QueryResult<Option<FeedPosition>> {
    let payment = Payment {
        generation: owner.generation.stored(),
        ..Payment::new(owner.user_id, LedgerKind::Consume, price, task, "generation")
    };
    Ok(payment.get_result(&mut &*connection).await.optional()?.map(position))
}

/// Gives the price of a task back, and takes a place in the feed. A second time is an error of the unique key, which undoes the whole
/// transaction.
pub async fn refund(connection: &mut Connection, user: UserId, task: TaskId, price: Credits) -> QueryResult<FeedPosition> {
    Payment::new(user, LedgerKind::Refund, price, task, "refund").get_result(connection).await.map(position)
}

/// Takes a place in the feed for a change that costs nothing.
pub async fn advance(connection: &mut Connection, user: UserId) -> QueryResult<FeedPosition> {
    let row: PositionRow = Statement::new("UPDATE accounts SET feed_position = feed_position + 1 WHERE user_id = ")
        .bind::<SqlUuid, _>(user.as_uuid())
        .sql(" RETURNING feed_position")
        .get_result(connection)
        .await?;
    Ok(position(row.feed_position))
}

#[derive(QueryableByName)]
struct PositionRow {
    #[diesel(sql_type = BigInt)]
    feed_position: i64,
}

/// A check of the table keeps it from being negative.
fn position(number: i64) -> FeedPosition {
    FeedPosition::clamped(number.unsigned_abs())
}

/// The change of a balance because of a task, its entry and its place in the feed, in one statement; it changes nothing and returns no row when
/// the balance would be negative, or there is no account, or nothing may be bought from it. Written by hand, because diesel prepares its own updates anew each time.
#[derive(QueryId)]
struct Payment {
    user: Uuid,
    /// Of who buys; 0 for what is given back to whoever owns the account.
    generation: i64,
    kind: &'static str,
    amount: i64,
    task: Uuid,
    description: &'static str,
}

impl Payment {
    fn new(user: UserId, kind: LedgerKind, price: Credits, task: TaskId, description: &'static str) -> Self {
        Self {
            user: user.as_uuid(),
            generation: 0,
            kind: kind.as_str(),
            amount: kind.signed(price),
            task: task.as_uuid(),
            description,
        }
    }
}

impl QueryFragment<Pg> for Payment {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "WITH account AS (UPDATE accounts SET updated_at = now(), feed_position = feed_position + 1, \
             owner_generation = greatest(owner_generation, ",
        );
        out.push_bind_param::<BigInt, _>(&self.generation)?;
        out.push_sql("), balance = balance + ");
        out.push_bind_param::<BigInt, _>(&self.amount)?;
        out.push_sql(" WHERE user_id = ");
        out.push_bind_param::<SqlUuid, _>(&self.user)?;
        out.push_sql(" AND balance + ");
        out.push_bind_param::<BigInt, _>(&self.amount)?;
        out.push_sql(" >= 0 AND ((deleted_at IS NULL AND owner_generation <= ");
        out.push_bind_param::<BigInt, _>(&self.generation)?;
        out.push_sql(") OR ");
        out.push_bind_param::<Text, _>(self.kind)?;
        out.push_sql(
            " <> 'consume') RETURNING user_id, balance, feed_position), entry AS (\
             INSERT INTO ledger_entries (user_id, balance_after, kind, amount, task_id, description) SELECT user_id, balance, ",
        );
        out.push_bind_param::<Text, _>(self.kind)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.amount)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&self.task)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(self.description)?;
        out.push_sql(" FROM account) SELECT feed_position FROM account");
        Ok(())
    }
}

impl Query for Payment {
    type SqlType = BigInt;
}
