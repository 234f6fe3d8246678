use zoetrope_service::run_to_end;

use super::{AccountError, Accounts, Device, SignedIn, User, register::now};
use crate::{rules::login::Login, store::users};

impl Accounts {
    /// Opens a session for the user with this name or address and this password.
    ///
    /// It takes the same time whether the user is unknown or the password is wrong, and tells the same.
    pub async fn sign_in(&self, login: Login, device: Device) -> Result<SignedIn, AccountError> {
        let mut connection = self.0.database.connection().await?;
        let known = users::find(&mut connection, &login.identifier).await?;
        // Hashing takes long, and others wait for connections.
        drop(connection);

        let (user, password_hash) = known.unzip();
        let right = self.0.passwords.verify(login.password, password_hash).await?;
        let user = user.filter(|_| right).ok_or(AccountError::WrongCredentials)?;
        let accounts = self.clone();
        run_to_end(async move { accounts.open_session(user, device).await }).await
    }

    async fn open_session(&self, user: User, device: Device) -> Result<SignedIn, AccountError> {
        let session = self.new_session(now(), device)?;
        self.0.database.transaction("sign_in", async |connection| session.store(connection, &user).await).await?;
        self.signed_in(user, session)
    }
}
