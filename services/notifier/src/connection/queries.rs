use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use zoetrope_domain::TaskId;

use crate::frames::FrameId;

/// How long requests wait behind a look at the states. It takes milliseconds; when the database is away the others go on.
const PATIENCE: Duration = Duration::from_millis(500);

/// Tells the looks of a connection apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QueryNumber(u64);

/// A look that is under way.
#[derive(Debug)]
pub struct Query {
    pub tasks: Vec<TaskId>,
    pub purpose: Purpose,
    /// Requests behind it wait until then.
    blocks_until: Option<Instant>,
}

#[derive(Debug)]
pub enum Purpose {
    /// For the waiting subscriptions to these tasks.
    Subscribe,
    /// For the request with this id.
    Status(Option<FrameId>),
}

/// The looks that are under way.
#[derive(Debug, Default)]
pub struct Queries {
    next: u64,
    open: HashMap<QueryNumber, Query>,
}

impl Queries {
    /// A look that a request asked for: later requests wait for it, as long as it is quick.
    pub fn ask(&mut self, tasks: Vec<TaskId>, purpose: Purpose, now: Instant) -> QueryNumber {
        self.insert(Query { tasks, purpose, blocks_until: Some(now + PATIENCE) })
    }

    /// A look that nobody asked for just now.
    pub fn ask_again(&mut self, tasks: Vec<TaskId>) -> QueryNumber {
        self.insert(Query { tasks, purpose: Purpose::Subscribe, blocks_until: None })
    }

    fn insert(&mut self, query: Query) -> QueryNumber {
        self.next += 1;
        let number = QueryNumber(self.next);
        self.open.insert(number, query);
        number
    }

    pub fn answered(&mut self, number: QueryNumber) -> Option<Query> {
        self.open.remove(&number)
    }

    /// Until when requests have to wait, if they have to.
    pub fn blocked_until(&self, now: Instant) -> Option<Instant> {
        self.open.values().filter_map(|query| query.blocks_until).filter(|until| *until > now).max()
    }
}
