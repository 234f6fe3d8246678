use zoetrope_domain::UserId;
use zoetrope_postgres::{Connection, DatabaseError};

use super::Commands;
use crate::store::erasure;

impl Commands {
    /// Notes that a user is gone, however often it is heard. From then on nothing is bought; [`crate::erasure`] does the rest.
    pub async fn delete_user(&self, user: UserId) -> Result<(), DatabaseError> {
        self.database
            .transaction("delete_user", async |connection: &mut Connection| {
                Ok::<_, DatabaseError>(erasure::mark_deleted(connection, user).await?)
            })
            .await
    }
}
