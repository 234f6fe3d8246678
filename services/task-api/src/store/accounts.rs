//! Balances and the ledger that explains them. Every change of a balance writes its entry in the same transaction.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult,
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    result::Error,
    sql_types::{BigInt, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zoetrope_domain::{Credits, LedgerKind, TaskId, UserId};
use zoetrope_postgres::Connection;

use super::schema::{accounts, ledger_entries};

/// Opens a user's account with a grant. Does nothing when there is one already; tells whether it did something.
pub async fn open(connection: &mut Connection, user: UserId, grant: Credits) -> QueryResult<bool> {
    let opened = diesel::insert_into(accounts::table)
        .values((accounts::user_id.eq(user.as_uuid()), accounts::balance.eq(grant.get())))
        .on_conflict_do_nothing()
        .execute(connection)
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
            .execute(connection)
            .await?;
    }
    Ok(opened == 1)
}

/// `None` when the user has no account yet.
pub async fn balance(connection: &mut Connection, user: UserId) -> QueryResult<Option<i64>> {
    accounts::table.find(user.as_uuid()).select(accounts::balance).first(connection).await.optional()
}

/// Takes the price of a task out of the balance, if it suffices; tells whether it did. The task itself may follow within the transaction.
pub async fn consume(connection: &mut Connection, user: UserId, task: TaskId, price: Credits) -> QueryResult<bool> {
    let payment = Payment::new(user, LedgerKind::Consume, price, task, "generation");
    Ok(payment.execute(connection).await? == 1)
}

/// Gives the price of a task back. A second time is an error of the unique key, which undoes the whole transaction.
pub async fn refund(connection: &mut Connection, user: UserId, task: TaskId, price: Credits) -> QueryResult<()> {
    let payment = Payment::new(user, LedgerKind::Refund, price, task, "refund");
    if payment.execute(connection).await? == 1 { Ok(()) } else { Err(Error::NotFound) }
}

/// The change of a balance because of a task, and its entry, in one statement; it changes nothing when the balance would be negative or
/// there is no account. Written by hand, because diesel prepares its own updates anew each time.
#[derive(QueryId)]
struct Payment {
    user: Uuid,
    kind: &'static str,
    amount: i64,
    task: Uuid,
    description: &'static str,
}

impl Payment {
    fn new(user: UserId, kind: LedgerKind, price: Credits, task: TaskId, description: &'static str) -> Self {
        Self { user: user.as_uuid(), kind: kind.as_str(), amount: kind.signed(price), task: task.as_uuid(), description }
    }
}

impl QueryFragment<Pg> for Payment {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH account AS (UPDATE accounts SET updated_at = now(), balance = balance + ");
        out.push_bind_param::<BigInt, _>(&self.amount)?;
        out.push_sql(" WHERE user_id = ");
        out.push_bind_param::<SqlUuid, _>(&self.user)?;
        out.push_sql(" AND balance + ");
        out.push_bind_param::<BigInt, _>(&self.amount)?;
        out.push_sql(
            " >= 0 RETURNING user_id, balance) \
             INSERT INTO ledger_entries (user_id, balance_after, kind, amount, task_id, description) SELECT user_id, balance, ",
        );
        out.push_bind_param::<Text, _>(self.kind)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.amount)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&self.task)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(self.description)?;
        out.push_sql(" FROM account");
        Ok(())
    }
}
