use std::{mem, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};
use zoetrope_postgres::Database;
use zoetrope_service::Process;

use crate::{
    error::StoreError,
    store::{self, Record},
};

/// Most steps that are recorded in one transaction.
const BATCH: usize = 256;
/// From one transaction to the next. Without it the next would begin with the few steps that came during the last, and a commit costs
/// nearly the same for few as for many.
const BETWEEN_BATCHES: Duration = Duration::from_millis(10);

/// Records steps in batches: while one transaction is under way, and for a moment after it, the next batch gathers. So nothing waits when
/// there is little to do, and a thousand polls a second do not cost a thousand commits.
#[derive(Clone)]
pub(crate) struct Recorder {
    entries: mpsc::Sender<Entry>,
}

struct Entry {
    record: Record,
    answer: oneshot::Sender<Result<bool, RecordError>>,
}

/// A step was not recorded. The transaction may have held other steps, too.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("the step was not recorded")]
    Store(#[source] Arc<StoreError>),
    #[error("the process ends")]
    Ended,
}

impl RecordError {
    pub(crate) fn is_unavailable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_unavailable(),
            Self::Ended => false,
        }
    }
}

impl Recorder {
    /// Starts to record; ends when nobody can send any more.
    pub(crate) fn start(process: &Process, database: Database) -> Self {
        let (entries, mut waiting) = mpsc::channel(BATCH);
        process.spawn("recorder", async move {
            let mut batch = Vec::new();
            let mut next = Instant::now();
            while waiting.recv_many(&mut batch, BATCH).await > 0 {
                sleep_until(next).await;
                while batch.len() < BATCH
                    && let Ok(entry) = waiting.try_recv()
                {
                    batch.push(entry);
                }
                next = Instant::now() + BETWEEN_BATCHES;
                record_all(&database, mem::take(&mut batch)).await;
            }
            Ok(())
        });
        Self { entries }
    }

    /// Records a step. False: the lease is lost, and nothing was recorded.
    pub(super) async fn record(&self, record: Record) -> Result<bool, RecordError> {
        let (answer, recorded) = oneshot::channel();
        self.entries.send(Entry { record, answer }).await.map_err(|_| RecordError::Ended)?;
        recorded.await.map_err(|_| RecordError::Ended)?
    }
}

async fn record_all(database: &Database, batch: Vec<Entry>) {
    let (records, answers): (Vec<Record>, Vec<_>) = batch.into_iter().map(|entry| (entry.record, entry.answer)).unzip();
    metrics::histogram!("zoetrope_poller_recorded_together").record(u32::try_from(records.len()).unwrap_or(u32::MAX));
    let results = match try_record(database, &records).await {
        Ok(results) => results.into_iter().map(Ok).collect(),
        Err(error) if records.len() > 1 && !error.is_unavailable() => {
            // One that Postgres does not take must not cost the others.
            let mut results = Vec::with_capacity(records.len());
            for record in &records {
                let alone = try_record(database, std::slice::from_ref(record)).await;
                results.push(alone.map(|recorded| recorded.contains(&true)));
            }
            results
        }
        Err(error) => vec![Err(error); records.len()],
    };
    for (answer, result) in answers.into_iter().zip(results) {
        // Whoever asked may have been cut off.
        let _ = answer.send(result);
    }
}

/// For each record, whether its lease was not lost.
async fn try_record(database: &Database, records: &[Record]) -> Result<Vec<bool>, RecordError> {
    let recorded: Result<_, StoreError> =
        database.transaction("record_steps", async |conn| Ok(store::record(conn, records).await?)).await;
    recorded.map_err(|error| RecordError::Store(Arc::new(error)))
}
