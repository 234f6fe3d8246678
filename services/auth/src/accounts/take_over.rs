//! An account gets another owner: whoever proves to receive the mail of an address that somebody else, perhaps, had only claimed.
//!
//! Nothing that the claimant set stays in force; `migrations/take_over.toml` lists all that users can set, and what becomes of it. The other
//! services do the same when they hear [`AccountTakenOver`]: each take-over has a number, its [generation](zoetrope_domain::OwnerGeneration),
//! which the tokens, keys and tasks of the new owner carry as well. A service that sees a newer generation than it knows, in whatever order, first
//! drops what is older; what comes of an older one, it refuses. So the new owner's first webhook outlives a message that comes late, and the
//! claimant's last request, judged before and carried out after, comes to nothing.

use aws_lc_rs::rand;
use chrono::{DateTime, Utc};
use zoetrope_contracts::{timestamp, users::v1::AccountTakenOver};
use zoetrope_domain::Language;
use zoetrope_outbox::enqueue;
use zoetrope_postgres::{Connection, DatabaseError};

use super::{AccountError, Device, Ended, SecurityEvent};
use crate::{
    rules::username,
    store::{
        addresses, api_keys, avatars, identities, password_resets, security_events, sessions,
        users::{self, InsertError, LockedUser},
    },
};

/// Who has an account from now on.
pub(super) struct NewOwner<'a> {
    pub(super) username: &'a str,
    pub(super) display_name: Option<&'a str>,
    pub(super) language: Option<Language>,
    pub(super) device: &'a Device,
}

/// What a take-over put an end to here. The names and the text that the user tells of himself are reset in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    pub sessions: usize,
    pub api_keys: usize,
    pub identities: usize,
    pub password: bool,
    pub picture: bool,
    pub pending_address: bool,
    pub password_links: bool,
}

impl Dropped {
    /// For the security events.
    pub(super) fn text(self) -> String {
        let flags = [
            ("password", self.password),
            ("picture", self.picture),
            ("pending_address", self.pending_address),
            ("password_links", self.password_links),
        ];
        let counts = [("sessions", self.sessions), ("api_keys", self.api_keys), ("identities", self.identities)];
        let flags = flags.into_iter().filter(|(_, was_there)| *was_there).map(|(what, _)| what.to_owned());
        let counts = counts.into_iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{what}={count}"));
        let always = ["names", "bio", "webhooks", "callbacks", "notifications"].map(str::to_owned);
        let dropped: Vec<String> = always.into_iter().chain(flags).chain(counts).collect();
        format!("dropped:{}", dropped.join(","))
    }
}

/// Digits that make a name one's own.
pub(super) fn draw_number() -> Result<u32, AccountError> {
    let mut number = [0; 4];
    rand::fill(&mut number).map_err(|_| AccountError::Randomness)?;
    Ok(u32::from_be_bytes(number))
}

/// A name for somebody who has told none.
pub(super) fn draw_username() -> Result<String, AccountError> {
    Ok(username::suggest(None, draw_number()?))
}

impl NewOwner<'_> {
    /// Hands the account over. Overtaken: the address was shown to be somebody's before, or the name is taken.
    pub(super) async fn take_over(
        &self,
        connection: &mut Connection,
        claimed: &LockedUser,
        now: DateTime<Utc>,
    ) -> Result<Ended, AccountError> {
        if claimed.email_is_verified || claimed.user.email.is_none() {
            return Err(AccountError::Overtaken);
        }
        let user = claimed.user.id;
        let sessions = sessions::revoke_others(connection, claimed, None, now).await?;
        let keys = api_keys::revoke_all(connection, claimed, now).await?;
        let dropped = Dropped {
            sessions: sessions.len(),
            api_keys: keys.len(),
            identities: identities::forget_of(connection, claimed).await?,
            password: claimed.password_hash.is_some(),
            picture: claimed.user.avatar_url.is_some(),
            pending_address: addresses::forget_pending(connection, claimed).await?,
            password_links: password_resets::forget_of(connection, claimed).await? > 0,
        };
        avatars::release_of(connection, user).await?;
        users::hand_over(connection, claimed, self.username, self.display_name, now).await.map_err(|error| match error {
            InsertError::Taken(_) => AccountError::Overtaken,
            InsertError::Database(error) => error.into(),
        })?;
        security_events::record(connection, user, SecurityEvent::TakenOver(dropped), Some(self.device), now).await?;
        let message = AccountTakenOver {
            user_id: user.to_string(),
            generation: claimed.user.generation.next().get(),
            taken_over_at: Some(timestamp(now)),
            language: self.language.map(|language| language.as_str().to_owned()).unwrap_or_default(),
        };
        enqueue(connection, &message).await.map_err(DatabaseError::from)?;
        tracing::info!(user_id = %user, ?dropped, "the address was shown to be somebody's: what was set before counts for nothing");
        Ok(Ended { sessions, keys })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_trail_tells_what_was_dropped() {
        let nothing = Dropped {
            sessions: 0,
            api_keys: 0,
            identities: 0,
            password: false,
            picture: false,
            pending_address: false,
            password_links: false,
        };
        assert_eq!(nothing.text(), "dropped:names,bio,webhooks,callbacks,notifications");
        let much = Dropped { sessions: 2, api_keys: 1, password: true, picture: true, ..nothing };
        assert_eq!(much.text(), "dropped:names,bio,webhooks,callbacks,notifications,password,picture,sessions=2,api_keys=1");
    }
}
