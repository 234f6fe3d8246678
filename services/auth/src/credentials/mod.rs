//! Secrets that users bring: passwords, codes and opaque tokens.

mod hashing_threads;
mod opaque_token;
mod passwords;
mod sign_in_code;

pub use hashing_threads::HashingError;
pub use opaque_token::OpaqueToken;
pub use passwords::{Checked, PasswordError, Passwords};
pub use sign_in_code::{CodeKey, draw_code};

/// Good for one new access token.
pub type RefreshToken = OpaqueToken;
/// Good for one new password.
pub type ResetToken = OpaqueToken;
