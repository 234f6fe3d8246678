//! Announces the revocations that Redis did not take.
//!
//! Every replica does it; doing it twice is harmless.

use std::time::Duration;

use anyhow::Context;
use chrono::Utc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use zoetrope_postgres::Database;
use zoetrope_tokens::Revocations;

use crate::store::sessions;

const ANNOUNCE_EVERY: Duration = Duration::from_secs(2);
const ANNOUNCE_AT_ONCE: i64 = 500;

/// Runs until `stopping`. Servers that are away only delay it.
pub async fn run(database: Database, revocations: Revocations, stopping: CancellationToken) -> anyhow::Result<()> {
    let mut ticks = interval(ANNOUNCE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // An outage is logged once.
    let mut waiting = false;
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        match announce(&database, &revocations).await {
            Ok(()) => waiting = false,
            Err(error) if !waiting => {
                tracing::warn!(error = format!("{error:#}"), "revocations wait to be announced");
                waiting = true;
            }
            Err(_) => {}
        }
    }
    Ok(())
}

/// Brings to Redis what a sign-out could not.
async fn announce(database: &Database, revocations: &Revocations) -> anyhow::Result<()> {
    let now = Utc::now();
    let mut connection = database.connection().await?;
    let waiting = sessions::unannounced(&mut connection, now, ANNOUNCE_AT_ONCE).await?;
    // Redis may be slow, and others wait for connections.
    drop(connection);
    if waiting.is_empty() {
        return Ok(());
    }
    for session in &waiting {
        revocations.revoke(session.id, session.tokens_live_for(now)).await.context("Redis is away")?;
    }
    let announced: Vec<_> = waiting.iter().map(|session| session.id).collect();
    sessions::mark_announced(&mut *database.connection().await?, &announced, now).await?;
    Ok(())
}
