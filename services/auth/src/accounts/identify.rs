use chrono::Utc;
use zoetrope_domain::SessionId;

use super::{AccountError, Accounts, User};
use crate::store::users;

impl Accounts {
    /// The user of a token that is good now.
    pub async fn identify(&self, token: &str) -> Result<User, AccountError> {
        let claims =
            self.0.verifier.verify(token, Utc::now()).map_err(|_| AccountError::NotSignedIn("the token is not valid"))?;
        self.user_of_session(claims.session_id).await
    }

    /// The user of a session that has not ended. Postgres knows the truth, whether or not Redis has heard of it.
    pub async fn user_of_session(&self, session: SessionId) -> Result<User, AccountError> {
        let mut connection = self.0.database.connection().await?;
        let user = users::of_session(&mut connection, session, Utc::now()).await?;
        user.ok_or(AccountError::NotSignedIn("the session has ended"))
    }
}
