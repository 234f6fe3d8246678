use chrono::{DateTime, Utc};
use secrecy::SecretString;
use zoetrope_domain::{SessionId, UserId};
use zoetrope_postgres::{Connection, Database, DatabaseError};
use zoetrope_service::run_to_end;

use super::{
    AccountError, Accounts, Device, Ended, SecurityEvent, User, UserState,
    acting::Evidence,
    ownership::{Demand, Shown},
    register::now,
};
use crate::store::{
    password_resets, security_events,
    users::{self, LockedUser},
};

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
        let shown = Shown { field: FIELD, password };
        let proven = async || {
            let user = self.user_of_session(session).await?;
            self.prove_ownership(&user, session, Demand::Password, &shown, device).await
        };
        self.by_owner(FIELD, proven, |evidence| {
            let (accounts, device) = (self.clone(), device.clone());
            run_to_end(async move { accounts.delete_acting(evidence, device).await })
        })
        .await
    }

    async fn delete_acting(&self, evidence: Evidence, device: Device) -> Result<DateTime<Utc>, AccountError> {
        let deleted_at = now();
        let (user, ended) = self
            .0
            .database
            .transaction("delete_own", async |connection| {
                let acting = evidence.check(connection).await?;
                let ended = delete_locked(connection, &acting, Some(&device), deleted_at).await?;
                Ok::<_, AccountError>((acting.user.id, ended))
            })
            .await?;
        tracing::info!(user_id = %user, "user deleted");
        self.announce_ended(&ended).await;
        self.0.eraser.wake();
        Ok(self.0.eraser.due(deleted_at))
    }
}

/// Deletes a user, as far as it can be taken back: all sessions and API keys end, for good, and nobody signs in. `None`: there is no such
/// user, or no more.
pub async fn delete(database: &Database, user: UserId, now: DateTime<Utc>) -> Result<Option<(User, Ended)>, DatabaseError> {
    database
        .transaction("delete_user", async |connection| {
            let Some(locked) = users::lock(connection, user).await? else { return Ok(None) };
            if locked.state == UserState::Deleted {
                return Ok(None);
            }
            let ended = delete_locked(connection, &locked, None, now).await?;
            Ok::<_, DatabaseError>(Some((locked.user, ended)))
        })
        .await
}

async fn delete_locked(
    connection: &mut Connection,
    locked: &LockedUser,
    device: Option<&Device>,
    now: DateTime<Utc>,
) -> Result<Ended, DatabaseError> {
    users::mark_deleted(connection, locked, now).await?;
    password_resets::forget_of(connection, locked).await?;
    security_events::record(connection, locked.user.id, SecurityEvent::Deleted, device, now).await?;
    Ended::all_of(connection, locked, now).await
}
