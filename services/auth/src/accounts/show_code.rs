use uuid::Uuid;
use zoetrope_domain::{AccountOwner, Language, UserId};
use zoetrope_postgres::Connection;
use zoetrope_service::run_to_end;

use super::{AccountError, Accounts, Arrived, Device, arrive::Visit, proof::settle, register::now, send_code::is_known};
use crate::{
    lockout::{Attempt, Subject},
    metrics::{self, CodeEvent},
    rules::{
        linking::Arrival,
        login::Identifier,
        network::Network,
        sign_in_code::{DAY, Place, ShownCode},
    },
    store::{sign_in_codes, users},
};

impl Accounts {
    /// Signs in who knows the code that was mailed to the address, and makes a user of who is none yet.
    pub async fn sign_in_by_code(
        &self,
        shown: ShownCode,
        language: Option<Language>,
        device: Device,
    ) -> Result<Arrived, AccountError> {
        let address = device.address;
        let (attempt, holder) = self.begin_code(&shown, &device).await?;
        let outcome = async {
            let visit = self.hear_code(&shown, holder.map(|owner| owner.user_id), language, device).await?;
            self.admit(visit).await
        };
        let arrived = settle(attempt, outcome.await).await?;
        let owner = arrived.signed_in.user.owner();
        if holder != Some(owner) {
            // The account that the try counted for was another's, or there was none.
            self.0.lockout.open(Subject::Account(owner), address).await;
        }
        Ok(arrived)
    }

    /// Makes a user of who knows the code that was mailed to the address, and is none yet. Tells whether that is so.
    pub async fn register_by_code(
        &self,
        shown: ShownCode,
        language: Option<Language>,
        device: Device,
    ) -> Result<bool, AccountError> {
        let (attempt, holder) = self.begin_code(&shown, &device).await?;
        let outcome = async {
            let visit = self.hear_code(&shown, holder.map(|owner| owner.user_id), language, device).await?;
            self.enroll(visit).await
        };
        settle(attempt, outcome.await).await
    }

    /// A try counts for the account whose address it is, as one with a password does. Tells whose that is.
    async fn begin_code(&self, shown: &ShownCode, device: &Device) -> Result<(Attempt, Option<AccountOwner>), AccountError> {
        let identifier = Identifier::email(&shown.email);
        let holder = users::find(&mut *self.0.database.connection().await?, &identifier).await?.map(|(user, _)| user);
        let subject = Subject::of(holder.as_ref(), &identifier);
        let attempt = self.0.lockout.begin(subject, device.address).await.map_err(AccountError::LockedOut)?;
        Ok((attempt, holder.map(|user| user.owner())))
    }

    /// Compares a code. A right one is used up later, with what it leads to; a wrong one is counted now.
    async fn hear_code(
        &self,
        shown: &ShownCode,
        holder: Option<UserId>,
        language: Option<Language>,
        device: Device,
    ) -> Result<Visit, AccountError> {
        let (accounts, code, network) = (self.clone(), shown.clone(), Network::of(device.address));
        let heard = run_to_end(async move {
            let database = &accounts.0.database;
            database.transaction("hear_code", async |connection| accounts.compare_code(connection, &code, network).await).await
        });
        let heard = heard.await.and_then(|code| code.ok_or(AccountError::WrongCode));
        match &heard {
            Ok(_) => metrics::sign_in_code(CodeEvent::Right),
            Err(AccountError::WrongCode) => {
                metrics::sign_in_code(CodeEvent::Wrong);
                if let Some(user) = holder {
                    self.0.failures.note(user, &device, now());
                }
            }
            Err(AccountError::CodesExhausted(_)) => metrics::sign_in_code(CodeEvent::Refused),
            Err(_) => {}
        }
        let code = heard?;
        let arrival = Arrival { verified_email: Some(shown.email.clone()), ..Arrival::default() };
        Ok(Visit { arrival, code: Some(code), language, device })
    }

    /// The code, if it is the one that was mailed.
    async fn compare_code(
        &self,
        connection: &mut Connection,
        shown: &ShownCode,
        network: Network,
    ) -> Result<Option<Uuid>, AccountError> {
        let codes = &self.0.codes;
        let names = codes.names(&shown.email, network);
        // Of many at once, each is counted before the next is heard.
        sign_in_codes::lock(connection, &names.address).await?;
        let now = now();
        let wrong = sign_in_codes::wrong_tries(connection, &names.address, now - DAY).await?;
        let place = Place { network: &names.network, is_known: is_known(connection, &shown.email, network, now).await? };
        codes.rules.may_try(&wrong, place, now)?;

        let newest = sign_in_codes::newest(connection, &names.address).await?;
        let Some(code) = newest.filter(|code| codes.rules.is_open(code.newest, now)) else { return Ok(None) };
        if codes.key.matches(code.id, shown.text(), &code.code_hash) {
            return Ok(Some(code.id));
        }
        sign_in_codes::note_wrong_try(connection, code.id, &names.network, now).await?;
        Ok(None)
    }
}
