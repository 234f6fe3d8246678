use std::time::Instant;

use super::{
    Effect,
    output::Output,
    queries::{Purpose, Queries},
};
use crate::stream::{Following, Scope, Teller};

/// What the parts of a connection work with.
pub struct Desk {
    pub out: Output,
    pub queries: Queries,
    pub teller: Teller,
}

impl Desk {
    pub fn new() -> Self {
        Self { out: Output::new(), queries: Queries::default(), teller: Teller::default() }
    }

    /// Makes the reading that is due, if one is. Requests behind the first one wait for it, as long as it is quick.
    pub fn read_if_due(&mut self, following: &mut Following, scope: Scope, is_first: bool, now: Instant) {
        if let Some(start) = following.due(now) {
            let purpose = Purpose::Read(scope);
            let number = if is_first { self.queries.ask(purpose, now) } else { self.queries.ask_again(purpose) };
            self.out.push(Effect::Read(number, scope, start));
        }
    }
}
