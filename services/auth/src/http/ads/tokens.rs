use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{accounts::Accounts, credentials::RefreshToken};

#[derive(Serialize, ToSchema)]
pub struct TokensView {
    access_token: String,
    /// Good for one use.
    refresh_token: String,
    /// Always `bearer`.
    #[schema(example = "bearer")]
    token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(example = 900)]
    expires_in: u32,
}

impl TokensView {
    pub fn new(accounts: &Accounts, access_token: String, refresh_token: &RefreshToken) -> Self {
        Self {
            access_token,
            refresh_token: refresh_token.reveal().expose_secret().to_owned(),
            token_type: "bearer",
            expires_in: accounts.access_token_seconds(),
        }
    }
}
