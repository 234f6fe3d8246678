use std::{net::IpAddr, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;
use zoetrope_contracts::{
    mail::v1::{SendMail, SignInCode, send_mail::Content},
    timestamp,
};
use zoetrope_domain::Language;
use zoetrope_outbox::enqueue;
use zoetrope_postgres::{Connection, DatabaseError};
use zoetrope_service::run_to_end;

use super::{AccountError, Accounts, User, register::now};
use crate::{
    credentials::{CodeKey, draw_code},
    metrics::{self, CodeEvent},
    rules::{
        login::Identifier,
        network::Network,
        sign_in_code::{CodeRefusal, CodeRules, CodeWish, DAY, KNOWN_FOR, Place},
    },
    store::{
        sessions,
        sign_in_codes::{self, NewCode},
        users,
    },
};

/// How codes to sign in are made and heard.
#[derive(Clone)]
pub struct Codes {
    pub key: CodeKey,
    pub rules: CodeRules,
}

/// An e-mail address and a network by the names under which codes are counted.
pub(super) struct Names {
    pub(super) address: String,
    pub(super) network: String,
}

impl Codes {
    pub(super) fn names(&self, email: &str, network: Network) -> Names {
        Names { address: self.key.name("address", email), network: self.key.name("network", &network.to_string()) }
    }
}

impl Accounts {
    /// Mails a code to sign in with. Nobody can tell from the answer whether the address is a user's, since it makes no difference: whoever
    /// receives the mail may come in.
    pub async fn send_code(&self, wish: CodeWish, language: Option<Language>, from: IpAddr) -> Result<(), AccountError> {
        let accounts = self.clone();
        let sent = run_to_end(async move {
            let database = &accounts.0.database;
            database
                .transaction("send_code", async |connection| accounts.mail_code(connection, &wish, language, from).await)
                .await?;
            accounts.0.relay.wake();
            Ok(())
        })
        .await;
        match &sent {
            Ok(()) => metrics::sign_in_code(CodeEvent::Sent),
            Err(AccountError::CodeTooSoon(_) | AccountError::CodesExhausted(_)) => metrics::sign_in_code(CodeEvent::Refused),
            Err(_) => {}
        }
        sent
    }

    async fn mail_code(
        &self,
        connection: &mut Connection,
        wish: &CodeWish,
        language: Option<Language>,
        from: IpAddr,
    ) -> Result<(), AccountError> {
        let (network, codes) = (Network::of(from), &self.0.codes);
        let names = codes.names(&wish.email, network);
        sign_in_codes::lock(connection, &names.address).await?;
        let now = now();
        let newest = sign_in_codes::newest(connection, &names.address).await?.map(|code| code.newest);
        let sent = sign_in_codes::sent(connection, &names.address, now - DAY).await?;
        let place = Place { network: &names.network, is_known: is_known(connection, &wish.email, network, now).await? };
        codes.rules.may_send(newest, &sent, place, now)?;

        let (id, expires_at) = (Uuid::now_v7(), now + codes.rules.valid);
        let code = draw_code(wish.digits(&codes.rules)).map_err(|_| AccountError::Randomness)?;
        let code_hash = codes.key.hash(id, &code);
        let new = NewCode { id, address: &names.address, network: &names.network, code_hash, created_at: now, expires_at };
        sign_in_codes::insert(connection, &new).await?;
        let holder = users::find(connection, &Identifier::email(&wish.email)).await?.map(|(user, _)| user);
        let letter = Letter { id, code, holder, email: &wish.email, language, expires_at, valid: codes.rules.valid };
        enqueue(connection, &letter.mail()).await.map_err(DatabaseError::from)?;
        Ok(())
    }
}

/// Whether the user of this address has signed in from there lately.
pub(super) async fn is_known(
    connection: &mut Connection,
    email: &str,
    network: Network,
    now: DateTime<Utc>,
) -> Result<bool, DatabaseError> {
    let places = sessions::places(connection, email, now - KNOWN_FOR).await?;
    Ok(places.into_iter().any(|place| network.contains(place)))
}

/// What is to be mailed.
struct Letter<'a> {
    id: Uuid,
    code: String,
    holder: Option<User>,
    email: &'a str,
    language: Option<Language>,
    expires_at: DateTime<Utc>,
    valid: TimeDelta,
}

impl Letter<'_> {
    fn mail(self) -> SendMail {
        let user_id = self.holder.as_ref().map(|user| user.id.to_string()).unwrap_or_default();
        // The address that is known, or else the one that will be: never the one that was typed, since two that look alike may be two.
        let recipient = self.holder.and_then(|user| user.email).unwrap_or_else(|| self.email.to_owned());
        SendMail {
            mail_id: format!("sign_in_code.{}", self.id),
            recipient,
            language: self.language.unwrap_or_default().as_str().to_owned(),
            user_id,
            expires_at: Some(timestamp(self.expires_at)),
            content: Some(Content::SignInCode(SignInCode {
                code: self.code,
                valid_minutes: self.valid.num_minutes().try_into().unwrap_or(u32::MAX),
            })),
        }
    }
}

impl From<CodeRefusal> for AccountError {
    fn from(refusal: CodeRefusal) -> Self {
        let time = |wait: TimeDelta| wait.to_std().unwrap_or(Duration::ZERO);
        match refusal {
            CodeRefusal::TooSoon(wait) => Self::CodeTooSoon(time(wait)),
            CodeRefusal::TooMany(wait) => Self::CodesExhausted(time(wait)),
        }
    }
}
