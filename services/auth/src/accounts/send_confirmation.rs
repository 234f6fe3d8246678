use zoetrope_domain::{Language, SessionId};
use zoetrope_outbox::enqueue;
use zoetrope_postgres::{Connection, DatabaseError};
use zoetrope_service::run_to_end;

use super::{AccountError, Accounts, Confirmations, Evidence, register::now};
use crate::{
    rules::{
        confirmation::{MailLimits, wait},
        sign_in_code::DAY,
    },
    store::{
        addresses::{self, PendingAddress},
        confirmation_mails,
    },
};

impl Accounts {
    /// Mails the link once more that confirms the address of the session's user: the one that is to take the place of another, or else the
    /// present one, unless it is confirmed.
    pub async fn send_confirmation(&self, session: SessionId, language: Option<Language>) -> Result<(), AccountError> {
        let confirmations = self.0.confirmations.clone().ok_or(AccountError::ConfirmationsOff)?;
        let accounts = self.clone();
        run_to_end(async move {
            let database = &accounts.0.database;
            database
                .transaction("send_confirmation", async |connection| {
                    accounts.mail_confirmation(connection, &confirmations, session, language).await
                })
                .await?;
            accounts.0.relay.wake();
            Ok(())
        })
        .await
    }

    async fn mail_confirmation(
        &self,
        connection: &mut Connection,
        confirmations: &Confirmations,
        session: SessionId,
        language: Option<Language>,
    ) -> Result<(), AccountError> {
        let now = now();
        // Of two at once, the second sees the first.
        let acting = Evidence::session(session).check(connection).await?;
        let user = &acting.user;
        let pending = addresses::pending(connection, user.id).await?.filter(|pending| pending.expires_at > now);
        let email = match pending {
            Some(pending) => {
                let renewed = PendingAddress { email: pending.email, expires_at: confirmations.expires_at(now) };
                addresses::ask(connection, &acting, &renewed).await?;
                renewed.email
            }
            None if acting.email_is_verified => return Err(AccountError::NothingToConfirm),
            None => user.email.clone().ok_or(AccountError::NothingToConfirm)?,
        };
        let rules = &self.0.codes.rules;
        let limits = MailLimits { pause: rules.pause, per_day: rules.codes_per_day.from_one_network };
        let asked = confirmation_mails::asked(connection, user.id, now - DAY).await?;
        if let Some(wait) = wait(&asked, limits, now) {
            return Err(AccountError::TooOften(wait.to_std().unwrap_or_default()));
        }
        confirmation_mails::note(connection, user.id, now).await?;
        let mail = confirmations.mail(&self.0.codes.key, user.id, &email, language, now);
        enqueue(connection, &mail).await.map_err(DatabaseError::from)?;
        Ok(())
    }
}
