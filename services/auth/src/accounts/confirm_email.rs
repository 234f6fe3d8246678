use chrono::{DateTime, TimeDelta, Utc};
use zoetrope_contracts::{
    mail::v1::{AddressConfirmation, SendMail, send_mail::Content},
    timestamp,
};
use zoetrope_domain::Language;
use zoetrope_outbox::enqueue;
use zoetrope_postgres::{Connection, DatabaseError};
use zoetrope_service::run_to_end;

use super::{AccountError, Accounts, User, register::now};
use crate::{rules::confirmation::Confirmation, store::users};

/// How users are asked to confirm their addresses.
#[derive(Clone)]
pub struct Confirmations {
    /// Where links lead, without a slash at the end.
    pub gateway: String,
    pub valid: TimeDelta,
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
        let (Some(Confirmations { gateway, valid }), Some(email)) = (&self.0.confirmations, &user.email) else { return Ok(()) };
        let expires_at = now + *valid;
        let confirmation = Confirmation::new(user.id, expires_at);
        let seal = self.0.codes.key.seal(&confirmation.text(email));
        let mail = SendMail {
            mail_id: format!("address_confirmation.{}.{}", user.id, now.timestamp_micros()),
            recipient: email.clone(),
            language: language.unwrap_or_default().as_str().to_owned(),
            user_id: user.id.to_string(),
            expires_at: Some(timestamp(expires_at)),
            content: Some(Content::AddressConfirmation(AddressConfirmation {
                link: format!("{gateway}{}", confirmation.link(&seal)),
                valid_hours: valid.num_hours().try_into().unwrap_or(u32::MAX),
            })),
        };
        enqueue(connection, &mail).await?;
        Ok(())
    }

    /// The user to whom a link was mailed has shown to receive mail. Unlike one who comes with a code, this user has set what lets in.
    pub async fn confirm_email(&self, confirmation: Confirmation, seal: String) -> Result<(), AccountError> {
        let accounts = self.clone();
        run_to_end(async move {
            let confirmed = accounts.0.database.transaction("confirm_email", async |connection| {
                let (user, _) = users::lock(connection, confirmation.user).await?.ok_or(AccountError::BadConfirmation)?;
                let email = user.email.ok_or(AccountError::BadConfirmation)?;
                let now = now();
                if confirmation.is_over(now) || !accounts.0.codes.key.has_sealed(&confirmation.text(&email), &seal) {
                    return Err(AccountError::BadConfirmation);
                }
                Ok(users::verify_email(connection, user.id, &email, now).await?)
            });
            if confirmed.await? {
                tracing::info!(user_id = %confirmation.user, "the address was confirmed");
            }
            Ok(())
        })
        .await
    }
}
