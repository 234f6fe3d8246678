//! Present states for connections: the newer of what is in the table and what this process has heard.
//!
//! Connections do not query: they ask the one [`Reader`], which answers all that asked meanwhile with one query. So ten thousand
//! clients that come back at the same time cost a few dozen queries on one connection to the database. It runs on the main runtime,
//! where it outlives the connections that asked.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use zoetrope_domain::{TaskId, UserId};
use zoetrope_postgres::{Database, DatabaseError};

use crate::{
    connection::{Found, Unavailable},
    hub::Hub,
    outage::Outage,
    store::task_states,
    task::{TaskSnapshot, Update},
};

/// Questions that may wait for the reader; more are answered as if the table were away.
const BACKLOG: usize = 4096;
/// Questions that are answered by one query.
const BATCH: usize = 256;
/// What a client waits for the table before its answer comes from memory, or not at all.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers what the state of a task is. Cheap to clone.
#[derive(Clone)]
pub struct States {
    hub: Arc<Hub>,
    questions: mpsc::Sender<Question>,
}

enum Question {
    Tasks(Vec<TaskId>, oneshot::Sender<HashMap<TaskId, TaskSnapshot>>),
    OpenOf(UserId, oneshot::Sender<Vec<TaskSnapshot>>),
}

/// Reads the table for all who ask.
pub struct Reader {
    questions: mpsc::Receiver<Question>,
}

impl States {
    pub fn new(hub: Arc<Hub>) -> (Self, Reader) {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        (Self { hub, questions: sender }, Reader { questions: receiver })
    }

    /// A finding per task, in their order.
    pub async fn of(&self, tasks: &[TaskId]) -> Vec<Found> {
        let stored = self.ask(|answer| Question::Tasks(tasks.to_vec(), answer)).await;
        let find = |task: &TaskId| {
            // Memory comes second: what was stored before this was heard is older, and the newer one counts.
            let from_table = stored.as_ref().map(|stored| stored.get(task).cloned());
            newest(from_table, self.hub.newest(*task))
        };
        tasks.iter().map(find).collect()
    }

    /// The running tasks of a user.
    pub async fn open_of(&self, user: UserId) -> Result<Vec<Arc<Update>>, Unavailable> {
        let stored = self.ask(|answer| Question::OpenOf(user, answer)).await?;
        let newest = |task: TaskSnapshot| match self.hub.newest(task.task_id) {
            Some(heard) if heard.task.version >= task.version => heard,
            Some(_) | None => Arc::new(Update::new(task, None)),
        };
        Ok(stored.into_iter().map(newest).collect())
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question) -> Result<T, Unavailable> {
        let (sender, receiver) = oneshot::channel();
        self.questions.try_send(question(sender)).map_err(|_| Unavailable)?;
        match timeout(PATIENCE, receiver).await {
            Ok(Ok(answer)) => Ok(answer),
            // Too late, or the reader could not read.
            Ok(Err(_)) | Err(_) => Err(Unavailable),
        }
    }
}

fn newest(stored: Result<Option<TaskSnapshot>, &Unavailable>, heard: Option<Arc<Update>>) -> Found {
    match (stored, heard) {
        (Ok(Some(stored)), Some(heard)) if stored.version > heard.task.version => {
            Found::State(Arc::new(Update::new(stored, None)))
        }
        (_, Some(heard)) => Found::State(heard),
        (Ok(Some(stored)), None) => Found::State(Arc::new(Update::new(stored, None))),
        (Ok(None), None) => Found::Nothing,
        (Err(_), None) => Found::Unavailable,
    }
}

impl Reader {
    /// Answers until the process stops.
    pub async fn run(mut self, database: Database, stopping: CancellationToken) -> anyhow::Result<()> {
        let mut outage = Outage::new("read states from the table");
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                received = self.questions.recv_many(&mut batch, BATCH) => if received == 0 {
                    return Ok(());
                },
            }
            // Who has given up needs no answer. Without one, the others hear that the table is away.
            batch.retain(|question| !question.is_abandoned());
            if batch.is_empty() {
                continue;
            }
            match timeout(PATIENCE, answer(&database, std::mem::take(&mut batch))).await {
                Ok(Ok(())) => outage.worked(),
                Ok(Err(error)) => outage.failed(&error),
                Err(elapsed) => outage.failed(&elapsed),
            }
        }
    }
}

/// Dropping a question unanswered says that the table is away.
async fn answer(database: &Database, questions: Vec<Question>) -> Result<(), DatabaseError> {
    let (mut by_task, mut by_user) = (Vec::new(), Vec::new());
    for question in questions {
        match question {
            Question::Tasks(tasks, sender) => by_task.push((tasks, sender)),
            Question::OpenOf(user, sender) => by_user.push((user, sender)),
        }
    }
    let mut connection = database.connection().await?;
    let tasks: HashSet<TaskId> = by_task.iter().flat_map(|(tasks, _)| tasks).copied().collect();
    if !tasks.is_empty() {
        let tasks: Vec<TaskId> = tasks.into_iter().collect();
        let found = task_states::find(&mut connection, &tasks).await?;
        let found: HashMap<TaskId, TaskSnapshot> = found.into_iter().map(|task| (task.task_id, task)).collect();
        for (tasks, sender) in by_task {
            let own = tasks.iter().filter_map(|task| Some((*task, found.get(task)?.clone()))).collect();
            // Who asked may be gone.
            let _ = sender.send(own);
        }
    }

    let users: HashSet<UserId> = by_user.iter().map(|(user, _)| *user).collect();
    if !users.is_empty() {
        let users: Vec<UserId> = users.into_iter().collect();
        let found = task_states::open_of(&mut connection, &users).await?;
        for (user, sender) in by_user {
            let own = found.iter().filter(|task| task.user_id == user).cloned().collect();
            let _ = sender.send(own);
        }
    }
    Ok(())
}

impl Question {
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Tasks(_, sender) => sender.is_closed(),
            Self::OpenOf(_, sender) => sender.is_closed(),
        }
    }
}

#[cfg(test)]
mod tests;
