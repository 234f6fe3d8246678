//! What users own, as task-api tells: for views of users alone, which may show a balance of some seconds ago.

use prost::{Message as _, Name};
use zoetrope_bus::{HandleError, Handler, IncomingMessage};
use zoetrope_contracts::tasks::v1::BalancesChanged;
use zoetrope_domain::{InvalidId, UserId};
use zoetrope_postgres::{Database, DatabaseError};

use crate::store::balances;

/// Keeps the newest balance of each user; what comes late or again is older than what is known. And what a new user owns at first.
pub struct Balances {
    pub database: Database,
}

/// A balance, and the number of the ledger entry that left it, which grows with each change.
#[derive(Debug, Clone, Copy)]
pub struct Balance {
    pub user: UserId,
    pub credits: i64,
    pub entry: i64,
}

impl Handler for Balances {
    async fn handle(&self, message: IncomingMessage) -> Result<(), HandleError> {
        if message.message_type != BalancesChanged::full_name() {
            return Err(HandleError::poison(format!("not a {}", BalancesChanged::full_name())));
        }
        let event = BalancesChanged::decode(message.payload.as_slice()).map_err(HandleError::poison)?;
        let signup_grant = event.signup_grant;
        if signup_grant.is_some_and(|credits| credits < 0) {
            return Err(HandleError::poison("a negative sign-up grant"));
        }
        let told = read(event).map_err(HandleError::poison)?;
        self.keep(&told, signup_grant)
            .await
            .map_err(|error| if error.is_unavailable() { HandleError::unavailable(error) } else { HandleError::failed(error) })
    }
}

fn read(event: BalancesChanged) -> Result<Vec<Balance>, InvalidId> {
    let balances = event.balances.into_iter();
    balances.map(|told| Ok(Balance { user: told.user_id.parse()?, credits: told.credits, entry: told.entry })).collect()
}

impl Balances {
    async fn keep(&self, told: &[Balance], signup_grant: Option<i64>) -> Result<(), DatabaseError> {
        let mut connection = self.database.connection().await?;
        if let Some(credits) = signup_grant {
            balances::keep_signup_grant(&mut connection, credits).await?;
        }
        if told.is_empty() { Ok(()) } else { balances::keep(&mut connection, told).await }
    }
}
