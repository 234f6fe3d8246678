use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use zoetrope_domain::TaskId;

use crate::{frames::FrameId, stream::Scope};

/// How long requests wait behind a look at the states. It takes milliseconds; when the database is away the others go on.
const PATIENCE: Duration = Duration::from_millis(500);

/// Tells the looks of a connection apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QueryNumber(u64);

/// What a look is for.
#[derive(Debug)]
pub enum Purpose {
    /// What is followed.
    Read(Scope),
    /// For the request with this id, about these tasks.
    Status(Option<FrameId>, Vec<TaskId>),
}

/// The looks that are under way.
#[derive(Debug, Default)]
pub struct Queries {
    next: u64,
    open: HashMap<QueryNumber, Query>,
}

#[derive(Debug)]
struct Query {
    purpose: Purpose,
    /// Requests behind it wait until then.
    blocks_until: Option<Instant>,
}

impl Queries {
    /// A look that a request asked for: later requests wait for it, as long as it is quick.
    pub fn ask(&mut self, purpose: Purpose, now: Instant) -> QueryNumber {
        self.insert(Query { purpose, blocks_until: Some(now + PATIENCE) })
    }

    /// A look that nobody asked for just now.
    pub fn ask_again(&mut self, purpose: Purpose) -> QueryNumber {
        self.insert(Query { purpose, blocks_until: None })
    }

    fn insert(&mut self, query: Query) -> QueryNumber {
        self.next += 1;
        let number = QueryNumber(self.next);
        self.open.insert(number, query);
        number
    }

    pub fn answered(&mut self, number: QueryNumber) -> Option<Purpose> {
        self.open.remove(&number).map(|query| query.purpose)
    }

    /// What was asked for this is of no use any more.
    pub fn give_up(&mut self, scope: Scope) {
        self.open.retain(|_, query| !matches!(query.purpose, Purpose::Read(of) if of == scope));
    }

    /// Until when requests have to wait, if they have to.
    pub fn blocked_until(&self, now: Instant) -> Option<Instant> {
        self.open.values().filter_map(|query| query.blocks_until).filter(|until| *until > now).max()
    }
}
