//! What becomes of an account that gets another owner.
//!
//! The row of the account holds the newest generation of owners that is known here, by a message of `auth` or by a token that brought it. A
//! payment, which locks that row, is refused when its caller is of an older one; so none of the owners before starts another task once the
//! message was heard, and what any of them had started until then is found by the generation in its own row. The message may come late or
//! twice: tasks of the new generation are left alone.

use zoetrope_domain::AccountOwner;
use zoetrope_postgres::{Connection, DatabaseError};

use super::Commands;
use crate::store::{accounts, owners};

impl Commands {
    /// Notes that an account has another owner. No task of those before calls anywhere any more, and no request of theirs is repeated.
    pub async fn take_over(&self, owner: AccountOwner) -> Result<(), DatabaseError> {
        let grant = self.signup_grant;
        self.database
            .transaction("take_over", async |connection: &mut Connection| {
                // The news of the registration may be slower.
                accounts::open(connection, owner.user_id, grant).await?;
                Ok::<_, DatabaseError>(owners::enter(connection, owner).await?)
            })
            .await?;
        // Separately: a task's row is locked before its account's, everywhere.
        let calls = self
            .database
            .transaction("forget_earlier_owners", async |connection: &mut Connection| {
                owners::forget_requests(connection, owner).await?;
                Ok::<_, DatabaseError>(owners::forget_callbacks(connection, owner).await?)
            })
            .await?;
        tracing::info!(user_id = %owner.user_id, generation = %owner.generation, callbacks = calls, "the account has another owner");
        Ok(())
    }
}
