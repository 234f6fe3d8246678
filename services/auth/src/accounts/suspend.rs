use chrono::{DateTime, Utc};
use zoetrope_domain::ApiKeyId;
use zoetrope_postgres::{Connection, Database, DatabaseError};

use super::{Accounts, SecurityEvent, User, UserState, register::now};
use crate::{
    rules::login::Identifier,
    store::{
        addresses, api_keys, security_events,
        sessions::{self, Revoked},
        users::{self, LockedUser},
    },
};

/// What has ended of what let a user in, for those who must hear of it.
#[derive(Default)]
pub struct Ended {
    pub sessions: Vec<Revoked>,
    pub keys: Vec<ApiKeyId>,
}

impl Ended {
    /// Ends all that lets the user in, or would move the account to another address. The user's row must say that nobody is let in any more.
    pub(super) async fn all_of(
        connection: &mut Connection,
        locked: &LockedUser,
        now: DateTime<Utc>,
    ) -> Result<Self, DatabaseError> {
        let sessions = sessions::revoke_others(connection, locked, None, now).await?;
        let keys = api_keys::revoke_all(connection, locked, now).await?;
        addresses::forget_pending(connection, locked).await?;
        Ok(Self { sessions, keys })
    }
}

impl Accounts {
    /// Tells the other services at once, if Redis is there. Housekeeping makes sure of it.
    pub(super) async fn announce_ended(&self, ended: &Ended) {
        self.announce(&ended.sessions).await;
        for key in &ended.keys {
            self.announce_revoked_key(*key).await;
        }
    }
}

/// Shuts a user out: ends all sessions and API keys, for good, and lets nobody sign in. `None`: there is no such user, or no more.
pub async fn suspend(database: &Database, who: &Identifier) -> Result<Option<(User, Ended)>, DatabaseError> {
    database
        .transaction("suspend", async |connection| {
            let Some((user, _)) = users::find(connection, who).await? else { return Ok(None) };
            let Some(locked) = users::lock(connection, user.id).await? else { return Ok(None) };
            if locked.state == UserState::Deleted {
                return Ok(None);
            }
            users::set_state(connection, &locked, UserState::Suspended).await?;
            security_events::record(connection, user.id, SecurityEvent::Suspended, None, now()).await?;
            let ended = Ended::all_of(connection, &locked, now()).await?;
            Ok::<_, DatabaseError>(Some((locked.user, ended)))
        })
        .await
}

/// Lets a user sign in again who was suspended, or deleted and not erased yet. `None`: there is no such user.
pub async fn reinstate(database: &Database, who: &Identifier) -> Result<Option<User>, DatabaseError> {
    database
        .transaction("reinstate", async |connection| {
            let Some((user, _)) = users::find(connection, who).await? else { return Ok(None) };
            let Some(locked) = users::lock(connection, user.id).await? else { return Ok(None) };
            users::set_state(connection, &locked, UserState::Active).await?;
            security_events::record(connection, user.id, SecurityEvent::Reinstated, None, now()).await?;
            Ok::<_, DatabaseError>(Some(user))
        })
        .await
}

/// A user, whatever the state.
pub async fn find(database: &Database, who: &Identifier) -> Result<Option<User>, DatabaseError> {
    let found = users::find(&mut *database.connection().await?, who).await?;
    Ok(found.map(|(user, _)| user))
}
