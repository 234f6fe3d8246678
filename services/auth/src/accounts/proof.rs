use secrecy::SecretString;
use zoetrope_domain::UserId;

use super::{AccountError, Accounts, Device, User, register::now};
use crate::{
    credentials::Checked,
    lockout::{Attempt, Subject},
    rules::login::Identifier,
    store::users,
};

/// A user whose password was right a moment ago.
pub(super) struct Proven {
    pub(super) user: User,
    /// As it was stored then.
    pub(super) password_hash: String,
    /// To be stored in its place.
    pub(super) renewed: Option<String>,
}

/// A user, and the stored hash of the password.
type Known = Option<(User, Option<String>)>;

impl Accounts {
    /// The user with this name or address and this password. Who fails too often waits, see [`crate::lockout`].
    ///
    /// It takes the same time whether the user is unknown or the password is wrong, and tells the same.
    pub(super) async fn prove(
        &self,
        identifier: &Identifier,
        password: SecretString,
        device: &Device,
    ) -> Result<Proven, AccountError> {
        let known = users::find(&mut *self.0.database.connection().await?, identifier).await?;
        let subject = Subject::of(known.as_ref().map(|(user, _)| user), identifier);
        self.try_password(subject, known, password, device).await
    }

    /// The same for somebody who is signed in: failures count for the account, as those of a sign-in do.
    pub(super) async fn prove_user(&self, user: UserId, password: SecretString, device: &Device) -> Result<Proven, AccountError> {
        let known = users::with_password(&mut *self.0.database.connection().await?, user).await?;
        let (owner, password_hash) = known.ok_or(AccountError::Deleted)?;
        self.try_password(Subject::Account(owner.owner()), Some((owner, password_hash)), password, device).await
    }

    async fn try_password(
        &self,
        subject: Subject<'_>,
        known: Known,
        password: SecretString,
        device: &Device,
    ) -> Result<Proven, AccountError> {
        let attempt = self.0.lockout.begin(subject, device.address).await.map_err(AccountError::LockedOut)?;
        settle(attempt, self.compare(known, password, device).await).await
    }

    async fn compare(&self, known: Known, password: SecretString, device: &Device) -> Result<Proven, AccountError> {
        let stored = known.as_ref().and_then(|(_, password_hash)| password_hash.clone());
        match (self.0.passwords.verify(password, stored).await?, known) {
            (Checked::Right { renewed }, Some((user, Some(password_hash)))) => Ok(Proven { user, password_hash, renewed }),
            (Checked::Right { .. } | Checked::Wrong, Some((user, _))) => {
                self.0.failures.note(user.id, device, now());
                Err(AccountError::WrongCredentials)
            }
            (Checked::Right { .. } | Checked::Wrong, None) => Err(AccountError::WrongCredentials),
        }
    }
}

/// Says how a try ended.
pub(super) async fn settle<T>(attempt: Attempt, outcome: Result<T, AccountError>) -> Result<T, AccountError> {
    match &outcome {
        Ok(_) => attempt.succeeded().await,
        Err(AccountError::WrongCredentials | AccountError::WrongCode) => attempt.failed().await,
        Err(_) => attempt.undecided().await,
    }
    outcome
}
