//! Mails the links to choose a new password that were asked for.
//!
//! Requests are written down for known and unknown addresses alike; here they are looked at, when the answer is on its way. Any number of
//! replicas may do it.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use chrono::{TimeDelta, Utc};
use secrecy::ExposeSecret;
use tokio::{sync::Notify, time::timeout};
use tokio_util::sync::CancellationToken;
use zoetrope_contracts::{
    mail::v1::{PasswordReset, SendMail, send_mail::Content},
    timestamp,
};
use zoetrope_outbox::{Relay, enqueue};
use zoetrope_postgres::{Connection, Database, DatabaseError};

use crate::{
    credentials::ResetToken,
    rules::{login::Identifier, reset::ResetPage},
    store::{
        password_resets,
        reset_requests::{self, ResetRequest},
        users,
    },
};

/// For what a process left behind that ended.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// Cheap to clone.
#[derive(Clone)]
pub struct ResetDesk(Arc<Parts>);

struct Parts {
    database: Database,
    relay: Relay,
    page: ResetPage,
    valid_minutes: NonZeroU32,
    asked: Notify,
}

/// There is no link to be mailed.
#[derive(Debug, thiserror::Error)]
enum DeskError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("the system has no randomness to give")]
    Randomness,
}

impl ResetDesk {
    pub fn new(database: Database, relay: Relay, page: ResetPage, valid_minutes: NonZeroU32) -> Self {
        Self(Arc::new(Parts { database, relay, page, valid_minutes, asked: Notify::new() }))
    }

    /// There is a new request.
    pub fn wake(&self) {
        self.0.asked.notify_one();
    }

    /// Works until `stopping`. A database that is away only delays it.
    pub async fn run(self, stopping: CancellationToken) -> anyhow::Result<()> {
        // An outage is logged once.
        let mut waiting = false;
        while stopping.run_until_cancelled(timeout(SWEEP_EVERY, self.0.asked.notified())).await.is_some() {
            match self.clear().await {
                Ok(()) => waiting = false,
                Err(error) if !waiting => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "links to choose a new password wait to be mailed");
                    waiting = true;
                }
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Until no request is left.
    async fn clear(&self) -> Result<(), DeskError> {
        while self.0.database.transaction("mail_reset_link", async |connection| self.handle_one(connection).await).await? {
            self.0.relay.wake();
        }
        Ok(())
    }

    /// Tells whether there was one.
    async fn handle_one(&self, connection: &mut Connection) -> Result<bool, DeskError> {
        let Some(request) = reset_requests::take(connection).await? else { return Ok(false) };
        self.mail_link(connection, &request).await?;
        Ok(true)
    }

    async fn mail_link(&self, connection: &mut Connection, request: &ResetRequest) -> Result<(), DeskError> {
        let now = Utc::now();
        let expires_at = request.created_at + TimeDelta::minutes(self.0.valid_minutes.get().into());
        if expires_at <= now {
            return Ok(());
        }
        let Some((user, _)) = users::find(connection, &Identifier::email(&request.email)).await? else { return Ok(()) };
        // Of two requests at once, the second sees what the first led to.
        let Some(locked) = users::lock(connection, user.id).await? else { return Ok(()) };
        let user = locked.user;
        // The address that is known, not the one that was typed: two that look alike may be two.
        let Some(recipient) = user.email else { return Ok(()) };
        if users::holder(connection, &recipient).await?.is_some_and(|holder| holder.is_guarded()) {
            tracing::info!(user_id = %user.id, "no link to choose a password for an administrator who has not confirmed the address");
            return Ok(());
        }
        if !password_resets::open(connection, user.id, now).await?.allow_another(now) {
            return Ok(());
        }
        let token = ResetToken::generate().map_err(|_| DeskError::Randomness)?;
        password_resets::insert(connection, &token, user.id, now, expires_at).await?;
        let mail = SendMail {
            mail_id: format!("password_reset.{}", token.id),
            recipient,
            language: request.language.unwrap_or_default().as_str().to_owned(),
            user_id: user.id.to_string(),
            expires_at: Some(timestamp(expires_at)),
            content: Some(Content::PasswordReset(PasswordReset {
                link: self.0.page.link(token.reveal().expose_secret()),
                valid_minutes: self.0.valid_minutes.get(),
            })),
        };
        enqueue(connection, &mail).await.map_err(DatabaseError::from)?;
        tracing::info!(user_id = %user.id, "a link to choose a new password is mailed");
        Ok(())
    }
}
