//! Users and their sessions, on the wire.

use serde::Deserialize;

/// What signing in gives.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// For [`Client::with_token`](crate::Client::with_token).
    pub token: String,
    /// When the token ends, in Unix milliseconds.
    pub expires_at: i64,
    pub user: User,
}

/// A user, as told to the user.
#[derive(Debug, Clone, Deserialize)]
pub struct User {
    pub id: String,
    pub username: String,
    /// Absent or empty for a user without one.
    pub email: Option<String>,
    pub role: Option<String>,
}
