//! Server-sent events: the same feeds as on the WebSocket, one stream per response.
//!
//! A [`Stream`] serves a client as [`crate::hub`] says. Its [`Voice`] puts what happens into the events that a client family listens to:
//!
//! | voice | path | tells |
//! |---|---|---|
//! | [`AllTasks`] | `/api/events` | all own tasks, in the frames of the WebSocket |
//! | [`Lumi`] | `/api/tasks/{id}/events` | one task, by phase and status |
//!
//! The `id:` of an event is a place in the feed, so a browser resumes by itself. A stream ends with its token: the client that comes back
//! with it is refused.

mod all_tasks;
mod lumi;
mod stream;
#[cfg(test)]
mod tests;

use zoetrope_domain::FeedPosition;

pub use self::{
    all_tasks::AllTasks,
    lumi::Lumi,
    stream::{Refusal, Stream},
};
use crate::stream::Told;

/// How the clients of a family want to hear.
pub trait Voice {
    /// Said before all else, when it is known from where the client goes on.
    fn stands(&self, from: Option<FeedPosition>) -> Option<Said>;

    /// What happened. Whoever has seen the last of these has seen all of it.
    fn tells(&mut self, told: Told) -> Vec<Said>;

    /// Said every so often.
    fn beats(&self) -> Said;

    /// Said at last to a client that may hear no more.
    fn refuses(&self, refusal: zoetrope_tokens::Refusal) -> Said;
}

/// An event in the words of a family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub name: &'static str,
    pub json: String,
}
