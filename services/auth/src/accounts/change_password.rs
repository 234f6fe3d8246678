use zoetrope_domain::{Language, SessionId};
use zoetrope_service::run_to_end;

use super::{AccountError, Accounts, Device, SecurityEvent, new_password::NewPassword, proof::Proven, register::now};
use crate::{
    rules::{login::Identifier, password::PasswordChange},
    store::users,
};

/// What the client calls the password that it should know.
const FIELD: &str = "currentPassword";

impl Accounts {
    /// Gives the user of the session another password, and ends the user's other sessions.
    ///
    /// Who holds a session and guesses the password waits as one does who signs in.
    pub async fn change_password(
        &self,
        session: SessionId,
        change: PasswordChange,
        language: Option<Language>,
        device: Device,
    ) -> Result<(), AccountError> {
        let user = self.user_of_session(session).await?;
        let proven = self.prove(&Identifier::username(&user.username), change.current, &device).await;
        let proven = proven.map_err(|error| match error {
            AccountError::WrongCredentials => AccountError::WrongPassword(FIELD),
            other => other,
        })?;
        let hash = self.0.passwords.hash(change.new).await?;
        let new = NewPassword { hash, spared: Some(session), language, event: SecurityEvent::PasswordChanged, device };
        let accounts = self.clone();
        run_to_end(async move { accounts.replace_password(proven, new).await }).await
    }

    async fn replace_password(&self, proven: Proven, new: NewPassword) -> Result<(), AccountError> {
        let Proven { user, password_hash, .. } = proven;
        let revoked = self
            .0
            .database
            .transaction("change_password", async |connection| {
                let stored = users::lock(connection, user.id).await?;
                // Changed since it was compared.
                if stored.is_none_or(|(_, stored)| stored.as_deref() != Some(&password_hash)) {
                    return Err(AccountError::WrongPassword(FIELD));
                }
                Ok(new.store(connection, &user, now()).await?)
            })
            .await?;
        self.0.relay.wake();
        tracing::info!(user_id = %user.id, "password changed");
        self.announce(&revoked).await;
        Ok(())
    }
}
