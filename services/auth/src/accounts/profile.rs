use std::sync::Arc;

use zoetrope_domain::{Language, SessionId, UserId};
use zoetrope_postgres::Connection;
use zoetrope_service::run_to_end;
use zoetrope_tokens::Caller;

use super::{
    AccountError, Accounts, Device, SecurityEvent, User, UserState,
    acting::{Acting, Evidence},
    change_address::NewAddress,
    ownership::{Demand, Shown},
    register::{now, taken},
};
use crate::{
    rules::{login::is_same_address, profile::ProfileChange},
    store::{api_keys, profiles, security_events},
};

/// What the client calls the password that it should know.
const FIELD: &str = "currentPassword";

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
        let mut change = change;
        let shown = Shown { field: FIELD, password: change.current_password.take() };
        let change = Arc::new(change);
        let proven = async || {
            let user = self.user_of_session(session).await?;
            if moves(&user, &change) {
                self.prove_ownership(&user, session, Demand::PasswordOrRecentSession, &shown, &device).await
            } else {
                Ok(Evidence::session(session))
            }
        };
        self.by_owner(FIELD, proven, |evidence| {
            let (accounts, change, device) = (self.clone(), Arc::clone(&change), device.clone());
            run_to_end(async move { accounts.store_profile(evidence, &change, language, &device).await })
        })
        .await
    }

    async fn store_profile(
        &self,
        evidence: Evidence,
        change: &ProfileChange,
        language: Option<Language>,
        device: &Device,
    ) -> Result<Profile, AccountError> {
        let user = self
            .0
            .database
            .transaction("change_profile", async |connection| {
                let acting = evidence.check(connection).await?;
                self.write_profile(connection, &acting, change, language, device).await?;
                Ok::<_, AccountError>(acting.user.id)
            })
            .await?;
        self.0.relay.wake();
        self.0.avatars.wake();
        self.profile_of(user).await
    }

    async fn write_profile(
        &self,
        connection: &mut Connection,
        acting: &Acting,
        change: &ProfileChange,
        language: Option<Language>,
        device: &Device,
    ) -> Result<(), AccountError> {
        let (now, present) = (now(), &acting.user);
        // The address has changed since it was compared.
        if moves(present, change) && !acting.has_shown_ownership() {
            return Err(AccountError::Overtaken);
        }
        let username = change.username.as_ref().map(|wanted| wanted.instead_of(&present.username)).transpose();
        let username = username.map_err(|message| AccountError::Invalid("username", message))?.flatten();
        profiles::update(connection, acting, username.as_deref(), change).await.map_err(|error| taken(error, "username"))?;
        if username.is_some() {
            // They are published with the name of their owner.
            api_keys::publish_anew(connection, present.id).await?;
            security_events::record(connection, present.id, SecurityEvent::UsernameChanged, Some(device), now).await?;
        }
        if let Some(email) = &change.email {
            let new = NewAddress { user: acting, email, language, device, now };
            self.change_address(connection, acting, &new).await?;
        }
        Ok(())
    }
}

/// Whether mail would go elsewhere.
fn moves(user: &User, change: &ProfileChange) -> bool {
    change.email.as_deref().is_some_and(|email| user.email.as_deref().is_none_or(|present| !is_same_address(present, email)))
}
