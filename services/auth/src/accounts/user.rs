use std::str::FromStr;

use chrono::{DateTime, Utc};
use zoetrope_domain::{AccountOwner, OwnerGeneration, UserId};
use zoetrope_tokens::Role;

use super::AccountError;

/// A user as the outside may see them.
#[derive(Debug, Clone)]
pub struct User {
    pub id: UserId,
    /// How many have taken the account over since it was registered.
    pub generation: OwnerGeneration,
    pub username: String,
    pub email: Option<String>,
    pub role: Role,
    /// The name that is shown, if the user wants another one than that to sign in with.
    pub display_name: Option<String>,
    /// Where the user's picture is.
    pub avatar_url: Option<String>,
    /// As task-api told, within seconds; before it told of this user, what it gives to each new one.
    pub credits: i64,
    pub created_at: DateTime<Utc>,
}

impl User {
    pub const fn owner(&self) -> AccountOwner {
        AccountOwner { user_id: self.id, generation: self.generation }
    }

    pub fn shown_name(&self) -> &str {
        self.display_name.as_deref().unwrap_or(&self.username)
    }
}

/// Whether a user may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserState {
    Active,
    Suspended,
    /// To be erased.
    Deleted,
}

/// The text names no [`UserState`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a state of a user")]
pub struct UnknownState;

impl UserState {
    /// Refuses who may not.
    pub const fn let_in(self) -> Result<(), AccountError> {
        match self {
            Self::Active => Ok(()),
            Self::Suspended => Err(AccountError::Suspended),
            Self::Deleted => Err(AccountError::Deleted),
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Suspended => "SUSPENDED",
            Self::Deleted => "DELETED",
        }
    }
}

impl FromStr for UserState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        [Self::Active, Self::Suspended, Self::Deleted].into_iter().find(|state| state.as_str() == text).ok_or(UnknownState)
    }
}
