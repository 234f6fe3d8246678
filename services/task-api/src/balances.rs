//! Tells the others of balances that have changed: now and then, the newest of each user, and nothing at the time of the change itself. And
//! what each new user is given, so that they show it before they hear of the user's balance.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use zoetrope_contracts::tasks::v1::{BalancesChanged, balances_changed::Balance};
use zoetrope_domain::Credits;
use zoetrope_outbox::{Relay, enqueue};
use zoetrope_postgres::{Connection, Database, DatabaseError};

use crate::store::balances;

const EVERY: Duration = Duration::from_secs(1);

/// Runs until `stopping`. One replica at a time does it; a database that is away only delays it.
pub async fn run(database: Database, relay: Relay, signup_grant: Credits, stopping: CancellationToken) -> anyhow::Result<()> {
    let mut is_grant_told = false;
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // An outage is logged once.
    let mut failing = false;
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        let told = async {
            if !is_grant_told {
                tell_grant(&database, &relay, signup_grant).await?;
                is_grant_told = true;
            }
            tell_all(&database, &relay, signup_grant).await
        };
        match told.await {
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

async fn tell_grant(database: &Database, relay: &Relay, signup_grant: Credits) -> Result<(), DatabaseError> {
    let told = BalancesChanged { balances: Vec::new(), signup_grant: Some(signup_grant.get()) };
    let tell = database.transaction("tell_signup_grant", async |connection: &mut Connection| {
        enqueue(connection, &told).await.map_err(DatabaseError::from)
    });
    tell.await?;
    relay.wake();
    Ok(())
}

async fn tell_all(database: &Database, relay: &Relay, signup_grant: Credits) -> Result<(), DatabaseError> {
    while database.transaction("tell_balances", async |connection: &mut Connection| tell(connection, signup_grant).await).await? {
        relay.wake();
    }
    relay.wake();
    Ok(())
}

/// Tells whether there is much more. What new users are given goes along each time: what was told at the start may have been lost, as when an
/// earlier version of a service took it that did not know of it.
async fn tell(connection: &mut Connection, signup_grant: Credits) -> Result<bool, DatabaseError> {
    let Some(progress) = balances::begin(connection).await? else { return Ok(false) };
    let changed = balances::changed(connection, &progress).await?;
    let more = balances::go_on(connection, &progress).await?;
    if !changed.is_empty() {
        let told = |balance: balances::Balance| Balance {
            user_id: balance.user.to_string(),
            credits: balance.credits,
            entry: balance.entry,
        };
        let balances = changed.into_iter().map(told).collect();
        enqueue(connection, &BalancesChanged { balances, signup_grant: Some(signup_grant.get()) }).await?;
    }
    Ok(more)
}
