use chrono::{DateTime, Utc};
use zoetrope_domain::ApiKeyId;
use zoetrope_postgres::{Connection, Database, DatabaseError};

use super::{User, UserState, register::now};
use crate::{
    rules::login::Identifier,
    store::{
        api_keys,
        sessions::{self, Revoked},
        users,
    },
};

/// What ended for a user who is shut out.
pub struct Ended {
    pub user: User,
    pub sessions: Vec<Revoked>,
    pub keys: Vec<ApiKeyId>,
}

impl Ended {
    /// Ends all that lets the user in. The user's row must be locked, and say that nobody is let in any more.
    pub(super) async fn all_of(connection: &mut Connection, user: User, now: DateTime<Utc>) -> Result<Self, DatabaseError> {
        let sessions = sessions::revoke_others(connection, user.id, None, now).await?;
        let keys = api_keys::revoke_all(connection, user.id, now).await?;
        Ok(Self { user, sessions, keys })
    }
}

/// Shuts a user out: ends all sessions and API keys, for good, and lets nobody sign in. `None`: there is no such user, or no more.
pub async fn suspend(database: &Database, who: &Identifier) -> Result<Option<Ended>, DatabaseError> {
    database
        .transaction("suspend", async |connection| {
            let Some((user, _)) = users::find(connection, who).await? else { return Ok(None) };
            if users::lock_state(connection, user.id).await? == Some(UserState::Deleted) {
                return Ok(None);
            }
            users::set_state(connection, user.id, UserState::Suspended).await?;
            Ended::all_of(connection, user, now()).await.map(Some)
        })
        .await
}

/// Lets a user sign in again who was suspended, or deleted and not erased yet. `None`: there is no such user.
pub async fn reinstate(database: &Database, who: &Identifier) -> Result<Option<User>, DatabaseError> {
    database
        .transaction("reinstate", async |connection| {
            let Some((user, _)) = users::find(connection, who).await? else { return Ok(None) };
            users::set_state(connection, user.id, UserState::Active).await?;
            Ok::<_, DatabaseError>(Some(user))
        })
        .await
}

/// A user, whatever the state.
pub async fn find(database: &Database, who: &Identifier) -> Result<Option<User>, DatabaseError> {
    let found = users::find(&mut *database.connection().await?, who).await?;
    Ok(found.map(|(user, _)| user))
}
