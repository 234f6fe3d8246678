use secrecy::ExposeSecret;
use uuid::Uuid;
use zoetrope_domain::{Language, UserId};
use zoetrope_postgres::{Connection, DatabaseError};
use zoetrope_service::run_to_end;

use super::{
    AccountError, Accounts, Device, Ended, SecurityEvent, User, arrive::drop_claims, new_password::NewPassword, register::now,
};
use crate::{
    credentials::ResetToken,
    rules::{login::Identifier, password::PasswordReset},
    store::{password_resets, users},
};

impl Accounts {
    /// Gives the user to whom a link was mailed another password, and ends all of the user's sessions. The link works once.
    pub async fn reset_password(
        &self,
        reset: PasswordReset,
        language: Option<Language>,
        device: Device,
    ) -> Result<(), AccountError> {
        let token = ResetToken::parse(reset.token.expose_secret()).ok_or(AccountError::BadResetToken)?;
        let mut connection = self.0.database.connection().await?;
        let stored = password_resets::find(&mut connection, token.id, now()).await?;
        // Hashing takes long, and others wait for connections.
        drop(connection);

        let stored = stored.filter(|stored| token.matches(&stored.secret_hash)).ok_or(AccountError::BadResetToken)?;
        let hash = self.0.passwords.hash(reset.password).await?;
        let address = device.address;
        let new = NewPassword { hash, spared: None, language, event: SecurityEvent::PasswordReset, device };
        let accounts = self.clone();
        run_to_end(async move {
            let user = accounts.use_link(token.id, stored.user_id, new).await?;
            // Whoever kept guessing must not keep the owner out.
            accounts.0.lockout.open(&Identifier::username(&user.username), address).await;
            if let Some(email) = &user.email {
                accounts.0.lockout.open(&Identifier::email(email), address).await;
            }
            Ok(())
        })
        .await
    }

    async fn use_link(&self, link: Uuid, user: UserId, new: NewPassword) -> Result<User, AccountError> {
        let (user, ended) = self
            .0
            .database
            .transaction("reset_password", async |connection| {
                let (user, _) = users::lock(connection, user).await?.ok_or(AccountError::BadResetToken)?;
                // Somebody was faster with it.
                if !password_resets::take(connection, link).await? {
                    return Err(AccountError::BadResetToken);
                }
                let claims = show_address(connection, &user).await?;
                let sessions = new.store(connection, &user, now()).await?;
                Ok((user, Ended { sessions, ..claims }))
            })
            .await?;
        self.0.relay.wake();
        tracing::info!(user_id = %user.id, "password reset");
        self.announce_ended(&ended).await;
        Ok(user)
    }
}

/// The link came with a mail to the user's address. If that is the first sign that the user receives any, see [`drop_claims`].
async fn show_address(connection: &mut Connection, user: &User) -> Result<Ended, DatabaseError> {
    let Some(email) = &user.email else { return Ok(Ended::default()) };
    if users::verify_email(connection, user.id, email, now()).await? {
        drop_claims(connection, user.id).await
    } else {
        Ok(Ended::default())
    }
}
