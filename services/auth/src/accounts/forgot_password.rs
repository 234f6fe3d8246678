use zoetrope_domain::Language;

use super::{AccountError, Accounts, register::now};
use crate::store::reset_requests::{self, ResetRequest};

impl Accounts {
    /// Has a link to choose a new password mailed to this address, if it is a user's. Nobody can tell from the answer, nor from the time it
    /// takes: the request is only written down.
    pub async fn forgot_password(&self, email: String, language: Option<Language>) -> Result<(), AccountError> {
        let request = ResetRequest { email, language, created_at: now() };
        reset_requests::insert(&mut *self.0.database.connection().await?, &request).await?;
        self.0.reset_desk.wake();
        Ok(())
    }
}
