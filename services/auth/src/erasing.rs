//! Erases users some time after they were deleted, and tells the other services to do the same.
//!
//! Until then nothing of theirs is lost, and an operator can bring them back. A user's row takes along whatever refers to it. It stays until
//! Redis has heard of all that ended with the user, since nobody could tell it afterwards. Any number of replicas may do this.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::{sync::Notify, time::timeout};
use tokio_util::sync::CancellationToken;
use zoetrope_contracts::{timestamp, users::v1::UserDeleted};
use zoetrope_domain::UserId;
use zoetrope_outbox::{Relay, enqueue};
use zoetrope_postgres::{Connection, Database, DatabaseError};

use crate::{avatars::Avatars, store::erasure};

const SWEEP_EVERY: Duration = Duration::from_secs(2);

/// Cheap to clone.
#[derive(Clone)]
pub struct Eraser(Arc<Parts>);

struct Parts {
    database: Database,
    relay: Relay,
    avatars: Avatars,
    /// From a user's deletion.
    after: TimeDelta,
    wanted: Notify,
}

impl Eraser {
    pub fn new(database: Database, relay: Relay, avatars: Avatars, after: TimeDelta) -> Self {
        Self(Arc::new(Parts { database, relay, avatars, after, wanted: Notify::new() }))
    }

    /// Somebody was deleted.
    pub fn wake(&self) {
        self.0.wanted.notify_one();
    }

    /// When a user is erased, at the earliest, who was deleted at a moment.
    pub fn due(&self, deleted_at: DateTime<Utc>) -> DateTime<Utc> {
        deleted_at + self.0.after
    }

    /// Works until `stopping`. A database that is away only delays it.
    pub async fn run(self, stopping: CancellationToken) -> anyhow::Result<()> {
        // An outage is logged once.
        let mut failing = false;
        while stopping.run_until_cancelled(timeout(SWEEP_EVERY, self.0.wanted.notified())).await.is_some() {
            match self.erase_all().await {
                Ok(()) => failing = false,
                Err(error) if !failing => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "deleted users wait to be erased");
                    failing = true;
                }
                Err(_) => {}
            }
        }
        Ok(())
    }

    async fn erase_all(&self) -> Result<(), DatabaseError> {
        while let Some(user) =
            self.0.database.transaction("erase_user", async |connection| self.erase_one(connection).await).await?
        {
            self.0.relay.wake();
            self.0.avatars.wake();
            tracing::info!(user_id = %user, "a deleted user is erased");
        }
        Ok(())
    }

    async fn erase_one(&self, connection: &mut Connection) -> Result<Option<UserId>, DatabaseError> {
        let Some(due) = erasure::lock_one(connection, Utc::now() - self.0.after).await? else { return Ok(None) };
        erasure::erase(connection, due.id).await?;
        let deleted = UserDeleted { user_id: due.id.to_string(), deleted_at: Some(timestamp(due.deleted_at)) };
        enqueue(connection, &deleted).await?;
        Ok(Some(due.id))
    }
}
