use zoetrope_domain::UserId;
use zoetrope_postgres::{Connection, DatabaseError};

use super::Commands;
use crate::store::accounts;

impl Commands {
    /// Opens a user's account with the sign-up grant, unless there is one.
    pub async fn open_account(&self, user: UserId) -> Result<(), DatabaseError> {
        let grant = self.signup_grant;
        let opened = self
            .database
            .transaction("open_account", async |connection: &mut Connection| {
                Ok::<_, DatabaseError>(accounts::open(connection, user, grant).await?)
            })
            .await?;
        if opened {
            tracing::info!(user_id = %user, "account opened");
        }
        Ok(())
    }

    /// A user's balance in credits. The first look opens the account.
    pub async fn balance(&self, user: UserId) -> Result<i64, DatabaseError> {
        let known = accounts::balance(&*self.database.connection().await?, user).await?;
        if let Some(balance) = known {
            return Ok(balance);
        }
        self.open_account(user).await?;
        Ok(accounts::balance(&*self.database.connection().await?, user).await?.unwrap_or_default())
    }
}
