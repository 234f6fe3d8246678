//! The invariants that must hold in any database of tasks, whatever was killed on the way.

use anyhow::{Result, ensure};
use tokio_postgres::Client;

/// Each of these finds breaches; a sound database yields no row.
const BREACHES: [(&str, &str); 6] = [
    (
        "balances that are not the sum of their ledger",
        "SELECT a.user_id::text FROM tasks.accounts a
           LEFT JOIN (SELECT user_id, sum(amount) AS total FROM tasks.ledger_entries GROUP BY user_id) l USING (user_id)
          WHERE a.balance IS DISTINCT FROM coalesce(l.total, 0)",
    ),
    ("negative balances", "SELECT user_id::text FROM tasks.accounts WHERE balance < 0"),
    (
        "tasks not charged exactly once",
        "SELECT t.id::text FROM tasks.tasks t
           LEFT JOIN tasks.ledger_entries l ON l.task_id = t.id AND l.kind = 'consume'
          GROUP BY t.id, t.price HAVING count(l.id) <> 1 OR sum(l.amount) <> -t.price",
    ),
    (
        "failed or cancelled tasks not refunded exactly once",
        "SELECT t.id::text FROM tasks.tasks t
           LEFT JOIN tasks.ledger_entries l ON l.task_id = t.id AND l.kind = 'refund'
          WHERE t.status IN ('failed', 'cancelled')
          GROUP BY t.id, t.price HAVING count(l.id) <> 1 OR sum(l.amount) <> t.price",
    ),
    (
        "refunds of tasks that did not fail",
        "SELECT t.id::text FROM tasks.tasks t JOIN tasks.ledger_entries l ON l.task_id = t.id AND l.kind = 'refund'
          WHERE t.status NOT IN ('failed', 'cancelled')",
    ),
    (
        "credits spent or refunded without a task",
        "SELECT l.id::text FROM tasks.ledger_entries l LEFT JOIN tasks.tasks t ON t.id = l.task_id
          WHERE l.kind IN ('consume', 'refund') AND t.id IS NULL",
    ),
];

/// Fails with the name of the broken invariant and the rows that break it.
pub async fn check(database: &Client) -> Result<()> {
    for (breach, query) in BREACHES {
        let rows = database.query(query, &[]).await?;
        let ids: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        ensure!(ids.is_empty(), "{breach}: {}", ids.join(", "));
    }
    Ok(())
}

/// How many tasks have not ended.
pub async fn unfinished(database: &Client) -> Result<i64> {
    let row = database
        .query_one("SELECT count(*) FROM tasks.tasks WHERE status NOT IN ('completed', 'failed', 'cancelled')", &[])
        .await?;
    Ok(row.get(0))
}
