use chrono::{DateTime, Utc};
use secrecy::SecretString;
use zoetrope_domain::{SessionId, UserId};
use zoetrope_postgres::{Database, DatabaseError};
use zoetrope_service::run_to_end;

use super::{AccountError, Accounts, Device, Ended, SecurityEvent, User, UserState, ownership::Demand, register::now};
use crate::store::{password_resets, security_events, users};

/// What the client calls the password that it should know.
const FIELD: &str = "password";

impl Accounts {
    /// Deletes the user of the session, and tells when the user will be erased: all sessions and API keys end, and nobody signs in any
    /// more. [`crate::erasing`] does the rest.
    ///
    /// Who has a password must give it; without one, a session that was opened a moment ago is proof enough.
    pub async fn delete_own(
        &self,
        session: SessionId,
        password: Option<SecretString>,
        device: &Device,
    ) -> Result<DateTime<Utc>, AccountError> {
        let user = self.user_of_session(session).await?;
        self.prove_ownership(&user, session, Demand::Password, (FIELD, password), device).await?;
        let accounts = self.clone();
        run_to_end(async move {
            let deleted_at = now();
            let deleted = delete(&accounts.0.database, user.id, deleted_at).await?;
            // Somebody was faster.
            let (_, ended) = deleted.ok_or(AccountError::NotSignedIn("the session has ended"))?;
            tracing::info!(user_id = %user.id, "user deleted");
            accounts.announce_ended(&ended).await;
            accounts.0.eraser.wake();
            Ok(accounts.0.eraser.due(deleted_at))
        })
        .await
    }
}

/// Deletes a user, as far as it can be taken back: all sessions and API keys end, for good, and nobody signs in. `None`: there is no such
/// user, or no more.
pub async fn delete(database: &Database, user: UserId, now: DateTime<Utc>) -> Result<Option<(User, Ended)>, DatabaseError> {
    database
        .transaction("delete_user", async |connection| {
            let Some((user, _)) = users::lock(connection, user).await? else { return Ok(None) };
            if users::lock_state(connection, user.id).await? == Some(UserState::Deleted) {
                return Ok(None);
            }
            users::mark_deleted(connection, user.id, now).await?;
            password_resets::forget_of(connection, user.id).await?;
            security_events::record(connection, user.id, SecurityEvent::Deleted, None, now).await?;
            let ended = Ended::all_of(connection, user.id, now).await?;
            Ok::<_, DatabaseError>(Some((user, ended)))
        })
        .await
}
