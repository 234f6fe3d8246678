use std::time::Duration;

use chrono::Utc;
use tokio::time::timeout;
use zoetrope_domain::{SessionId, UserId};
use zoetrope_postgres::DatabaseError;
use zoetrope_service::run_to_end;

use super::{AccountError, Accounts, Device, SecurityEvent, register::now};
use crate::{
    credentials::RefreshToken,
    store::{
        refresh_tokens, security_events,
        sessions::{self, Revoked},
    },
};

/// What a sign-out waits for Redis; what it does not take in that time, housekeeping brings later.
pub(super) const ANNOUNCE_PATIENCE: Duration = Duration::from_millis(250);

impl Accounts {
    /// Ends the sessions that the credentials prove; what proves none is passed over.
    pub async fn sign_out(&self, bearer: Option<&str>, refresh_token: Option<&str>, device: Device) -> Result<(), AccountError> {
        let claims = bearer.and_then(|token| self.0.verifier.verify(token, Utc::now()).ok());
        let by_bearer = claims.map(|claims| (claims.user_id, claims.session_id));
        let by_cookie = refresh_token.and_then(RefreshToken::parse);
        if by_bearer.is_none() && by_cookie.is_none() {
            return Ok(());
        }
        let accounts = self.clone();
        run_to_end(async move { accounts.end_sessions(by_bearer, by_cookie, device).await }).await
    }

    async fn end_sessions(
        &self,
        by_bearer: Option<(UserId, SessionId)>,
        by_cookie: Option<RefreshToken>,
        device: Device,
    ) -> Result<(), AccountError> {
        let revoked = self
            .0
            .database
            .transaction("sign_out", async |connection| {
                let mut sessions = Vec::from_iter(by_bearer);
                if let Some(token) = &by_cookie {
                    let stored = refresh_tokens::lock(connection, token.id).await?;
                    let stored = stored.filter(|stored| token.matches(&stored.secret_hash));
                    sessions.extend(stored.map(|stored| (stored.user.id, stored.session_id)));
                }
                let mut revoked = Vec::new();
                for (user, session) in sessions {
                    let ended = sessions::revoke(connection, &[session], now()).await?;
                    if let Some(event) = SecurityEvent::of_ended(&ended) {
                        security_events::record(connection, user, event, Some(&device), now()).await?;
                    }
                    revoked.extend(ended);
                }
                Ok::<_, DatabaseError>(revoked)
            })
            .await?;
        self.announce(&revoked).await;
        Ok(())
    }

    /// Tells the other services at once, if Redis is there. Housekeeping makes sure of it.
    pub(super) async fn announce(&self, revoked: &[Revoked]) {
        // They hear it on the bus, too.
        self.0.relay.wake();
        for session in revoked {
            let announced = self.0.access.revoke_session(session.id, session.tokens_live_for(Utc::now()));
            let in_time = matches!(timeout(ANNOUNCE_PATIENCE, announced).await, Ok(Ok(())));
            tracing::debug!(session_id = %session.id, in_time, "session revoked");
            if !in_time {
                break;
            }
        }
    }
}
