//! Tells the others of balances that have changed: now and then, the newest of each user, and nothing at the time of the change itself.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use zoetrope_contracts::tasks::v1::{BalancesChanged, balances_changed::Balance};
use zoetrope_outbox::{Relay, enqueue};
use zoetrope_postgres::{Connection, Database, DatabaseError};

use crate::store::balances;

const EVERY: Duration = Duration::from_secs(1);

/// Runs until `stopping`. One replica at a time does it; a database that is away only delays it.
pub async fn run(database: Database, relay: Relay, stopping: CancellationToken) -> anyhow::Result<()> {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // An outage is logged once.
    let mut failing = false;
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        match tell_all(&database, &relay).await {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                tracing::warn!(error = &error as &dyn std::error::Error, "balances wait to be told");
                failing = true;
            }
            Err(_) => {}
        }
    }
    Ok(())
}

async fn tell_all(database: &Database, relay: &Relay) -> Result<(), DatabaseError> {
    while database.transaction("tell_balances", async |connection: &mut Connection| tell(connection).await).await? {
        relay.wake();
    }
    relay.wake();
    Ok(())
}

/// Tells whether there is much more.
async fn tell(connection: &mut Connection) -> Result<bool, DatabaseError> {
    let Some(progress) = balances::begin(connection).await? else { return Ok(false) };
    let changed = balances::changed(connection, &progress).await?;
    let more = balances::go_on(connection, &progress).await?;
    if !changed.is_empty() {
        let told = |balance: balances::Balance| Balance {
            user_id: balance.user.to_string(),
            credits: balance.credits,
            entry: balance.entry,
        };
        enqueue(connection, &BalancesChanged { balances: changed.into_iter().map(told).collect() }).await?;
    }
    Ok(more)
}
