use aws_lc_rs::rand;
use zoetrope_domain::{ApiKeyId, Language, UserId};
use zoetrope_postgres::{Connection, DatabaseError};
use zoetrope_service::run_to_end;
use zoetrope_tokens::Role;

use super::{
    AccountError, Accounts, Device, SignedIn, User,
    register::{create, new_user, now},
};
use crate::{
    rules::{
        linking::{Account, Arrival, account},
        username,
    },
    store::{
        api_keys, identities,
        sessions::{self, Revoked},
        users,
    },
};

/// Of two who come at the same time for the first time, the second finds what the first left; and a suggested name may be taken.
const ATTEMPTS: u32 = 5;

/// Somebody who has come in without a password.
pub struct Arrived {
    pub signed_in: SignedIn,
    /// Whether the user was made just now.
    pub is_new: bool,
}

/// What has ended, for those who must hear of it.
#[derive(Default)]
pub(super) struct Ended {
    pub(super) sessions: Vec<Revoked>,
    pub(super) keys: Vec<ApiKeyId>,
}

/// Whom an arrival leads to.
struct Entrance {
    user: User,
    is_new: bool,
    ended: Ended,
}

impl Accounts {
    /// Signs in who has shown to be this, and makes a user of who is none yet. [`account`] says whose account it is.
    pub async fn arrive(&self, arrival: Arrival, language: Option<Language>, device: Device) -> Result<Arrived, AccountError> {
        let accounts = self.clone();
        run_to_end(async move {
            for _ in 1..ATTEMPTS {
                match accounts.enter(&arrival, language, device.clone()).await {
                    Err(AccountError::Overtaken) => {}
                    entered => return entered,
                }
            }
            accounts.enter(&arrival, language, device).await
        })
        .await
    }

    async fn enter(&self, arrival: &Arrival, language: Option<Language>, device: Device) -> Result<Arrived, AccountError> {
        let newcomer = newcomer(arrival)?;
        let session = self.new_session(newcomer.created_at, device)?;
        let entrance = self
            .0
            .database
            .transaction("arrive", async |connection| {
                let entrance = find_or_create(connection, arrival, &newcomer, language).await?;
                session.store(connection, &entrance.user).await?;
                Ok::<_, AccountError>(entrance)
            })
            .await?;
        let Entrance { user, is_new, ended } = entrance;
        self.announce_ended(&ended).await;
        tracing::info!(user_id = %user.id, is_new, "signed in without a password");
        Ok(Arrived { signed_in: self.signed_in(user, session)?, is_new })
    }

    /// Tells the other services at once, if Redis is there. Housekeeping makes sure of it.
    pub(super) async fn announce_ended(&self, ended: &Ended) {
        self.announce(&ended.sessions).await;
        for key in &ended.keys {
            self.announce_revoked_key(*key).await;
        }
    }
}

fn newcomer(arrival: &Arrival) -> Result<User, AccountError> {
    let mut number = [0; 4];
    rand::fill(&mut number).map_err(|_| AccountError::Randomness)?;
    let username = username::suggest(arrival.name.as_deref(), u32::from_be_bytes(number));
    Ok(new_user(username, arrival.verified_email.clone(), Role::User))
}

async fn find_or_create(
    connection: &mut Connection,
    arrival: &Arrival,
    newcomer: &User,
    language: Option<Language>,
) -> Result<Entrance, AccountError> {
    let mut known = None;
    for identity in &arrival.identities {
        known = known.or(identities::user(connection, identity).await?);
    }
    let holder = match &arrival.verified_email {
        Some(email) => users::holder(connection, email).await?,
        None => None,
    };
    match account(known, holder) {
        Account::New => add(connection, arrival, newcomer, language).await,
        Account::Own(user) => meet(connection, arrival, user).await,
        Account::Claimed(user) => take_over(connection, arrival, user).await,
    }
}

async fn add(
    connection: &mut Connection,
    arrival: &Arrival,
    newcomer: &User,
    language: Option<Language>,
) -> Result<Entrance, AccountError> {
    create(connection, newcomer, None, language, "username").await.map_err(|error| match error {
        AccountError::Taken(_) => AccountError::Overtaken,
        other => other,
    })?;
    if let Some(email) = &arrival.verified_email {
        users::verify_email(connection, newcomer.id, email, newcomer.created_at).await?;
    }
    for identity in &arrival.identities {
        if !identities::add(connection, newcomer.id, identity, newcomer.created_at).await? {
            return Err(AccountError::Overtaken);
        }
    }
    Ok(Entrance { user: newcomer.clone(), is_new: true, ended: Ended::default() })
}

/// An identity that is another user's stays that user's.
async fn meet(connection: &mut Connection, arrival: &Arrival, user: UserId) -> Result<Entrance, AccountError> {
    let (user, _) = users::lock(connection, user).await?.ok_or(AccountError::Overtaken)?;
    for identity in &arrival.identities {
        identities::add(connection, user.id, identity, now()).await?;
    }
    if let Some(email) = &arrival.verified_email {
        users::verify_email(connection, user.id, email, now()).await?;
    }
    Ok(Entrance { user, is_new: false, ended: Ended::default() })
}

async fn take_over(connection: &mut Connection, arrival: &Arrival, user: UserId) -> Result<Entrance, AccountError> {
    users::lock(connection, user).await?;
    let email = arrival.verified_email.as_deref().unwrap_or_default();
    // Somebody else has shown it since, or the user has another by now.
    if !users::verify_email(connection, user, email, now()).await? {
        return Err(AccountError::Overtaken);
    }
    let ended = drop_claims(connection, user).await?;
    users::forget_password(connection, user).await?;
    let sessions = sessions::revoke_others(connection, user, None, now()).await?;
    let entrance = meet(connection, arrival, user).await?;
    tracing::info!(user_id = %user, "the address was shown to be somebody's: what was set before no longer lets in");
    Ok(Entrance { ended: Ended { sessions, ..ended }, ..entrance })
}

/// Ends what may have been left by somebody who had only claimed the address of the account.
pub(super) async fn drop_claims(connection: &mut Connection, user: UserId) -> Result<Ended, DatabaseError> {
    identities::forget_of(connection, user).await?;
    let keys = api_keys::revoke_all(connection, user, now()).await?;
    Ok(Ended { sessions: Vec::new(), keys })
}
