use chrono::{DateTime, Utc};
use zoetrope_postgres::{Connection, DatabaseError};
use zoetrope_service::run_to_end;
use zoetrope_tokens::TokenKind;

use super::{AccountError, Accounts, Device, SecurityEvent, UserState, register::now};
use crate::{
    credentials::RefreshToken,
    rules::rotation::{Presented, Verdict, judge},
    store::{
        refresh_tokens::{self, StoredToken},
        security_events,
        sessions::{self, Revoked},
        users,
    },
};

/// What a refresh token was exchanged for.
pub struct Refreshed {
    pub access_token: String,
    pub refresh_token: RefreshToken,
}

/// What the transaction came to. A revocation is stored, so it is not an error there.
enum Outcome {
    Renewed(Box<StoredToken>),
    Revoked(Vec<Revoked>),
    Refused,
}

impl Accounts {
    /// Exchanges a refresh token; see [`crate::rules::rotation`].
    pub async fn refresh(&self, presented: &str, device: Device) -> Result<Refreshed, AccountError> {
        let presented = RefreshToken::parse(presented).ok_or(AccountError::NotSignedIn("the refresh token is not valid"))?;
        let accounts = self.clone();
        run_to_end(async move { accounts.exchange(presented, device).await }).await
    }

    async fn exchange(&self, presented: RefreshToken, device: Device) -> Result<Refreshed, AccountError> {
        let now = now();
        let next = RefreshToken::generate().map_err(|_| AccountError::Randomness)?;
        let outcome = self
            .0
            .database
            .transaction("refresh", async |connection| self.rotate(connection, &presented, &next, &device, now).await)
            .await?;
        match outcome {
            Outcome::Renewed(stored) => {
                let (access_token, _) = self.sign(&stored.user, stored.session_id, TokenKind::Access, now)?;
                Ok(Refreshed { access_token, refresh_token: next })
            }
            Outcome::Revoked(revoked) => {
                let session_id = revoked.first().map(|session| tracing::field::display(session.id));
                tracing::warn!(refresh_token_id = %presented.id, session_id, "a used refresh token was presented: its session is revoked");
                self.announce(&revoked).await;
                Err(AccountError::NotSignedIn("the session has ended"))
            }
            Outcome::Refused => Err(AccountError::NotSignedIn("the refresh token is not valid")),
        }
    }

    async fn rotate(
        &self,
        connection: &mut Connection,
        presented: &RefreshToken,
        next: &RefreshToken,
        device: &Device,
        now: DateTime<Utc>,
    ) -> Result<Outcome, DatabaseError> {
        let Some(owner) = refresh_tokens::user(connection, presented.id).await? else { return Ok(Outcome::Refused) };
        let Some(locked) = users::lock(connection, owner).await? else { return Ok(Outcome::Refused) };
        let Some(stored) = refresh_tokens::find(connection, presented.id).await? else { return Ok(Outcome::Refused) };
        if locked.state != UserState::Active || !presented.matches(&stored.secret_hash) {
            return Ok(Outcome::Refused);
        }
        let known = Presented { expires_at: stored.expires_at, used_at: stored.used_at, session_revoked: stored.session_revoked };
        match judge(known, now, self.0.sessions.reuse_grace()) {
            Verdict::FirstUse => refresh_tokens::mark_used(connection, presented.id, now).await?,
            Verdict::InnocentRepetition => {}
            Verdict::Reuse => {
                let event = SecurityEvent::RefreshTokenReused(stored.session_id);
                security_events::record(connection, stored.user.id, event, Some(device), now).await?;
                return Ok(Outcome::Revoked(sessions::revoke(connection, &locked, &[stored.session_id], now).await?));
            }
            Verdict::Ended => return Ok(Outcome::Refused),
        }
        let expires_at = now + self.0.sessions.refresh_token();
        sessions::extend(connection, stored.session_id, now + self.0.sessions.longest()).await?;
        refresh_tokens::insert(connection, next, stored.session_id, now, expires_at).await?;
        Ok(Outcome::Renewed(Box::new(stored)))
    }
}
