use chrono::{DateTime, Utc};
use uuid::Uuid;
use zoetrope_domain::{ApiKeyId, SessionId, UserId};
use zoetrope_tokens::{Credential, Role};

use super::{AccountError, Accounts, Dropped};
use crate::{
    rules::linking::Provider,
    store::{security_events, sessions::Revoked, users},
};

/// What happened to an account, that somebody who looks into an incident wants to know. Written down by
/// [`security_events::record`](crate::store::security_events::record), in the transaction of what it tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityEvent {
    AccountCreated,
    SignedIn(SessionId),
    /// Another service vouches for the user from now on.
    IdentityLinked(Provider),
    /// The address was shown to be somebody's who had not set the password, so that and what else had been set before went.
    TakenOver(Dropped),
    /// A used refresh token was presented, and its session ended: somebody has a copy.
    RefreshTokenReused(SessionId),
    PasswordChanged,
    PasswordReset,
    /// Another address was asked for, and is to be confirmed.
    EmailChangeAsked,
    EmailChanged,
    UsernameChanged,
    ApiKeyCreated(ApiKeyId),
    ApiKeyRevoked(ApiKeyId),
    /// By its user.
    SessionEnded(SessionId),
    /// By their user, who ended so many at once.
    SessionsEnded(usize),
    Suspended,
    /// Suspended or deleted before.
    Reinstated,
    Deleted,
    RoleChanged(Role),
}

/// The kind of what [`crate::failures`] writes down: a wrong password or code.
pub const SIGN_IN_FAILED: &str = "sign_in_failed";

/// An event as it was written down.
#[derive(Debug, Clone)]
pub struct PastEvent {
    pub id: Uuid,
    /// Perhaps one that is not written any more.
    pub kind: String,
    pub subject: Option<String>,
    pub address: Option<String>,
    pub device: Option<String>,
    pub happened_at: DateTime<Utc>,
    /// Of several in one, the last.
    pub last_at: DateTime<Utc>,
    pub count: i32,
}

/// Some of a user's events, the newest first.
#[derive(Debug, Clone, Copy)]
pub struct EventPage {
    /// From 1.
    pub page: u32,
    pub page_size: u32,
}

impl SecurityEvent {
    pub const fn kind(self) -> &'static str {
        match self {
            Self::AccountCreated => "account_created",
            Self::SignedIn(_) => "sign_in",
            Self::IdentityLinked(_) => "identity_linked",
            Self::TakenOver(_) => "taken_over",
            Self::RefreshTokenReused(_) => "refresh_token_reused",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::EmailChangeAsked => "email_change_asked",
            Self::EmailChanged => "email_changed",
            Self::UsernameChanged => "username_changed",
            Self::ApiKeyCreated(_) => "api_key_created",
            Self::ApiKeyRevoked(_) => "api_key_revoked",
            Self::SessionEnded(_) | Self::SessionsEnded(_) => "session_ended",
            Self::Suspended => "suspended",
            Self::Reinstated => "reinstated",
            Self::Deleted => "deleted",
            Self::RoleChanged(_) => "role_changed",
        }
    }

    /// What it is about, if that has a name.
    pub fn subject(self) -> Option<String> {
        match self {
            Self::SignedIn(session) | Self::RefreshTokenReused(session) | Self::SessionEnded(session) => {
                Some(Credential::Session(session).to_string())
            }
            Self::ApiKeyCreated(key) | Self::ApiKeyRevoked(key) => Some(Credential::ApiKey(key).to_string()),
            Self::IdentityLinked(provider) => Some(format!("provider:{}", provider.as_str())),
            Self::RoleChanged(role) => Some(format!("role:{}", role.as_str())),
            Self::TakenOver(dropped) => Some(dropped.text()),
            Self::SessionsEnded(_)
            | Self::AccountCreated
            | Self::PasswordChanged
            | Self::PasswordReset
            | Self::EmailChangeAsked
            | Self::EmailChanged
            | Self::UsernameChanged
            | Self::Suspended
            | Self::Reinstated
            | Self::Deleted => None,
        }
    }

    pub fn count(self) -> i32 {
        match self {
            Self::SessionsEnded(count) => i32::try_from(count).unwrap_or(i32::MAX),
            _ => 1,
        }
    }

    /// What a user did who ended these sessions; nothing if there were none.
    pub fn of_ended(sessions: &[Revoked]) -> Option<Self> {
        match sessions {
            [] => None,
            [one] => Some(Self::SessionEnded(one.id)),
            several => Some(Self::SessionsEnded(several.len())),
        }
    }
}

impl Accounts {
    /// A page of what happened to the user's account, and how much there is.
    pub async fn security_events(&self, user: UserId, page: EventPage) -> Result<(Vec<PastEvent>, i64), AccountError> {
        let mut connection = self.0.database.connection().await?;
        if !users::exists(&mut connection, user).await? {
            return Err(AccountError::Unknown("user"));
        }
        Ok(security_events::of_user(&mut connection, user, page).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_tells_what_it_is_about() {
        let session = SessionId::new(Uuid::from_u128(7));
        let about = |event: SecurityEvent| (event.kind(), event.subject(), event.count());
        assert_eq!(about(SecurityEvent::SignedIn(session)), ("sign_in", Some(format!("session:{session}")), 1));
        let linked = SecurityEvent::IdentityLinked(Provider::Google);
        assert_eq!(about(linked), ("identity_linked", Some("provider:GOOGLE".to_owned()), 1));
        assert_eq!(about(SecurityEvent::RoleChanged(Role::Admin)), ("role_changed", Some("role:ADMIN".to_owned()), 1));
        assert_eq!(about(SecurityEvent::SessionsEnded(3)), ("session_ended", None, 3));
        assert_eq!(SecurityEvent::of_ended(&[]), None);
    }
}
