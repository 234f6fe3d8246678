use anyhow::{Result, ensure};
use tokio_postgres::Client;
use zoetrope_testing::{Platform, User};

use super::Options;

/// Enough for any number of tasks.
const BALANCE: i64 = 1_000_000_000_000;

/// Who pays: users for the clients of the service, and as many that only pgbench knows.
#[derive(Debug)]
pub struct Accounts {
    /// Tokens of each client's users.
    pub tokens: Vec<Vec<String>>,
    /// For a single create.
    pub one: User,
}

impl Accounts {
    /// Registers the users, and opens accounts by number for pgbench, which can make up no other ids.
    pub async fn open(platform: &Platform, database: &Client, options: &Options) -> Result<Self> {
        let mut tokens = Vec::new();
        for _ in 0..options.clients {
            let mut of_client = Vec::new();
            for _ in 0..options.users {
                let user = platform.user().await?;
                // An account is opened with the first task at the latest.
                user.create("the first").await?;
                of_client.push(user.token().to_owned());
            }
            tokens.push(of_client);
        }
        let one = platform.user().await?;
        let users = i32::from(options.clients) * i32::from(options.users);
        let opened = database
            .execute(
                "INSERT INTO tasks.accounts (user_id, balance) SELECT lpad(to_hex(n), 32, '0')::uuid, $1
                 FROM generate_series(0, $2 - 1) AS n",
                &[&BALANCE, &users],
            )
            .await?;
        ensure!(opened == u64::try_from(users)?, "not all accounts were opened");
        Ok(Self { tokens, one })
    }

    /// Takes back all tasks and payments, so that every run begins with the same tables.
    pub async fn reset(database: &Client) -> Result<()> {
        database
            .batch_execute("TRUNCATE tasks.tasks, tasks.ledger_entries, tasks.idempotency_keys, tasks.followed_requests, tasks.outbox, tasks.inbox")
            .await?;
        database.execute("UPDATE tasks.accounts SET balance = $1", &[&BALANCE]).await?;
        // None of these can be run with something else in one transaction.
        database.batch_execute("VACUUM FULL tasks.accounts").await?;
        database.batch_execute("VACUUM ANALYZE tasks.accounts").await?;
        database.batch_execute("CHECKPOINT").await?;
        Ok(())
    }
}
