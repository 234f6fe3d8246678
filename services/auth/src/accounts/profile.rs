use zoetrope_domain::{Language, SessionId, UserId};
use zoetrope_postgres::Connection;
use zoetrope_service::run_to_end;
use zoetrope_tokens::Caller;

use super::{
    AccountError, Accounts, Device, SecurityEvent, User, UserState,
    change_address::NewAddress,
    ownership::Demand,
    register::{now, taken},
};
use crate::{
    rules::{login::key, profile::ProfileChange},
    store::{api_keys, profiles, security_events, users},
};

/// A user as only the user sees it.
#[derive(Debug, Clone)]
pub struct Profile {
    pub user: User,
    /// For clients that know users by numbers.
    pub number: i64,
    pub state: UserState,
    /// What the user tells of himself; possibly nothing.
    pub bio: String,
    /// Takes the place of the present address when it is confirmed.
    pub pending_email: Option<String>,
}

impl Accounts {
    /// The profile of the user who calls.
    pub async fn profile(&self, caller: &Caller) -> Result<Profile, AccountError> {
        let user = self.user_of(caller).await?;
        self.profile_of(user.id).await
    }

    async fn profile_of(&self, user: UserId) -> Result<Profile, AccountError> {
        let found = profiles::find(&mut *self.0.database.connection().await?, user, now()).await?;
        found.ok_or(AccountError::NotSignedIn("the session has ended"))
    }

    /// Changes the profile of the session's user.
    ///
    /// Who takes another address can have a new password mailed there: so that needs more than a session, see [`Demand`].
    pub async fn change_profile(
        &self,
        session: SessionId,
        change: ProfileChange,
        language: Option<Language>,
        device: Device,
    ) -> Result<Profile, AccountError> {
        let user = self.user_of_session(session).await?;
        let mut change = change;
        let password = change.current_password.take();
        if moves(&user, &change) {
            let proof = ("currentPassword", password);
            self.prove_ownership(&user, session, Demand::PasswordOrRecentSession, proof, &device).await?;
        }
        let accounts = self.clone();
        run_to_end(async move {
            accounts
                .0
                .database
                .transaction("change_profile", async |connection| {
                    accounts.store_profile(connection, user.id, &change, language, &device).await
                })
                .await?;
            accounts.0.relay.wake();
            accounts.profile_of(user.id).await
        })
        .await
    }

    async fn store_profile(
        &self,
        connection: &mut Connection,
        user: UserId,
        change: &ProfileChange,
        language: Option<Language>,
        device: &Device,
    ) -> Result<(), AccountError> {
        let now = now();
        let (present, _) = users::lock(connection, user).await?.ok_or(AccountError::Deleted)?;
        users::lock_state(connection, user).await?.unwrap_or(UserState::Deleted).let_in()?;
        profiles::update(connection, user, change).await.map_err(|error| taken(error, "username"))?;
        if change.username.as_ref().is_some_and(|username| *username != present.username) {
            // They are published with the name of their owner.
            api_keys::publish_anew(connection, user).await?;
            security_events::record(connection, user, SecurityEvent::UsernameChanged, Some(device), now).await?;
        }
        if let Some(email) = &change.email {
            let new = NewAddress { user: &present, email, language, device, now };
            self.change_address(connection, &new).await?;
        }
        Ok(())
    }
}

/// Whether mail would go elsewhere.
fn moves(user: &User, change: &ProfileChange) -> bool {
    change.email.as_deref().is_some_and(|email| user.email.as_deref().map(key) != Some(key(email)))
}
