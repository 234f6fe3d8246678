//! Writes down when sessions and API keys were last used, in batches.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use zoetrope_postgres::{Database, DatabaseError};
use zoetrope_tokens::{Access, Credential};

use crate::store::{api_keys, sessions};

const WRITE_EVERY: Duration = Duration::from_secs(5);
/// While Postgres is away. More is forgotten: it is for the eyes of users.
const MOST_WAITING: usize = 100_000;

/// Runs until `stopping`. Any number of replicas share the work.
pub async fn run(database: Database, access: Access, stopping: CancellationToken) -> anyhow::Result<()> {
    let mut ticks = interval(WRITE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waiting: HashMap<Credential, DateTime<Utc>> = HashMap::new();
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        waiting.extend(access.take_uses().await);
        match write(&database, &waiting).await {
            Ok(()) => waiting.clear(),
            Err(error) if waiting.len() > MOST_WAITING => {
                tracing::warn!(error = &error as &dyn std::error::Error, "last uses are forgotten");
                waiting.clear();
            }
            Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "last uses wait to be written"),
        }
    }
    Ok(())
}

async fn write(database: &Database, uses: &HashMap<Credential, DateTime<Utc>>) -> Result<(), DatabaseError> {
    let (mut of_sessions, mut of_keys) = (Vec::new(), Vec::new());
    for (credential, used_at) in uses {
        match credential {
            Credential::Session(session) => of_sessions.push((*session, *used_at)),
            Credential::ApiKey(key) => of_keys.push((*key, *used_at)),
        }
    }
    if uses.is_empty() {
        return Ok(());
    }
    let mut connection = database.connection().await?;
    sessions::note_uses(&mut connection, &of_sessions).await?;
    api_keys::note_uses(&mut connection, &of_keys).await
}
