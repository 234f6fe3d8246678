//! What a command of somebody who is signed in may rely on.
//!
//! A request is judged when it comes, and changes something later: after a password was hashed, a picture was made, a lock was waited for. What
//! happens meanwhile (somebody takes the account over, ends all sessions, chooses another password, suspends the user) must count. So a
//! command says by [`Evidence`] what it was judged by, and its transaction begins with [`Evidence::check`], which locks the row of the user
//! and looks again. Only that makes an [`Acting`], without which [`crate::store`] changes nothing in the name of a user. Whatever ends sessions, or
//! takes anything else away that lets somebody in, holds the same lock.

use std::ops::Deref;

use chrono::{DateTime, Utc};
use zoetrope_domain::SessionId;
use zoetrope_postgres::Connection;

use super::{AccountError, register::now};
use crate::store::{
    sessions,
    users::{self, LockedUser},
};

pub(super) const ENDED: AccountError = AccountError::NotSignedIn("the session has ended");

/// What a request showed when it was judged.
#[derive(Debug, Clone)]
pub struct Evidence {
    session: SessionId,
    proof: Proof,
}

/// What it showed beside the session. `field` is what the client calls the password.
#[derive(Debug, Clone)]
pub(super) enum Proof {
    Session,
    /// The session was opened a moment ago, which proves enough, password or not.
    RecentSession,
    /// The session was opened a moment ago, which proves enough of a user who has no password.
    NoPassword {
        field: &'static str,
    },
    /// A password that was compared with this hash.
    Password {
        hash: String,
    },
}

/// A user who acts, by evidence that holds while the row of the user is locked.
pub struct Acting {
    user: LockedUser,
    session: SessionId,
    opened_at: DateTime<Utc>,
    proof: Proof,
}

impl Evidence {
    /// A session, and nothing else.
    pub fn session(session: SessionId) -> Self {
        Self { session, proof: Proof::Session }
    }

    pub(super) fn with(session: SessionId, proof: Proof) -> Self {
        Self { session, proof }
    }

    /// Locks the row of the user until the transaction ends, and makes sure that the session goes on, that the password is the one that was
    /// shown, and that the user may act. Overtaken: there is another password by now; whoever has shown one may show it again.
    pub async fn check(&self, connection: &mut Connection) -> Result<Acting, AccountError> {
        let owner = sessions::user(connection, self.session).await?.ok_or(ENDED)?;
        let user = users::lock(connection, owner).await?.ok_or(ENDED)?;
        // Behind the lock, by a statement of its own: it sees what the one who held the lock before has done.
        let opened_at = sessions::lock_open(connection, self.session, now()).await?.ok_or(ENDED)?;
        user.state.let_in()?;
        match &self.proof {
            Proof::Session | Proof::RecentSession => {}
            Proof::NoPassword { field } if user.password_hash.is_some() => return Err(AccountError::Missing(field)),
            Proof::NoPassword { .. } => {}
            Proof::Password { hash } if user.password_hash.as_ref() != Some(hash) => return Err(AccountError::Overtaken),
            Proof::Password { .. } => {}
        }
        Ok(Acting { user, session: self.session, opened_at, proof: self.proof.clone() })
    }
}

impl Acting {
    pub(super) fn session(&self) -> SessionId {
        self.session
    }

    /// When the user signed in.
    pub(super) fn opened_at(&self) -> DateTime<Utc> {
        self.opened_at
    }

    /// Whether more was shown than the session.
    pub(super) fn has_shown_ownership(&self) -> bool {
        !matches!(self.proof, Proof::Session)
    }
}

impl Deref for Acting {
    type Target = LockedUser;

    fn deref(&self) -> &LockedUser {
        &self.user
    }
}
