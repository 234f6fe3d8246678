use chrono::{DateTime, Utc};
use uuid::Uuid;
use zoetrope_contracts::{timestamp, users::v1::ContactChanged};
use zoetrope_domain::{Language, UserId};
use zoetrope_outbox::enqueue;
use zoetrope_postgres::{Connection, DatabaseError};
use zoetrope_service::run_to_end;
use zoetrope_tokens::Role;

use super::{
    AccountError, Accounts, Device, Ended, SecurityEvent, SignedIn, User, UserState,
    register::{create, new_user, now},
    session::NewSession,
    take_over::{NewOwner, draw_number},
};
use crate::{
    rules::{
        linking::{Account, Arrival, account},
        shown_text, username,
    },
    store::{
        addresses, identities, security_events, sign_in_codes,
        users::{self, LockedUser},
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

/// Somebody at the door.
pub(super) struct Visit {
    pub(super) arrival: Arrival,
    /// The mailed code that was shown, to be used up.
    pub(super) code: Option<Uuid>,
    pub(super) language: Option<Language>,
    pub(super) device: Device,
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
        self.admit(Visit { arrival, code: None, language, device }).await
    }

    /// Signs a visitor in.
    pub(super) async fn admit(&self, visit: Visit) -> Result<Arrived, AccountError> {
        let accounts = self.clone();
        run_to_end(async move {
            let now = now();
            let session = accounts.new_session(now, visit.device.clone())?;
            let (user, is_new) = accounts.enter(&visit, Some(&session), now).await?;
            tracing::info!(user_id = %user.id, is_new, "signed in without a password");
            Ok(Arrived { signed_in: accounts.signed_in(user, session)?, is_new })
        })
        .await
    }

    /// Makes a user of a visitor who is none yet, without signing in. Tells whether that is so.
    pub(super) async fn enroll(&self, visit: Visit) -> Result<bool, AccountError> {
        let accounts = self.clone();
        run_to_end(async move {
            let (user, is_new) = accounts.enter(&visit, None, now()).await?;
            tracing::info!(user_id = %user.id, is_new, "registered without a password");
            Ok(is_new)
        })
        .await
    }

    async fn enter(&self, visit: &Visit, session: Option<&NewSession>, now: DateTime<Utc>) -> Result<(User, bool), AccountError> {
        for _ in 1..ATTEMPTS {
            match self.try_to_enter(visit, session, now).await {
                Err(AccountError::Overtaken) => {}
                entered => return entered,
            }
        }
        self.try_to_enter(visit, session, now).await
    }

    async fn try_to_enter(
        &self,
        visit: &Visit,
        session: Option<&NewSession>,
        now: DateTime<Utc>,
    ) -> Result<(User, bool), AccountError> {
        let newcomer = User { created_at: now, ..newcomer(&visit.arrival)? };
        let entrance = self
            .0
            .database
            .transaction("arrive", async |connection| {
                if let Some(code) = visit.code
                    && !sign_in_codes::use_up(connection, code, now).await?
                {
                    return Err(AccountError::WrongCode);
                }
                let entrance = find_or_create(connection, visit, &newcomer).await?;
                if let Some(session) = session {
                    session.store(connection, &entrance.user).await?;
                }
                Ok(entrance)
            })
            .await?;
        let Entrance { user, is_new, ended } = entrance;
        self.announce_ended(&ended).await;
        self.0.avatars.wake();
        Ok((user, is_new))
    }
}

fn newcomer(arrival: &Arrival) -> Result<User, AccountError> {
    let username = username::suggest(arrival.name.as_deref(), draw_number()?);
    let display_name = arrival.name.as_deref().and_then(shown_text::name_of_stranger);
    Ok(User { display_name, ..new_user(username, arrival.verified_email.clone(), Role::User) })
}

async fn find_or_create(connection: &mut Connection, visit: &Visit, newcomer: &User) -> Result<Entrance, AccountError> {
    let arrival = &visit.arrival;
    let found = account_of(connection, arrival).await?;
    let user = match found {
        Account::New => return add(connection, arrival, newcomer, visit.language).await,
        Account::Guarded(user) => {
            tracing::warn!(user_id = %user, "somebody showed to have the address that an administrator has only claimed, and was refused");
            return Err(AccountError::UnconfirmedAdmin);
        }
        Account::Own(user) | Account::Claimed(user) => user,
    };
    let locked = users::lock(connection, user).await?.ok_or(AccountError::Overtaken)?;
    // Whoever held the lock before may have taken away what leads here.
    if account_of(connection, arrival).await? != found {
        return Err(AccountError::Overtaken);
    }
    if matches!(found, Account::Own(_)) {
        locked.state.let_in()?;
        return meet(connection, arrival, &locked, newcomer.created_at).await;
    }
    if locked.state == UserState::Deleted {
        // The claimant gave the account up, and cannot give up the address of somebody else.
        free_address(connection, &locked, newcomer.created_at).await?;
        return add(connection, arrival, newcomer, visit.language).await;
    }
    locked.state.let_in()?;
    let owner = NewOwner {
        username: &newcomer.username,
        display_name: newcomer.display_name.as_deref(),
        language: visit.language,
        device: &visit.device,
    };
    let ended = owner.take_over(connection, &locked, newcomer.created_at).await?;
    let owned = users::lock(connection, user).await?.ok_or(AccountError::Overtaken)?;
    Ok(Entrance { ended, ..meet(connection, arrival, &owned, newcomer.created_at).await? })
}

/// Whose account it is, as things stand.
async fn account_of(connection: &mut Connection, arrival: &Arrival) -> Result<Account, DatabaseError> {
    let mut known = None;
    for identity in &arrival.identities {
        known = known.or(identities::user(connection, identity).await?);
    }
    let holder = match &arrival.verified_email {
        Some(email) => users::holder(connection, email).await?,
        None => None,
    };
    Ok(account(known, holder))
}

async fn add(
    connection: &mut Connection,
    arrival: &Arrival,
    newcomer: &User,
    language: Option<Language>,
) -> Result<Entrance, AccountError> {
    let newcomer = &create(connection, newcomer, None, language, "username").await.map_err(|error| match error {
        AccountError::Taken(_) => AccountError::Overtaken,
        other => other,
    })?;
    if let Some(email) = &arrival.verified_email {
        users::verify_email(connection, newcomer.id, email, newcomer.created_at).await?;
    }
    if link(connection, arrival, newcomer.id, newcomer.created_at).await? < arrival.identities.len() {
        return Err(AccountError::Overtaken);
    }
    Ok(Entrance { user: newcomer.clone(), is_new: true, ended: Ended::default() })
}

/// Makes the user known by the identities by which nobody is known yet. Tells how many those were.
async fn link(connection: &mut Connection, arrival: &Arrival, user: UserId, now: DateTime<Utc>) -> Result<usize, DatabaseError> {
    let mut linked = 0;
    for identity in &arrival.identities {
        if identities::add(connection, user, identity, now).await? {
            security_events::record(connection, user, SecurityEvent::IdentityLinked(identity.provider), None, now).await?;
            linked += 1;
        }
    }
    Ok(linked)
}

/// An identity that is another user's stays that user's.
async fn meet(
    connection: &mut Connection,
    arrival: &Arrival,
    locked: &LockedUser,
    now: DateTime<Utc>,
) -> Result<Entrance, AccountError> {
    let user = locked.user.clone();
    link(connection, arrival, user.id, now).await?;
    if let Some(email) = &arrival.verified_email {
        users::verify_email(connection, user.id, email, now).await?;
    }
    Ok(Entrance { user, is_new: false, ended: Ended::default() })
}

async fn free_address(connection: &mut Connection, deleted: &LockedUser, now: DateTime<Utc>) -> Result<(), DatabaseError> {
    addresses::release(connection, deleted).await?;
    let user = deleted.user.id;
    security_events::record(connection, user, SecurityEvent::EmailChanged, None, now).await?;
    let changed = ContactChanged { user_id: user.to_string(), email: String::new(), changed_at: Some(timestamp(now)) };
    enqueue(connection, &changed).await?;
    tracing::info!(user_id = %user, "the address of a deleted user was shown to be somebody else's, who gets an account of his own");
    Ok(())
}
