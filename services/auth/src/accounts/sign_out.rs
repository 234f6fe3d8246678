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
        users,
    },
};

/// What a sign-out waits for Redis; what it does not take in that time, housekeeping brings later.
pub(super) const ANNOUNCE_PATIENCE: Duration = Duration::from_millis(250);

impl Accounts {
    /// Ends the sessions that the credentials prove; what proves none is passed over.
    pub async fn sign_out(&self, tokens: &[String], refresh_token: Option<&str>, device: Device) -> Result<(), AccountError> {
        let proven = tokens.iter().filter_map(|token| self.0.verifier.verify(token, Utc::now()).ok());
        let by_token: Vec<(UserId, SessionId)> = proven.map(|claims| (claims.user_id, claims.session_id)).collect();
        let by_refresh_token = refresh_token.and_then(RefreshToken::parse);
        if by_token.is_empty() && by_refresh_token.is_none() {
            return Ok(());
        }
        let accounts = self.clone();
        run_to_end(async move { accounts.end_sessions(by_token, by_refresh_token, device).await }).await
    }

    async fn end_sessions(
        &self,
        by_token: Vec<(UserId, SessionId)>,
        by_refresh_token: Option<RefreshToken>,
        device: Device,
    ) -> Result<(), AccountError> {
        let revoked = self
            .0
            .database
            .transaction("sign_out", async |connection| {
                let mut sessions = by_token.clone();
                if let Some(token) = &by_refresh_token {
                    let stored = refresh_tokens::find(connection, token.id).await?;
                    let stored = stored.filter(|stored| token.matches(&stored.secret_hash));
                    sessions.extend(stored.map(|stored| (stored.user.id, stored.session_id)));
                }
                // In one order, so that two who sign out of the same accounts do not wait for each other.
                sessions.sort_unstable_by_key(|(user, session)| (user.as_uuid(), session.as_uuid()));
                sessions.dedup();
                let mut revoked = Vec::new();
                for (user, session) in sessions {
                    let Some(locked) = users::lock(connection, user).await? else { continue };
                    let ended = sessions::revoke(connection, &locked, &[session], now()).await?;
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
