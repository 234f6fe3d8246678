//! Pictures of users: taken in, made small and harmless, kept in object storage, and removed when nobody shows them any more.
//!
//! A file's name is random, so nobody finds it who was not told. It is written down before the file is stored, with a time at which the file
//! is removed; showing the picture takes that time away, and whatever ends it (another picture, the end of the user) sets it anew. So no
//! file is left behind, whichever process dies when.
//!
//! Decoding is left to a process of its own, see [`isolation`].

mod cleaning;
pub mod isolation;
mod picture;

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::TimeDelta;
use futures_util::stream;
use tokio::{
    sync::{Notify, Semaphore},
    time::timeout,
};
use uuid::Uuid;
use zoetrope_domain::AvatarId;
use zoetrope_postgres::{Database, DatabaseError};
use zoetrope_service::run_to_end;
use zoetrope_storage::{ObjectKey, ObjectStorage, StorageError};

use isolation::IsolationError;
pub use picture::PictureError;

use crate::{
    accounts::{AccountError, Evidence},
    settings::AvatarSettings,
    store::avatars,
};

/// What is taken in.
pub const MAX_BYTES: usize = 10 * 1024 * 1024;
/// More than storing a file takes.
const UNUSED_FOR: TimeDelta = TimeDelta::hours(1);
/// How long an upload waits until others are decoded.
const PATIENCE: Duration = Duration::from_secs(10);

/// Cheap to clone.
#[derive(Clone)]
pub struct Avatars(Arc<Parts>);

struct Parts {
    database: Database,
    storage: ObjectStorage,
    public_base_url: String,
    /// To decode: each takes a processor and much memory.
    turns: Arc<Semaphore>,
    /// A file is to be removed.
    unneeded: Notify,
}

#[derive(Debug, thiserror::Error)]
pub enum AvatarError {
    #[error("too many pictures wait")]
    Busy,
    #[error(transparent)]
    Picture(#[from] PictureError),
    #[error("the picture was not made")]
    Isolation(#[from] IsolationError),
    #[error("the picture was not stored")]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl From<DatabaseError> for AvatarError {
    fn from(error: DatabaseError) -> Self {
        Self::Account(error.into())
    }
}

impl Avatars {
    pub fn new(database: Database, storage: ObjectStorage, settings: &AvatarSettings) -> Self {
        let turns = Arc::new(Semaphore::new(settings.max_concurrent.map_or(1, NonZeroUsize::get)));
        let public_base_url = settings.public_base_url.trim_end_matches('/').to_owned();
        Self(Arc::new(Parts { database, storage, public_base_url, turns, unneeded: Notify::new() }))
    }

    /// A user's picture may not be needed any more.
    pub fn wake(&self) {
        self.0.unneeded.notify_one();
    }

    pub fn storage(&self) -> &ObjectStorage {
        &self.0.storage
    }

    /// Shows this picture of the user who asks for it, from now on. Returns its address.
    pub async fn show(&self, evidence: Evidence, upload: Bytes) -> Result<String, AvatarError> {
        let turn = timeout(PATIENCE, Arc::clone(&self.0.turns).acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or(AvatarError::Busy)?;
        // Who hangs up ends it, and leaves the turn to the next.
        let file = isolation::square(&upload).await??;
        drop(turn);
        let avatars = self.clone();
        run_to_end(async move { avatars.keep(evidence, Bytes::from(file)).await }).await
    }

    async fn keep(&self, evidence: Evidence, file: Bytes) -> Result<String, AvatarError> {
        let id = AvatarId::new(Uuid::new_v4());
        avatars::reserve(&mut *self.0.database.connection().await?, id, UNUSED_FOR).await?;
        self.0.storage.put_stream(&ObjectKey::avatar(id), stream::iter([Ok::<_, StorageError>(file)]), None).await?;
        let url = format!("{}/media/avatars/{id}.webp", self.0.public_base_url);
        let user = self
            .0
            .database
            .transaction("show_avatar", async |connection| {
                let acting = evidence.check(connection).await?;
                avatars::show(connection, &acting, id, &url).await?;
                Ok::<_, AccountError>(acting.user.id)
            })
            .await?;
        self.wake();
        tracing::info!(user_id = %user, "picture changed");
        Ok(url)
    }
}
