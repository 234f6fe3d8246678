//! Present states and feeds for streams: the newer of what is in the table and what this process has heard.
//!
//! Streams do not query: they ask the one [`Reader`], which answers all that asked meanwhile with a query of each kind. So ten thousand
//! clients that come back at the same time cost a few hundred queries on one connection to the database. It runs on the main runtime,
//! where it outlives the streams that asked.

#[cfg(test)]
mod cursors;
mod merge;
mod reader;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout},
};
use zoetrope_domain::{FeedPosition, TaskId, UserId};

pub use self::reader::Reader;
use self::{merge::Merge, reader::Question};
use crate::{
    hub::Hub,
    metrics,
    store::reading::{FeedPlace, Page},
    stream::{Reading, ReadingKind, Scope, Start, Unavailable},
    task::Update,
};

/// Questions that may wait for the reader; more are answered as if the table were away.
const BACKLOG: usize = 4096;
/// What a client waits for the table before its answer comes from memory, or not at all.
const PATIENCE: Duration = Duration::from_secs(2);
/// The table may be some milliseconds behind what was heard. How long it is given to know as much, and when it is asked again first.
const LAG: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(25);

/// Answers what the state of a task, or of a feed, is. Cheap to clone.
#[derive(Clone)]
pub struct States {
    hub: Arc<Hub>,
    questions: mpsc::Sender<Question>,
}

/// What a stream wants to read.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub user: UserId,
    pub scope: Scope,
    pub start: Start,
    /// What it has to contain so that together with what is posted nothing is missing.
    pub must_cover: FeedPosition,
}

/// What a look at a task's state found.
#[derive(Debug, Clone)]
pub enum Found {
    State(Arc<Update>),
    /// The user has no such task.
    Nothing,
    Unavailable,
}

/// What becomes of a page.
#[derive(Debug)]
enum Verdict {
    Good(Reading),
    /// It is behind what this process, or the client, knows: another may not be.
    Late,
    /// It cannot be gone on from where the client stands.
    Anew,
}

/// Whether a feed can be told from where a client stands.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Good,
    /// The client has seen more than is known here: so far, or because the table is older than it was.
    Ahead,
    /// Something that the client has not seen is forgotten, or nobody knows what it has seen.
    Lost,
}

impl States {
    pub fn new(hub: Arc<Hub>) -> (Self, Reader) {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        (Self { hub, questions: sender }, Reader::new(receiver))
    }

    /// The present states of a user's tasks: a finding per task, in their order.
    pub async fn of(&self, user: UserId, tasks: Vec<TaskId>) -> Vec<Found> {
        let wanted = tasks.iter().map(|task| (user, *task)).collect();
        let pages = self.ask(|answer| Question::Tasks(wanted, answer)).await;
        let find = |(index, task): (usize, &TaskId)| {
            // Memory comes second: what was stored before this was heard is older, and the newer one counts.
            let stored = pages.as_ref().map(|pages| pages.get(index).and_then(|page| page.states.first().cloned()));
            merge::newest(stored, self.hub.newest(user, *task))
        };
        tasks.iter().enumerate().map(find).collect()
    }

    /// Reads what a stream begins or goes on with.
    pub async fn read(&self, look: Look) -> Result<Reading, Unavailable> {
        let mut start = look.start;
        let patient_until = Instant::now() + LAG;
        let mut pause = FIRST_PAUSE;
        loop {
            let page = self.page(look, start).await?;
            match self.judge(look, start, page, Instant::now() < patient_until) {
                Verdict::Late => {
                    sleep(pause).await;
                    pause *= 2;
                }
                Verdict::Anew => start = Start::Unknown,
                Verdict::Good(reading) => {
                    metrics::read(reading.kind);
                    return Ok(reading);
                }
            }
        }
    }

    fn judge(&self, look: Look, start: Start, page: Page, is_patient: bool) -> Verdict {
        let is_whole = page.ends_at.is_none();
        let is_anchored = self.hub.anchor(look.user, page.place.frontier);
        let covers = is_whole && is_anchored && page.place.frontier >= look.must_cover;
        let standing = standing(start, page.place, self.hub.top(look.user));
        if is_patient && (standing == Standing::Ahead || is_whole && !covers) {
            return Verdict::Late;
        }
        let is_lost = standing != Standing::Good;
        if is_lost && look.scope == Scope::Everything && start != Start::Unknown {
            return Verdict::Anew;
        }
        let kind = match start {
            Start::Present => ReadingKind::Present,
            Start::After(_) if !is_lost => ReadingKind::Missed,
            Start::After(_) | Start::Unknown => ReadingKind::Resync,
        };
        Verdict::Good(self.reading(look, start, kind, page, covers))
    }

    fn reading(&self, look: Look, start: Start, kind: ReadingKind, page: Page, covers: bool) -> Reading {
        let frontier = page.place.frontier;
        let upto = page.ends_at.map_or(frontier, |end| end.min(frontier));
        let more = page.ends_at.is_some();
        let heard = match look.scope {
            Scope::Everything => self.hub.remembered(look.user),
            Scope::Task(task) => self.hub.newest(look.user, task).into_iter().collect(),
        };
        let states = Merge { scope: look.scope, start, kind, frontier, more }.states(page.states, heard);
        Reading { kind, states, upto, more, covers }
    }

    async fn page(&self, look: Look, start: Start) -> Result<Page, Unavailable> {
        match look.scope {
            Scope::Everything => self.ask(|answer| Question::Feed(look.user, start, answer)).await,
            Scope::Task(task) => {
                let pages = self.ask(|answer| Question::Tasks(vec![(look.user, task)], answer)).await?;
                pages.into_iter().next().ok_or(Unavailable)
            }
        }
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

fn standing(start: Start, place: FeedPlace, heard: FeedPosition) -> Standing {
    match start {
        Start::Present => Standing::Good,
        Start::Unknown => Standing::Lost,
        Start::After(seen) if seen < place.floor => Standing::Lost,
        Start::After(seen) if seen > place.top.max(heard) => Standing::Ahead,
        Start::After(_) => Standing::Good,
    }
}
