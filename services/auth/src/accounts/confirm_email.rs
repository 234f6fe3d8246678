use chrono::{DateTime, TimeDelta, Utc};
use zoetrope_contracts::{
    mail::v1::{AddressChanged, AddressConfirmation, SendMail, send_mail::Content},
    timestamp,
};
use zoetrope_domain::{Language, UserId};
use zoetrope_outbox::enqueue;
use zoetrope_postgres::{Connection, DatabaseError};
use zoetrope_service::run_to_end;

use super::{AccountError, Accounts, Device, User, UserState, change_address::NewAddress, register::now};
use crate::{
    credentials::CodeKey,
    rules::confirmation::Confirmation,
    store::{addresses, confirmation_mails, users},
};

/// How users are asked to confirm their addresses.
#[derive(Clone)]
pub struct Confirmations {
    /// Where links lead, without a slash at the end.
    pub gateway: String,
    pub valid: TimeDelta,
}

impl Confirmations {
    pub(super) fn expires_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + self.valid
    }

    /// The mail that asks to confirm an address.
    pub fn mail(&self, key: &CodeKey, user: UserId, email: &str, language: Option<Language>, now: DateTime<Utc>) -> SendMail {
        let expires_at = self.expires_at(now);
        let confirmation = Confirmation::new(user, expires_at);
        let seal = key.seal(&confirmation.text(email));
        SendMail {
            mail_id: format!("address_confirmation.{user}.{}", now.timestamp_micros()),
            recipient: email.to_owned(),
            language: language.unwrap_or_default().as_str().to_owned(),
            user_id: user.to_string(),
            expires_at: Some(timestamp(expires_at)),
            content: Some(Content::AddressConfirmation(AddressConfirmation {
                link: format!("{}{}", self.gateway, confirmation.link(&seal)),
                valid_hours: self.valid.num_hours().try_into().unwrap_or(u32::MAX),
            })),
        }
    }
}

/// A link as somebody opened it.
#[derive(Clone)]
pub struct OpenedLink {
    pub confirmation: Confirmation,
    pub seal: String,
    pub language: Option<Language>,
    pub device: Device,
}

impl Accounts {
    /// Asks a user to confirm a new address, if there is one, and if this is wanted.
    pub(super) async fn ask_to_confirm(
        &self,
        connection: &mut Connection,
        user: &User,
        language: Option<Language>,
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        let (Some(confirmations), Some(email)) = (&self.0.confirmations, &user.email) else { return Ok(()) };
        confirmation_mails::note(connection, user.id, now).await?;
        enqueue(connection, &confirmations.mail(&self.0.codes.key, user.id, email, language, now)).await?;
        Ok(())
    }

    /// The user to whom a link was mailed has shown to receive mail. Unlike one who comes with a code, this user has set what lets in.
    /// An address that was asked for becomes the user's by that, unless somebody else has it by now.
    pub async fn confirm_email(&self, link: OpenedLink) -> Result<(), AccountError> {
        let accounts = self.clone();
        run_to_end(async move {
            let database = &accounts.0.database;
            database.transaction("confirm_email", async |connection| accounts.confirm(connection, &link).await).await?;
            accounts.0.relay.wake();
            Ok(())
        })
        .await
    }

    async fn confirm(&self, connection: &mut Connection, link: &OpenedLink) -> Result<(), AccountError> {
        let OpenedLink { confirmation, seal, language, device } = link;
        let locked = users::lock(connection, confirmation.user).await?.ok_or(AccountError::BadConfirmation)?;
        let (user, now) = (&locked.user, now());
        if confirmation.is_over(now) || locked.state != UserState::Active {
            return Err(AccountError::BadConfirmation);
        }
        let is_for = |email: &str| self.0.codes.key.has_sealed(&confirmation.text(email), seal);
        if let Some(email) = user.email.as_deref().filter(|email| is_for(email)) {
            if users::verify_email(connection, user.id, email, now).await? {
                tracing::info!(user_id = %user.id, "the address was confirmed");
            }
            return Ok(());
        }
        let pending = addresses::pending(connection, user.id).await?;
        let pending = pending.filter(|pending| confirmation.ends_with(pending.expires_at) && is_for(&pending.email));
        let email = pending.ok_or(AccountError::BadConfirmation)?.email;
        let new = NewAddress { user: &locked, email: &email, language: *language, device, now };
        new.store(connection, Some(now)).await?;
        new.tell_old(connection, None, Content::AddressChanged(AddressChanged {})).await?;
        tracing::info!(user_id = %user.id, "another address was confirmed, and takes the place of the one before");
        Ok(())
    }
}
