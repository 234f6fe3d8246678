use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;
use zoetrope_contracts::{timestamp, users::v1::UserRegistered};
use zoetrope_domain::{Language, OwnerGeneration, UserId};
use zoetrope_outbox::enqueue;
use zoetrope_postgres::{Connection, DatabaseError};
use zoetrope_service::run_to_end;
use zoetrope_tokens::Role;

use super::{AccountError, Accounts, Device, SecurityEvent, SignedIn, User};
use crate::{
    rules::registration::Registration,
    store::{
        balances, security_events,
        users::{self, InsertError, Unique},
    },
};

impl Accounts {
    /// Creates a user, tells the other services, and signs the user in; all of it or nothing.
    pub async fn register(
        &self,
        registration: Registration,
        language: Option<Language>,
        device: Device,
    ) -> Result<SignedIn, AccountError> {
        let password_hash = self.0.passwords.hash(registration.password).await?;
        let user = new_user(registration.username, registration.email, Role::User);
        let accounts = self.clone();
        let username_field = registration.username_field;
        run_to_end(async move { accounts.store(user, password_hash, language, username_field, device).await }).await
    }

    async fn store(
        &self,
        user: User,
        password_hash: String,
        language: Option<Language>,
        username_field: &'static str,
        device: Device,
    ) -> Result<SignedIn, AccountError> {
        let session = self.new_session(user.created_at, device)?;
        let user = self
            .0
            .database
            .transaction("register", async |connection| {
                let user = create(connection, &user, Some(&password_hash), language, username_field).await?;
                self.ask_to_confirm(connection, &user, language, user.created_at).await?;
                session.store(connection, &user).await?;
                Ok::<_, AccountError>(user)
            })
            .await?;
        self.0.relay.wake();
        tracing::info!(user_id = %user.id, "user registered");
        self.signed_in(user, session)
    }
}

/// Somebody who is about to be stored.
pub fn new_user(username: String, email: Option<String>, role: Role) -> User {
    User {
        id: UserId::new(Uuid::now_v7()),
        generation: OwnerGeneration::FIRST,
        username,
        email,
        role,
        display_name: None,
        avatar_url: None,
        credits: 0,
        created_at: now(),
    }
}

/// Stores a user and tells the other services, in the transaction of `connection`. Returns the user with what each new one is given.
pub async fn create(
    connection: &mut Connection,
    user: &User,
    password_hash: Option<&str>,
    language: Option<Language>,
    username_field: &'static str,
) -> Result<User, AccountError> {
    let user = &User { credits: balances::signup_grant(connection).await?, ..user.clone() };
    users::insert(connection, user, password_hash).await.map_err(|error| taken(error, username_field))?;
    security_events::record(connection, user.id, SecurityEvent::AccountCreated, None, user.created_at).await?;
    let registered = UserRegistered {
        user_id: user.id.to_string(),
        username: user.username.clone(),
        registered_at: Some(timestamp(user.created_at)),
        email: user.email.clone().unwrap_or_default(),
        language: language.map(|language| language.as_str().to_owned()).unwrap_or_default(),
    };
    enqueue(connection, &registered).await.map_err(DatabaseError::from)?;
    Ok(user.clone())
}

/// In the client's words.
pub(super) fn taken(error: InsertError, username_field: &'static str) -> AccountError {
    match error {
        InsertError::Taken(Unique::Username) => AccountError::Taken(username_field),
        InsertError::Taken(Unique::Email) => AccountError::Taken("email"),
        InsertError::Database(error) => error.into(),
    }
}

/// To the millisecond, as clients see it, so that what is stored is what was told.
pub(super) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}
