use chrono::TimeDelta;
use secrecy::SecretString;
use zoetrope_domain::SessionId;

use super::{
    AccountError, Accounts, Device, User,
    acting::{Evidence, Proof},
    register::now,
};
use crate::store::{sessions, users};

/// A session that was opened within this time proves by itself that its owner is there.
const RECENT: TimeDelta = TimeDelta::minutes(15);
/// A password hash that changes under our hands has most likely been renewed by a parallel sign-in, and will not be again.
const ATTEMPTS: u32 = 3;

/// What proves more than a session, which may be somebody else's by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    /// The password; of a user who has none, a recent session.
    Password,
    /// The password, or a recent session.
    PasswordOrRecentSession,
}

/// A password that is shown, by the name that the client has for its field.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) field: &'static str,
    pub(super) password: Option<SecretString>,
}

impl Accounts {
    /// Makes sure that it is the owner of the account who uses the session. The command that this is for has to look again, see
    /// [`Evidence::check`].
    ///
    /// Who holds a session and guesses the password waits as one does who signs in.
    pub(super) async fn prove_ownership(
        &self,
        user: &User,
        session: SessionId,
        demand: Demand,
        shown: &Shown,
        device: &Device,
    ) -> Result<Evidence, AccountError> {
        let mut connection = self.0.database.connection().await?;
        let known = users::with_password(&mut connection, user.id).await?;
        let opened_at = sessions::opened_at(&mut connection, session).await?;
        // Hashing takes long, and others wait for connections.
        drop(connection);

        let has_password = known.is_some_and(|(_, password_hash)| password_hash.is_some());
        let is_recent = opened_at.is_some_and(|opened_at| opened_at >= now() - RECENT);
        let field = shown.field;
        let proof = match (shown.password.clone(), has_password) {
            (Some(password), true) => {
                let proven = self.prove_user(user.id, password, device).await.map_err(|error| match error {
                    AccountError::WrongCredentials => AccountError::WrongPassword(field),
                    other => other,
                })?;
                Proof::Password { hash: proven.password_hash }
            }
            (None, true) if demand == Demand::Password || !is_recent => return Err(AccountError::Missing(field)),
            (_, false) if !is_recent => return Err(AccountError::SignInAgain),
            (None, true) => Proof::RecentSession,
            (_, false) => Proof::NoPassword { field },
        };
        Ok(Evidence::with(session, proof))
    }

    /// Does what needs the owner of the account: `proven` is what the session and the password show, and `command` what is done by it. Once more,
    /// if the stored hash has changed between the two.
    pub(super) async fn by_owner<T, Proven, Command, Doing>(
        &self,
        field: &'static str,
        mut proven: Proven,
        mut command: Command,
    ) -> Result<T, AccountError>
    where
        Proven: AsyncFnMut() -> Result<Evidence, AccountError>,
        Command: FnMut(Evidence) -> Doing,
        Doing: Future<Output = Result<T, AccountError>>,
    {
        for _ in 0..ATTEMPTS {
            match command(proven().await?).await {
                Err(AccountError::Overtaken) => {}
                done => return done,
            }
        }
        Err(AccountError::WrongPassword(field))
    }
}
