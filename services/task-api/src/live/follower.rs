use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use zoetrope_domain::UserId;
use zoetrope_postgres::{Database, DatabaseError};

use super::watchers::Watch;
use crate::{
    store::{accounts, followed_requests, tasks},
    task::Task,
};

/// A task as it is now, and its owner's balance then.
pub struct Seen {
    pub task: Task,
    /// Credits.
    pub balance: i64,
}

/// Reads one task again and again.
pub struct Follower {
    database: Database,
    user: UserId,
    watch: Watch,
    reread: Duration,
    next_look: Instant,
    version: u64,
    remembers_request: bool,
}

impl Follower {
    pub(super) fn new(database: Database, user: UserId, watch: Watch, reread: Duration) -> Self {
        Self { database, user, watch, reread, next_look: Instant::now(), version: 0, remembers_request: false }
    }

    pub(super) fn remembering_the_request(self) -> Self {
        Self { remembers_request: true, ..self }
    }

    /// Waits for a state that was not seen before; the first is there at once. `None`: there is no such task, or no more.
    pub async fn next(&mut self) -> Option<Seen> {
        loop {
            let by_itself = tokio::select! {
                () = self.watch.nudged() => false,
                () = sleep_until(self.next_look) => true,
            };
            if by_itself {
                self.next_look = Instant::now() + self.reread;
            }
            match self.look(by_itself).await {
                Ok(Some(seen)) if seen.task.state.version > self.version => {
                    self.version = seen.task.state.version;
                    return Some(seen);
                }
                Ok(Some(_)) => {}
                Ok(None) => return None,
                // Whoever watches over the database knows; the next look comes by itself.
                Err(error) => {
                    tracing::debug!(task_id = %self.watch.task, error = &error as &dyn std::error::Error, "the task cannot be read")
                }
            }
        }
    }

    /// Nothing is left to be told to who made the request.
    pub async fn end(self) -> Result<(), DatabaseError> {
        Ok(followed_requests::forget(&mut *self.database.connection().await?, self.watch.task).await?)
    }

    async fn look(&self, by_itself: bool) -> Result<Option<Seen>, DatabaseError> {
        let mut connection = self.database.connection().await?;
        if by_itself && self.remembers_request {
            followed_requests::keep(&mut connection, self.watch.task).await?;
        }
        let Some(task) = tasks::find(&connection, self.user, self.watch.task).await? else { return Ok(None) };
        // After the task: what its end gave back is in it.
        let balance = accounts::balance(&connection, self.user).await?.unwrap_or_default();
        Ok(Some(Seen { task, balance }))
    }
}
