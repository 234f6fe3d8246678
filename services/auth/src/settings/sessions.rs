use std::num::NonZeroU32;

use chrono::TimeDelta;
use serde::Deserialize;

/// How long a sign-in lasts.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionSettings {
    pub access_token_seconds: NonZeroU32,
    pub session_token_seconds: NonZeroU32,
    pub refresh_token_seconds: NonZeroU32,
    /// How long a used refresh token may be presented again: clients refresh in parallel, and answers get lost.
    pub reuse_grace_seconds: u32,
    /// How long after the sign-in a session token can be exchanged for a newer one. Unlike refresh tokens these are good for many uses, so a
    /// stolen one must come to an end by itself.
    pub renewal_seconds: NonZeroU32,
    /// Whether the refresh cookie travels over TLS only. To be turned off only where the gateway speaks plain HTTP.
    pub cookie_secure: bool,
}

/// Seconds.
const QUARTER_HOUR: NonZeroU32 = NonZeroU32::MIN.saturating_add(15 * 60 - 1);
/// Seconds.
const WEEK: NonZeroU32 = NonZeroU32::MIN.saturating_add(7 * 24 * 60 * 60 - 1);
/// Seconds.
const MONTH: NonZeroU32 = NonZeroU32::MIN.saturating_add(30 * 24 * 60 * 60 - 1);

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            access_token_seconds: QUARTER_HOUR,
            session_token_seconds: WEEK,
            refresh_token_seconds: WEEK,
            reuse_grace_seconds: 10,
            renewal_seconds: MONTH,
            cookie_secure: true,
        }
    }
}

impl SessionSettings {
    pub fn access_token(&self) -> TimeDelta {
        TimeDelta::seconds(self.access_token_seconds.get().into())
    }

    pub fn session_token(&self) -> TimeDelta {
        TimeDelta::seconds(self.session_token_seconds.get().into())
    }

    pub fn refresh_token(&self) -> TimeDelta {
        TimeDelta::seconds(self.refresh_token_seconds.get().into())
    }

    pub fn reuse_grace(&self) -> TimeDelta {
        TimeDelta::seconds(self.reuse_grace_seconds.into())
    }

    pub fn renewal(&self) -> TimeDelta {
        TimeDelta::seconds(self.renewal_seconds.get().into())
    }

    /// How long any token that is issued now can live.
    pub fn longest(&self) -> TimeDelta {
        self.access_token().max(self.session_token()).max(self.refresh_token())
    }
}
