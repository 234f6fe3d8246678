use std::{fmt, str::FromStr, sync::Arc};

use chrono::{DateTime, Utc};
use zoetrope_domain::{AccountOwner, ApiKeyId, InvalidId, OwnerGeneration, SessionId, UserId};

use crate::{Claims, Role, Scopes};

/// The `kid` of a key that signs tokens.
pub type KeyName = Arc<str>;

/// Somebody who proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub user_id: UserId,
    /// In which the token or the key was made; of an older one than a service knows, nothing is taken any more.
    pub owner_generation: OwnerGeneration,
    pub username: String,
    pub role: Role,
    pub credential: Credential,
    /// What an API key is good for. `None` for a session, which may do all that its user may.
    pub scopes: Option<Scopes>,
    /// `None` for an API key that does not expire.
    pub expires_at: Option<DateTime<Utc>>,
    /// The key that signed the token; `None` for an API key. When that key goes, so does what was let in with it.
    pub signed_by: Option<KeyName>,
}

/// What a caller proved it with, and what can be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Credential {
    Session(SessionId),
    ApiKey(ApiKeyId),
}

const SESSION: &str = "session:";
const API_KEY: &str = "api_key:";

impl Caller {
    pub(crate) fn of_token(claims: Claims, signed_by: KeyName) -> Self {
        Self {
            user_id: claims.user_id,
            owner_generation: claims.owner_generation,
            username: claims.username,
            role: claims.role,
            credential: Credential::Session(claims.session_id),
            scopes: None,
            expires_at: Some(claims.expires_at),
            signed_by: Some(signed_by),
        }
    }

    /// Which of the account's owners it is.
    pub fn owner(&self) -> AccountOwner {
        AccountOwner { user_id: self.user_id, generation: self.owner_generation }
    }

    /// The session that the caller has signed in with; `None` for an API key.
    pub fn session(&self) -> Option<SessionId> {
        match self.credential {
            Credential::Session(session) => Some(session),
            Credential::ApiKey(_) => None,
        }
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(session) => write!(formatter, "{SESSION}{session}"),
            Self::ApiKey(key) => write!(formatter, "{API_KEY}{key}"),
        }
    }
}

impl FromStr for Credential {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if let Some(id) = text.strip_prefix(SESSION) {
            id.parse().map(Self::Session)
        } else {
            text.strip_prefix(API_KEY).ok_or(InvalidId)?.parse().map(Self::ApiKey)
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_credential_reads_back() {
        let id = Uuid::from_u128(7);
        for credential in [Credential::Session(id.into()), Credential::ApiKey(id.into())] {
            assert_eq!(credential.to_string().parse(), Ok(credential));
        }
        assert!(id.to_string().parse::<Credential>().is_err());
    }
}
