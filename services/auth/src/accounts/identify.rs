use chrono::Utc;
use zoetrope_domain::SessionId;
use zoetrope_tokens::{Caller, Credential};

use super::{AccountError, Accounts, User};
use crate::store::{api_keys, users};

impl Accounts {
    /// The user of a token or an API key that is good now.
    pub async fn identify(&self, token: &str) -> Result<User, AccountError> {
        let caller = self.0.access.identify(token, Utc::now()).await?;
        self.user_of(&caller).await
    }

    /// The user who calls. Postgres knows the truth, whether or not Redis has heard of it.
    pub async fn user_of(&self, caller: &Caller) -> Result<User, AccountError> {
        match caller.credential {
            Credential::Session(session) => self.user_of_session(session).await,
            Credential::ApiKey(key) => {
                let mut connection = self.0.database.connection().await?;
                let owner = api_keys::owner(&mut connection, key, Utc::now()).await?;
                owner.ok_or(AccountError::NotSignedIn("the API key is not valid"))
            }
        }
    }

    /// The user of a session that has not ended.
    pub async fn user_of_session(&self, session: SessionId) -> Result<User, AccountError> {
        let mut connection = self.0.database.connection().await?;
        let user = users::of_session(&mut connection, session, Utc::now()).await?;
        user.ok_or(AccountError::NotSignedIn("the session has ended"))
    }
}
