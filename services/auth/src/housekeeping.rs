//! Brings to Redis what it has not taken yet, or has lost: sessions that ended, and API keys.
//!
//! Every replica does it; doing it twice is harmless.

use std::time::Duration;

use anyhow::Context;
use chrono::Utc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use zoetrope_domain::ApiKeyId;
use zoetrope_postgres::Database;
use zoetrope_tokens::Access;

use crate::store::{
    api_keys::{self, Standing},
    sessions,
};

const ANNOUNCE_EVERY: Duration = Duration::from_secs(1);
const ANNOUNCE_AT_ONCE: i64 = 500;

/// Runs until `stopping`. Servers that are away only delay it.
pub async fn run(database: Database, access: Access, stopping: CancellationToken) -> anyhow::Result<()> {
    let mut ticks = interval(ANNOUNCE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // An outage is logged once.
    let mut waiting = false;
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        match keep(&database, &access).await {
            Ok(()) => waiting = false,
            Err(error) if !waiting => {
                tracing::warn!(error = format!("{error:#}"), "what ended and API keys wait to be announced");
                waiting = true;
            }
            Err(_) => {}
        }
    }
    Ok(())
}

async fn keep(database: &Database, access: &Access) -> anyhow::Result<()> {
    announce_sessions(database, access).await?;
    announce_keys(database, access).await?;
    if access.keys_are_published().await == Some(false) {
        publish_all(database, access).await?;
    }
    Ok(())
}

/// Tells whether there was anything to announce.
async fn announce_sessions(database: &Database, access: &Access) -> anyhow::Result<bool> {
    let now = Utc::now();
    let mut connection = database.connection().await?;
    let waiting = sessions::unannounced(&mut connection, now, ANNOUNCE_AT_ONCE).await?;
    // Redis may be slow, and others wait for connections.
    drop(connection);
    if waiting.is_empty() {
        return Ok(false);
    }
    for session in &waiting {
        access.revoke_session(session.id, session.tokens_live_for(now)).await.context("Redis is away")?;
    }
    let announced: Vec<_> = waiting.iter().map(|session| session.id).collect();
    sessions::mark_announced(&mut *database.connection().await?, &announced, now).await?;
    Ok(true)
}

async fn announce_keys(database: &Database, access: &Access) -> anyhow::Result<()> {
    let mut connection = database.connection().await?;
    let waiting = api_keys::unannounced(&mut connection, ANNOUNCE_AT_ONCE).await?;
    drop(connection);
    for (key, standing) in &waiting {
        announce_key(access, *key, standing).await?;
    }
    if !waiting.is_empty() {
        let mut connection = database.connection().await?;
        for (key, standing) in &waiting {
            api_keys::mark_announced(&mut connection, *key, standing, Utc::now()).await?;
        }
    }
    Ok(())
}

async fn announce_key(access: &Access, key: ApiKeyId, standing: &Standing) -> anyhow::Result<()> {
    match standing {
        Standing::Good(published) => access.publish_key(key, published).await.context("Redis is away"),
        Standing::Revoked => access.revoke_key(key).await.context("Redis is away"),
    }
}

/// Redis is new, or has lost what it held. Until all keys are there, the services say of a key that they do not find that they cannot tell.
async fn publish_all(database: &Database, access: &Access) -> anyhow::Result<()> {
    let mut last = ApiKeyId::new(Uuid::nil());
    loop {
        let batch = api_keys::good_ones_after(&mut *database.connection().await?, last, Utc::now(), ANNOUNCE_AT_ONCE).await?;
        let Some((newest, _)) = batch.last() else { break };
        last = *newest;
        for (key, standing) in &batch {
            announce_key(access, *key, standing).await?;
        }
    }
    sessions::forget_announcements(&mut *database.connection().await?, Utc::now()).await?;
    while announce_sessions(database, access).await? {}
    access.mark_keys_published().await.context("Redis is away")?;
    tracing::info!("Redis holds all API keys and all sessions that have ended");
    Ok(())
}
