use chrono::{TimeDelta, Utc};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use zoetrope_domain::{FeedPosition, TaskId, UserId};
use zoetrope_postgres::{Database, DatabaseError};

use super::PATIENCE;
use crate::{
    outage::Outage,
    store::reading::{self, Page},
    stream::Start,
};

/// Questions that are answered by one query.
const BATCH: usize = 256;
/// What a client that must begin anew is told of tasks that have ended.
const LATELY: TimeDelta = TimeDelta::hours(24);

/// What a stream wants to know.
pub enum Question {
    /// A page for each task.
    Tasks(Vec<(UserId, TaskId)>, oneshot::Sender<Vec<Page>>),
    Feed(UserId, Start, oneshot::Sender<Page>),
}

/// Reads the table for all who ask.
pub struct Reader {
    pub(super) questions: mpsc::Receiver<Question>,
}

/// Who asked for that many tasks.
type AskedForTasks = (usize, oneshot::Sender<Vec<Page>>);

/// Questions of one kind, and who asked them.
struct Batch<W, A> {
    wanted: Vec<W>,
    answers: Vec<A>,
}

impl Reader {
    pub(super) fn new(questions: mpsc::Receiver<Question>) -> Self {
        Self { questions }
    }

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
    let mut tasks: Batch<(UserId, TaskId), AskedForTasks> = Batch::default();
    let mut after: Batch<(UserId, FeedPosition), oneshot::Sender<Page>> = Batch::default();
    let mut present: Batch<(UserId, bool), oneshot::Sender<Page>> = Batch::default();
    for question in questions {
        match question {
            Question::Tasks(wanted, sender) => {
                tasks.answers.push((wanted.len(), sender));
                tasks.wanted.extend(wanted);
            }
            Question::Feed(user, Start::After(seen), sender) => after.push((user, seen), sender),
            Question::Feed(user, start, sender) => present.push((user, start == Start::Unknown), sender),
        }
    }

    // Who asked may be gone, in each of these cases.
    let mut connection = database.connection().await?;
    if !tasks.wanted.is_empty() {
        let mut pages = reading::of_tasks(&mut connection, &tasks.wanted).await?.into_iter();
        for (count, sender) in tasks.answers {
            let _ = sender.send(pages.by_ref().take(count).collect());
        }
    }
    if !after.wanted.is_empty() {
        let pages = reading::after(&mut connection, &after.wanted).await?;
        for (page, sender) in pages.into_iter().zip(after.answers) {
            let _ = sender.send(page);
        }
    }
    if !present.wanted.is_empty() {
        let pages = reading::present(&mut connection, &present.wanted, Utc::now() - LATELY).await?;
        for (page, sender) in pages.into_iter().zip(present.answers) {
            let _ = sender.send(page);
        }
    }
    Ok(())
}

impl Question {
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Tasks(_, sender) => sender.is_closed(),
            Self::Feed(_, _, sender) => sender.is_closed(),
        }
    }
}

impl<W, A> Batch<W, A> {
    fn push(&mut self, wanted: W, answer: A) {
        self.wanted.push(wanted);
        self.answers.push(answer);
    }
}

impl<W, A> Default for Batch<W, A> {
    fn default() -> Self {
        Self { wanted: Vec::new(), answers: Vec::new() }
    }
}
