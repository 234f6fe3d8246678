use zoetrope_domain::ApiKeyId;
use zoetrope_postgres::{Database, DatabaseError};

use super::{SecurityEvent, User, UserState, register::now};
use crate::{
    rules::login::Identifier,
    store::{
        api_keys, security_events,
        sessions::{self, Revoked},
        users,
    },
};

/// What ended with a suspension.
pub struct Suspended {
    pub user: User,
    pub sessions: Vec<Revoked>,
    pub keys: Vec<ApiKeyId>,
}

/// Shuts a user out: ends all sessions and API keys, for good, and lets nobody sign in. `None`: there is no such user.
pub async fn suspend(database: &Database, who: &Identifier) -> Result<Option<Suspended>, DatabaseError> {
    database
        .transaction("suspend", async |connection| {
            let Some((user, _)) = users::find(connection, who).await? else { return Ok(None) };
            users::lock_state(connection, user.id).await?;
            users::set_state(connection, user.id, UserState::Suspended).await?;
            security_events::record(connection, user.id, SecurityEvent::Suspended, None, now()).await?;
            let sessions = sessions::revoke_others(connection, user.id, None, now()).await?;
            let keys = api_keys::revoke_all(connection, user.id, now()).await?;
            Ok::<_, DatabaseError>(Some(Suspended { user, sessions, keys }))
        })
        .await
}

/// Lets a suspended user sign in again. `None`: there is no such user.
pub async fn reinstate(database: &Database, who: &Identifier) -> Result<Option<User>, DatabaseError> {
    database
        .transaction("reinstate", async |connection| {
            let Some((user, _)) = users::find(connection, who).await? else { return Ok(None) };
            users::set_state(connection, user.id, UserState::Active).await?;
            security_events::record(connection, user.id, SecurityEvent::Reinstated, None, now()).await?;
            Ok::<_, DatabaseError>(Some(user))
        })
        .await
}
