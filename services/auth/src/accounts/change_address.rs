use chrono::{DateTime, Utc};
use zoetrope_contracts::{
    mail::v1::{AddressChangeAsked, AddressChanged, SendMail, send_mail::Content},
    timestamp,
    users::v1::ContactChanged,
};
use zoetrope_domain::Language;
use zoetrope_outbox::enqueue;
use zoetrope_postgres::{Connection, DatabaseError};

use super::{AccountError, Accounts, Acting, Confirmations, Device, SecurityEvent, User, register::taken};
use crate::{
    rules::address_change::{AddressChange, address_change},
    store::{
        addresses::{self, PendingAddress},
        confirmation_mails, password_resets, security_events,
        users::{self, LockedUser},
    },
};

/// Another address for a user, whose row is locked.
pub(super) struct NewAddress<'a> {
    /// As the user is until now.
    pub(super) user: &'a LockedUser,
    pub(super) email: &'a str,
    /// Of the mails that tell of it.
    pub(super) language: Option<Language>,
    pub(super) device: &'a Device,
    pub(super) now: DateTime<Utc>,
}

impl Accounts {
    /// Gives up an address that was shown to be the user's only for one that is shown, too: who mistypes the new one would lose the account
    /// to whoever has that. Where nobody is asked to confirm addresses, and where there is nothing to lose, the new one counts at once.
    pub(super) async fn change_address(
        &self,
        connection: &mut Connection,
        acting: &Acting,
        new: &NewAddress<'_>,
    ) -> Result<(), AccountError> {
        let NewAddress { user, email, language, now, .. } = *new;
        let was_verified = user.email_is_verified;
        match (address_change(user.user.email.as_deref(), was_verified, email), &self.0.confirmations) {
            (AddressChange::Same, _) => Ok(addresses::spell(connection, user, email).await?),
            (AddressChange::Move, Some(confirmations)) => self.ask_first(connection, acting, confirmations, new).await,
            (AddressChange::Move, None) | (AddressChange::Claim, _) => {
                new.store(connection, None).await?;
                if was_verified {
                    new.tell_old(connection, None, Content::AddressChanged(AddressChanged {})).await?;
                }
                let moved = User { email: Some(email.to_owned()), ..user.user.clone() };
                Ok(self.ask_to_confirm(connection, &moved, language, now).await?)
            }
        }
    }

    async fn ask_first(
        &self,
        connection: &mut Connection,
        acting: &Acting,
        confirmations: &Confirmations,
        new: &NewAddress<'_>,
    ) -> Result<(), AccountError> {
        let NewAddress { email, language, device, now, .. } = *new;
        let user = &acting.user;
        if users::holder(connection, email).await?.is_some_and(|holder| holder.user != user.id) {
            return Err(AccountError::Taken("email"));
        }
        let asked = PendingAddress { email: email.to_owned(), expires_at: confirmations.expires_at(now) };
        addresses::ask(connection, acting, &asked).await?;
        security_events::record(connection, user.id, SecurityEvent::EmailChangeAsked, Some(device), now).await?;
        confirmation_mails::note(connection, user.id, now).await?;
        let mail = confirmations.mail(&self.0.codes.key, user.id, email, language, now);
        enqueue(connection, &mail).await.map_err(DatabaseError::from)?;
        let told = Content::AddressChangeAsked(AddressChangeAsked {});
        Ok(new.tell_old(connection, Some(asked.expires_at), told).await?)
    }
}

impl NewAddress<'_> {
    /// Makes it the user's, and tells the other services. What was mailed to the old one lets nobody choose a password any more.
    pub(super) async fn store(
        &self,
        connection: &mut Connection,
        verified_at: Option<DateTime<Utc>>,
    ) -> Result<(), AccountError> {
        let user = self.user.user.id;
        addresses::set(connection, self.user, self.email, verified_at).await.map_err(|error| taken(error, "username"))?;
        password_resets::forget_of(connection, self.user).await?;
        let changed =
            ContactChanged { user_id: user.to_string(), email: self.email.to_owned(), changed_at: Some(timestamp(self.now)) };
        enqueue(connection, &changed).await.map_err(DatabaseError::from)?;
        Ok(security_events::record(connection, user, SecurityEvent::EmailChanged, Some(self.device), self.now).await?)
    }

    /// Mails something to the address that the user has until now. It names neither the new address nor a link, since whoever reads it
    /// may be a stranger to this.
    pub(super) async fn tell_old(
        &self,
        connection: &mut Connection,
        expires_at: Option<DateTime<Utc>>,
        content: Content,
    ) -> Result<(), DatabaseError> {
        let Some(recipient) = &self.user.user.email else { return Ok(()) };
        let mail = SendMail {
            mail_id: format!("address_change.{}.{}", self.user.user.id, self.now.timestamp_micros()),
            recipient: recipient.clone(),
            language: self.language.unwrap_or_default().as_str().to_owned(),
            user_id: self.user.user.id.to_string(),
            expires_at: expires_at.map(timestamp),
            content: Some(content),
        };
        enqueue(connection, &mail).await?;
        Ok(())
    }
}
