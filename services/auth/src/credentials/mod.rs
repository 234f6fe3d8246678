//! Secrets that users bring: passwords and opaque tokens.

mod opaque_token;
mod passwords;

pub use opaque_token::OpaqueToken;
pub use passwords::{Checked, PasswordError, Passwords};

/// Good for one new access token.
pub type RefreshToken = OpaqueToken;
/// Good for one new password.
pub type ResetToken = OpaqueToken;
