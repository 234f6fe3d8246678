use zoetrope_service::run_to_end;
use zoetrope_tokens::Role;

use super::{AccountError, Accounts, Device, SignedIn, proof::Proven, register::now};
use crate::{rules::login::Login, store::users};

/// A password hash that changes under our hands has most likely been renewed by a parallel sign-in, and will not be again.
const ATTEMPTS: u32 = 3;

impl Accounts {
    /// Opens a session for the user with this name or address and this password.
    pub async fn sign_in(&self, login: Login, device: Device) -> Result<SignedIn, AccountError> {
        self.sign_in_as(&[Role::User, Role::Admin], login, device).await
    }

    /// The same for administrators alone.
    pub async fn sign_in_admin(&self, login: Login, device: Device) -> Result<SignedIn, AccountError> {
        self.sign_in_as(&[Role::Admin], login, device).await
    }

    async fn sign_in_as(&self, roles: &[Role], login: Login, device: Device) -> Result<SignedIn, AccountError> {
        for _ in 0..ATTEMPTS {
            let proven = self.prove(&login.identifier, login.password.clone(), &device).await?;
            if !roles.contains(&proven.user.role) {
                return Err(AccountError::NotAnAdmin);
            }
            let (accounts, device) = (self.clone(), device.clone());
            match run_to_end(async move { accounts.open_session(proven, device).await }).await {
                Err(AccountError::Overtaken) => {}
                ended => return ended,
            }
        }
        Err(AccountError::WrongCredentials)
    }

    /// Overtaken when the password was changed since it was compared: a session that is opened now would outlive the change.
    async fn open_session(&self, proven: Proven, device: Device) -> Result<SignedIn, AccountError> {
        let Proven { user, password_hash, renewed } = proven;
        let session = self.new_session(now(), device)?;
        self.0
            .database
            .pipelined("sign_in", async |connection| {
                let (stored, kept) = tokio::join!(users::lock_password(connection, user.id), session.store(connection, &user));
                if stored?.as_deref() != Some(&password_hash) {
                    return Err(AccountError::Overtaken);
                }
                kept?;
                if let Some(renewed) = &renewed {
                    users::set_password(connection, user.id, renewed).await?;
                }
                Ok(())
            })
            .await?;
        self.signed_in(user, session)
    }
}
