use std::{
    collections::{BTreeMap, HashSet},
    mem,
    sync::Arc,
};

use chrono::Utc;
use tokio::sync::{mpsc, oneshot};
use zoetrope_domain::TaskId;
use zoetrope_postgres::{Database, DatabaseError};
use zoetrope_service::Process;

use crate::{
    mail, metrics,
    store::saving::{self, Hearing, NewState},
    task::TaskSnapshot,
};

/// Most updates that are saved by one statement.
const BATCH: usize = 256;

/// Saves updates in batches: while one statement is under way the next batch gathers, so nothing waits when there is little to do, and
/// thousands of updates a second do not cost as many commits.
#[derive(Clone)]
pub struct Recorder {
    entries: mpsc::Sender<Entry>,
}

/// What was heard of a task.
#[derive(Debug)]
pub struct Heard {
    pub task: TaskSnapshot,
    /// The message that it came in.
    pub payload: Vec<u8>,
    /// As old as what the table has forgotten: its state is not saved, only that it was heard of.
    pub too_old: bool,
}

struct Entry {
    heard: Heard,
    answer: oneshot::Sender<Result<(), RecordError>>,
}

/// An update was not saved. The statement may have held other updates, too.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RecordError {
    #[error("the update was not saved")]
    Database(#[source] Arc<DatabaseError>),
    #[error("the process ends")]
    Ended,
}

impl RecordError {
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Database(error) => error.is_unavailable(),
            Self::Ended => true,
        }
    }
}

impl Recorder {
    /// Starts to save; ends when nobody can send any more.
    pub fn start(process: &Process, database: Database) -> Self {
        let (entries, mut waiting) = mpsc::channel(BATCH);
        process.spawn("recorder", async move {
            let mut batch = Vec::new();
            while waiting.recv_many(&mut batch, BATCH).await > 0 {
                save_all(&database, mem::take(&mut batch)).await;
            }
            Ok(())
        });
        Self { entries }
    }

    /// Returns when the update is saved.
    pub async fn save(&self, heard: Heard) -> Result<(), RecordError> {
        let (answer, saved) = oneshot::channel();
        self.entries.send(Entry { heard, answer }).await.map_err(|_| RecordError::Ended)?;
        saved.await.map_err(|_| RecordError::Ended)?
    }
}

async fn save_all(database: &Database, batch: Vec<Entry>) {
    let (heard, answers): (Vec<Heard>, Vec<_>) = batch.into_iter().map(|entry| (entry.heard, entry.answer)).unzip();
    metrics::saved_together(heard.len());
    let results = match try_save(database, &heard).await {
        Ok(()) => vec![Ok(()); heard.len()],
        Err(error) if heard.len() > 1 && !error.is_unavailable() => {
            // One that Postgres does not take must not cost the others.
            let mut results = Vec::with_capacity(heard.len());
            for alone in &heard {
                results.push(try_save(database, std::slice::from_ref(alone)).await);
            }
            results
        }
        Err(error) => vec![Err(error); heard.len()],
    };
    for (answer, result) in answers.into_iter().zip(results) {
        // Whoever asked may have been cut off.
        let _ = answer.send(result);
    }
}

async fn try_save(database: &Database, heard: &[Heard]) -> Result<(), RecordError> {
    let (states, hearings) = (newest(heard), hearings(heard));
    let news = save(database, &states, &hearings).await.map_err(|error| RecordError::Database(Arc::new(error)))?;
    let now = Utc::now();
    for state in states.iter().filter(|state| news.contains(&state.task.task_id)) {
        metrics::fed(state.task.updated_at, now);
    }
    Ok(())
}

/// Each statement alone does no harm twice: they need no transaction around them.
async fn save(database: &Database, states: &[NewState<'_>], hearings: &[Hearing]) -> Result<HashSet<TaskId>, DatabaseError> {
    let mut connection = database.connection().await?;
    let news = saving::save(&mut connection, states, hearings).await?;
    // Also for what is saved already: the delivery before this one may have come no further.
    for state in states {
        mail::tell_ready(&mut connection, state.task).await?;
    }
    Ok(news)
}

/// The newest state of each task, in the order of their ids.
fn newest(heard: &[Heard]) -> Vec<NewState<'_>> {
    let mut newest: BTreeMap<TaskId, NewState<'_>> = BTreeMap::new();
    for Heard { task, payload, too_old: _ } in heard.iter().filter(|heard| !heard.too_old) {
        let state = NewState { task, payload };
        let known = newest.entry(task.task_id).or_insert(state);
        if task.version > known.task.version {
            *known = state;
        }
    }
    newest.into_values().collect()
}

/// Every place that was heard of, whatever came after it.
fn hearings(heard: &[Heard]) -> Vec<Hearing> {
    let of = |heard: &Heard| Hearing { user: heard.task.user_id, position: heard.task.position, forgotten: heard.too_old };
    heard.iter().map(of).filter(|hearing| hearing.position.is_known()).collect()
}

#[cfg(test)]
mod tests {
    use zoetrope_domain::FeedPosition;

    use super::*;
    use crate::fixtures::{completed, processing, task_id, user_id};

    fn heard(update: &crate::task::Update, position: u64) -> Heard {
        let task = TaskSnapshot { position: FeedPosition::clamped(position), ..update.task.clone() };
        Heard { task, payload: Vec::new(), too_old: false }
    }

    #[test]
    fn of_each_task_the_newest_is_saved_and_every_place_counts() {
        let mut batch = vec![
            heard(&processing(2, 3, 20), 4),
            heard(&completed(1, 9), 7),
            heard(&processing(2, 4, 30), 6),
            heard(&processing(2, 2, 10), 3),
            heard(&processing(3, 2, 10), 0),
            heard(&completed(1, 9), 7),
        ];
        batch.push(Heard { too_old: true, ..heard(&completed(4, 5), 2) });
        let states: Vec<_> = newest(&batch).iter().map(|state| (state.task.task_id, state.task.version)).collect();
        assert_eq!(states, [(task_id(1), 9), (task_id(2), 4), (task_id(3), 2)]);
        let places = hearings(&batch);
        assert!(places.iter().all(|hearing| hearing.user == user_id(1)));
        let places: Vec<_> = places.iter().map(|hearing| (hearing.position.get(), hearing.forgotten)).collect();
        assert_eq!(places, [(4, false), (7, false), (6, false), (3, false), (7, false), (2, true)]);
    }
}
