use std::net::IpAddr;

use chrono::{DateTime, Utc};
use zoetrope_domain::{SessionId, UserId};
use zoetrope_postgres::{Connection, DatabaseError};
use zoetrope_service::run_to_end;

use super::{AccountError, Accounts, Device, Evidence, SecurityEvent, register::now};
use crate::store::{
    addresses, security_events,
    sessions::{self, Revoked},
};

/// Nobody looks through more.
const MOST_LISTED: i64 = 200;

/// A session as its user sees it.
#[derive(Debug, Clone)]
pub struct OpenSession {
    pub id: SessionId,
    /// What the client calls itself.
    pub device: Option<String>,
    pub address: Option<IpAddr>,
    pub created_at: DateTime<Utc>,
    /// To within some seconds.
    pub last_used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

impl Accounts {
    /// The user's sessions that have not ended, the newest first.
    pub async fn sessions(&self, user: UserId) -> Result<Vec<OpenSession>, AccountError> {
        let mut connection = self.0.database.connection().await?;
        Ok(sessions::open_ones(&mut connection, user, Utc::now(), MOST_LISTED).await?)
    }

    /// Ends one session of the user who asks for it in another, or in this one.
    pub async fn end_session(&self, asking: SessionId, session: SessionId, device: Device) -> Result<(), AccountError> {
        let accounts = self.clone();
        run_to_end(async move {
            let revoked = accounts
                .0
                .database
                .transaction("end_session", async |connection| {
                    let acting = Evidence::session(asking).check(connection).await?;
                    let revoked = sessions::revoke_own(connection, &acting, session, now()).await?;
                    record_end(connection, acting.user.id, &revoked, &device).await?;
                    Ok::<_, AccountError>(revoked)
                })
                .await?;
            accounts.announce(&revoked).await;
            if revoked.is_empty() { Err(AccountError::Unknown("session")) } else { Ok(()) }
        })
        .await
    }

    /// Ends all sessions of the user, but for the one that asks if it is to go on. Tells how many. Another address that was asked for is forgotten: it may have
    /// been somebody else in one of them.
    pub async fn end_all_sessions(&self, asking: SessionId, goes_on: bool, device: Device) -> Result<usize, AccountError> {
        let accounts = self.clone();
        run_to_end(async move {
            let revoked = accounts
                .0
                .database
                .transaction("end_sessions", async |connection| {
                    let acting = Evidence::session(asking).check(connection).await?;
                    addresses::forget_pending(connection, &acting).await?;
                    let spared = goes_on.then_some(acting.session());
                    let revoked = sessions::revoke_others(connection, &acting, spared, now()).await?;
                    record_end(connection, acting.user.id, &revoked, &device).await?;
                    Ok::<_, AccountError>(revoked)
                })
                .await?;
            accounts.announce(&revoked).await;
            Ok(revoked.len())
        })
        .await
    }
}

async fn record_end(connection: &mut Connection, user: UserId, ended: &[Revoked], device: &Device) -> Result<(), DatabaseError> {
    match SecurityEvent::of_ended(ended) {
        Some(event) => security_events::record(connection, user, event, Some(device), now()).await,
        None => Ok(()),
    }
}
