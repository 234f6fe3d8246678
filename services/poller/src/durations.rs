//! How long each model usually takes, as its last jobs showed. All replicas learn it from the same table.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use zoetrope_postgres::Database;

use crate::{error::StoreError, store};

const INTERVAL: Duration = Duration::from_secs(30);
/// Jobs that ended last, of all models, from which the times are taken.
const SAMPLE: u32 = 2_000;

/// By provider and public model name.
#[derive(Debug, Default)]
pub(crate) struct Durations(RwLock<HashMap<String, HashMap<String, Duration>>>);

impl Durations {
    /// `None` while nothing was observed.
    pub(crate) fn typical(&self, provider: &str, model: &str) -> Option<Duration> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(provider)?.get(model).copied()
    }

    async fn learn(&self, database: &Database) -> Result<(), StoreError> {
        let observed = store::observed(&mut *database.connection().await?, SAMPLE).await?;
        let mut learnt: HashMap<String, HashMap<String, Duration>> = HashMap::new();
        for model in observed {
            learnt.entry(model.provider).or_default().insert(model.model, model.duration);
        }
        // A model that nobody has used lately keeps what was known of it.
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (provider, models) in learnt {
            known.entry(provider).or_default().extend(models);
        }
        Ok(())
    }
}

/// Keeps the times up to date until the process stops.
pub(crate) async fn run(durations: Arc<Durations>, database: Database, stopping: CancellationToken) -> anyhow::Result<()> {
    while !stopping.is_cancelled() {
        if let Err(error) = durations.learn(&database).await {
            // What was known stands meanwhile.
            tracing::debug!(error = &error as &dyn std::error::Error, "the times of models were not read");
        }
        stopping.run_until_cancelled(sleep(INTERVAL)).await;
    }
    Ok(())
}
