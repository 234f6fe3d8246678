use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use uuid::Uuid;
use zoetrope_domain::SessionId;
use zoetrope_postgres::Connection;
use zoetrope_tokens::{Claims, TokenKind};

use super::{AccountError, Accounts, Device, SecurityEvent, User, UserState};
use crate::{
    credentials::RefreshToken,
    store::{refresh_tokens, security_events, sessions, users},
};

/// A user with a new session and its tokens.
pub struct SignedIn {
    pub user: User,
    /// For minutes.
    pub access_token: String,
    /// For days, for clients that know no refresh.
    pub session_token: String,
    pub session_token_expires_at: DateTime<Utc>,
    pub refresh_token: RefreshToken,
}

/// A session that is about to be stored.
pub(super) struct NewSession {
    id: SessionId,
    device: Device,
    opened_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    refresh_token: RefreshToken,
    refresh_token_expires_at: DateTime<Utc>,
}

impl Accounts {
    pub(super) fn new_session(&self, now: DateTime<Utc>, device: Device) -> Result<NewSession, AccountError> {
        Ok(NewSession {
            id: SessionId::new(Uuid::now_v7()),
            device,
            opened_at: now,
            expires_at: now + self.0.sessions.longest(),
            refresh_token: RefreshToken::generate().map_err(|_| AccountError::Randomness)?,
            refresh_token_expires_at: now + self.0.sessions.refresh_token(),
        })
    }

    /// The tokens of a session that was stored.
    pub(super) fn signed_in(&self, user: User, session: NewSession) -> Result<SignedIn, AccountError> {
        let (access_token, _) = self.sign(&user, session.id, TokenKind::Access, session.opened_at)?;
        let (session_token, session_token_expires_at) = self.sign(&user, session.id, TokenKind::Session, session.opened_at)?;
        Ok(SignedIn { user, access_token, session_token, session_token_expires_at, refresh_token: session.refresh_token })
    }

    /// A token for the session, and when it expires.
    pub(super) fn sign(
        &self,
        user: &User,
        session_id: SessionId,
        kind: TokenKind,
        now: DateTime<Utc>,
    ) -> Result<(String, DateTime<Utc>), AccountError> {
        let lifetime: TimeDelta = match kind {
            TokenKind::Access => self.0.sessions.access_token(),
            TokenKind::Session => self.0.sessions.session_token(),
        };
        // Tokens count whole seconds.
        let expires_at = now.trunc_subsecs(0) + lifetime;
        Ok((self.sign_until(user, session_id, kind, now, expires_at)?, expires_at))
    }

    /// A token for the session that expires then.
    pub(super) fn sign_until(
        &self,
        user: &User,
        session_id: SessionId,
        kind: TokenKind,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<String, AccountError> {
        let issued_at = now.trunc_subsecs(0);
        let (user_id, owner_generation, username, role) = (user.id, user.generation, user.username.clone(), user.role);
        let claims = Claims { user_id, owner_generation, session_id, username, role, kind, issued_at, expires_at };
        Ok(self.0.signer.sign(&claims)?)
    }
}

impl NewSession {
    /// Refuses a user who is suspended or deleted. The transaction ends behind the lock, so that a suspension ends this session or
    /// prevents it; unless this succeeds, it has to be given up.
    pub(super) async fn store(&self, connection: &Connection, user: &User) -> Result<(), AccountError> {
        let event = SecurityEvent::SignedIn(self.id);
        // None waits for the answer to another.
        let (state, ..) = tokio::try_join!(
            users::lock_state(connection, user.id),
            sessions::open(connection, self.id, user.id, &self.device, self.opened_at, self.expires_at),
            refresh_tokens::insert(connection, &self.refresh_token, self.id, self.opened_at, self.refresh_token_expires_at),
            security_events::record(connection, user.id, event, Some(&self.device), self.opened_at),
        )?;
        state.unwrap_or(UserState::Deleted).let_in()
    }
}
