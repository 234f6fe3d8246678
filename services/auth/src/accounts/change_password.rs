use secrecy::SecretString;
use zoetrope_domain::{Language, SessionId};
use zoetrope_service::run_to_end;

use super::{
    AccountError, Accounts, Device, SecurityEvent,
    acting::{Evidence, Proof},
    new_password::NewPassword,
    register::now,
};
use crate::rules::password::PasswordChange;

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
        let PasswordChange { current, new } = change;
        // Before the new one is hashed: who does not know the present one is told so first, and costs no more.
        self.show_current(session, current.clone(), &device).await?;
        let hash = self.0.passwords.hash(new).await?;
        let new =
            NewPassword { hash, spared: Some(session), language, event: SecurityEvent::PasswordChanged, device: device.clone() };
        let shown = async || self.show_current(session, current.clone(), &device).await;
        self.by_owner(FIELD, shown, |evidence| {
            let (accounts, new) = (self.clone(), new.clone());
            run_to_end(async move { accounts.replace_password(evidence, new).await })
        })
        .await
    }

    async fn show_current(&self, session: SessionId, current: SecretString, device: &Device) -> Result<Evidence, AccountError> {
        let user = self.user_of_session(session).await?;
        let proven = self.prove_user(user.id, current, device).await.map_err(|error| match error {
            AccountError::WrongCredentials => AccountError::WrongPassword(FIELD),
            other => other,
        })?;
        Ok(Evidence::with(session, Proof::Password { hash: proven.password_hash }))
    }

    async fn replace_password(&self, evidence: Evidence, new: NewPassword) -> Result<(), AccountError> {
        let revoked = self
            .0
            .database
            .transaction("change_password", async |connection| {
                let acting = evidence.check(connection).await?;
                Ok::<_, AccountError>(new.store(connection, &acting, now()).await?)
            })
            .await?;
        self.0.relay.wake();
        self.announce(&revoked).await;
        Ok(())
    }
}
