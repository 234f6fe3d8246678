use chrono::{DateTime, Utc};
use zoetrope_contracts::mail::v1::{PasswordChanged, SendMail, send_mail::Content};
use zoetrope_domain::{Language, SessionId};
use zoetrope_outbox::enqueue;
use zoetrope_postgres::{Connection, DatabaseError};

use super::{Device, SecurityEvent, User};
use crate::store::{
    addresses, password_resets, security_events,
    sessions::{self, Revoked},
    users::{self, LockedUser},
};

/// A password that takes the place of another.
#[derive(Clone)]
pub(super) struct NewPassword {
    pub(super) hash: String,
    /// The session that goes on, if any.
    pub(super) spared: Option<SessionId>,
    /// Of the mail that tells the user.
    pub(super) language: Option<Language>,
    /// How it came to that.
    pub(super) event: SecurityEvent,
    pub(super) device: Device,
}

impl NewPassword {
    /// Ends the other sessions, makes links to choose a password void, and the one to another address, which somebody else may have asked
    /// for; and tells the user.
    pub(super) async fn store(
        &self,
        connection: &mut Connection,
        locked: &LockedUser,
        now: DateTime<Utc>,
    ) -> Result<Vec<Revoked>, DatabaseError> {
        let user = &locked.user;
        users::set_password(connection, user.id, &self.hash).await?;
        password_resets::forget_of(connection, locked).await?;
        addresses::forget_pending(connection, locked).await?;
        security_events::record(connection, user.id, self.event, Some(&self.device), now).await?;
        if let Some(recipient) = &user.email {
            enqueue(connection, &self.mail(user, recipient, now)).await?;
        }
        tracing::info!(user_id = %user.id, how = self.event.kind(), "another password");
        sessions::revoke_others(connection, locked, self.spared, now).await
    }

    fn mail(&self, user: &User, recipient: &str, now: DateTime<Utc>) -> SendMail {
        SendMail {
            mail_id: format!("password_changed.{}.{}", user.id, now.timestamp_micros()),
            recipient: recipient.to_owned(),
            language: self.language.unwrap_or_default().as_str().to_owned(),
            user_id: user.id.to_string(),
            expires_at: None,
            content: Some(Content::PasswordChanged(PasswordChanged {})),
        }
    }
}
