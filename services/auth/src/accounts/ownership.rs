use chrono::TimeDelta;
use secrecy::SecretString;
use zoetrope_domain::SessionId;

use super::{AccountError, Accounts, Device, User, register::now};
use crate::{
    rules::login::Identifier,
    store::{sessions, users},
};

/// A session that was opened within this time proves by itself that its owner is there.
const RECENT: TimeDelta = TimeDelta::minutes(15);

/// What proves more than a session, which may be somebody else's by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    /// The password; of a user who has none, a recent session.
    Password,
    /// The password, or a recent session.
    PasswordOrRecentSession,
}

impl Accounts {
    /// Makes sure that it is the owner of the account who uses the session. `field` is what the client calls the password.
    ///
    /// Who holds a session and guesses the password waits as one does who signs in.
    pub(super) async fn prove_ownership(
        &self,
        user: &User,
        session: SessionId,
        demand: Demand,
        (field, password): (&'static str, Option<SecretString>),
        device: &Device,
    ) -> Result<(), AccountError> {
        let mut connection = self.0.database.connection().await?;
        let has_password = users::has_password(&mut connection, user.id).await?;
        let opened_at = sessions::opened_at(&mut connection, session).await?;
        // Hashing takes long, and others wait for connections.
        drop(connection);

        let is_recent = opened_at.is_some_and(|opened_at| opened_at >= now() - RECENT);
        match (password, has_password) {
            (Some(password), true) => {
                let proven = self.prove(&Identifier::username(&user.username), password, device).await;
                proven.map(|_| ()).map_err(|error| match error {
                    AccountError::WrongCredentials => AccountError::WrongPassword(field),
                    other => other,
                })
            }
            (None, true) if demand == Demand::Password || !is_recent => Err(AccountError::Missing(field)),
            (_, false) if !is_recent => Err(AccountError::SignInAgain),
            (None, true) | (_, false) => Ok(()),
        }
    }
}
