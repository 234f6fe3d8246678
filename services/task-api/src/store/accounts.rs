//! Balances and the ledger that explains them. Every change of a balance writes its entry in the same transaction.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, dsl::now};
use diesel_async::RunQueryDsl;
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
        let entry = Entry { user, kind: LedgerKind::Reward, amount: grant, task: None, description: "sign-up grant" };
        enter(connection, entry, grant.get()).await?;
    }
    Ok(opened == 1)
}

/// `None` when the user has no account yet.
pub async fn balance(connection: &mut Connection, user: UserId) -> QueryResult<Option<i64>> {
    accounts::table.find(user.as_uuid()).select(accounts::balance).first(connection).await.optional()
}

/// Takes the price of a task out of the balance, if it suffices; tells whether it did. The task itself may follow within the transaction.
pub async fn consume(connection: &mut Connection, user: UserId, task: TaskId, price: Credits) -> QueryResult<bool> {
    let balance_after: Option<i64> = diesel::update(accounts::table.find(user.as_uuid()))
        .filter(accounts::balance.ge(price.get()))
        .set((accounts::balance.eq(accounts::balance - price.get()), accounts::updated_at.eq(now)))
        .returning(accounts::balance)
        .get_result(connection)
        .await
        .optional()?;
    let Some(balance_after) = balance_after else { return Ok(false) };
    let entry = Entry { user, kind: LedgerKind::Consume, amount: price, task: Some(task), description: "generation" };
    enter(connection, entry, balance_after).await?;
    Ok(true)
}

/// Gives the price of a task back. A second time is an error of the unique key, which undoes the whole transaction.
pub async fn refund(connection: &mut Connection, user: UserId, task: TaskId, price: Credits) -> QueryResult<()> {
    let balance_after = diesel::update(accounts::table.find(user.as_uuid()))
        .set((accounts::balance.eq(accounts::balance + price.get()), accounts::updated_at.eq(now)))
        .returning(accounts::balance)
        .get_result(connection)
        .await?;
    let entry = Entry { user, kind: LedgerKind::Refund, amount: price, task: Some(task), description: "refund" };
    enter(connection, entry, balance_after).await
}

struct Entry {
    user: UserId,
    kind: LedgerKind,
    amount: Credits,
    task: Option<TaskId>,
    description: &'static str,
}

async fn enter(connection: &mut Connection, entry: Entry, balance_after: i64) -> QueryResult<()> {
    diesel::insert_into(ledger_entries::table)
        .values((
            ledger_entries::user_id.eq(entry.user.as_uuid()),
            ledger_entries::kind.eq(entry.kind.as_str()),
            ledger_entries::amount.eq(entry.kind.signed(entry.amount)),
            ledger_entries::balance_after.eq(balance_after),
            ledger_entries::task_id.eq(entry.task.map(TaskId::as_uuid)),
            ledger_entries::description.eq(entry.description),
        ))
        .execute(connection)
        .await?;
    Ok(())
}
