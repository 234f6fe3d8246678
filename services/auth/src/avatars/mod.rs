//! Pictures of users: taken in, made small and harmless, kept in object storage, and removed when nobody shows them any more.
//!
//! A file's name is random, so nobody finds it who was not told. It is written down before the file is stored, with a time at which the file
//! is removed; showing the picture takes that time away, and whatever ends it (another picture, the end of the user) sets it anew. So no
//! file is left behind, whichever process dies when.

mod cleaning;
mod picture;

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::TimeDelta;
use futures_util::stream;
use tokio::{
    sync::{Notify, Semaphore},
    task::spawn_blocking,
    time::timeout,
};
use uuid::Uuid;
use zoetrope_domain::{AvatarId, UserId};
use zoetrope_postgres::{Database, DatabaseError};
use zoetrope_service::run_to_end;
use zoetrope_storage::{ObjectKey, ObjectStorage, StorageError};

pub use picture::PictureError;

use crate::{
    accounts::{AccountError, UserState},
    settings::AvatarSettings,
    store::{avatars, users},
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
    Crashed(#[from] tokio::task::JoinError),
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

    /// Shows this picture of the user from now on. Returns its address.
    pub async fn show(&self, user: UserId, upload: Bytes) -> Result<String, AvatarError> {
        let turn = timeout(PATIENCE, Arc::clone(&self.0.turns).acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or(AvatarError::Busy)?;
        let file = spawn_blocking(move || {
            // Also when the client hung up: what was begun goes on.
            let _turn = turn;
            picture::square(&upload)
        })
        .await??;
        let avatars = self.clone();
        run_to_end(async move { avatars.keep(user, Bytes::from(file)).await }).await
    }

    async fn keep(&self, user: UserId, file: Bytes) -> Result<String, AvatarError> {
        let id = AvatarId::new(Uuid::new_v4());
        avatars::reserve(&mut *self.0.database.connection().await?, id, UNUSED_FOR).await?;
        self.0.storage.put_stream(&ObjectKey::avatar(id), stream::iter([Ok::<_, StorageError>(file)]), None).await?;
        let url = format!("{}/media/avatars/{id}.webp", self.0.public_base_url);
        self.0
            .database
            .transaction("show_avatar", async |connection| {
                users::lock_state(connection, user).await?.unwrap_or(UserState::Deleted).let_in()?;
                Ok::<_, AccountError>(avatars::show(connection, user, id, &url).await?)
            })
            .await?;
        self.wake();
        tracing::info!(user_id = %user, "picture changed");
        Ok(url)
    }
}
