//! Secrets that users bring: passwords and refresh tokens.

mod passwords;
mod refresh_token;

pub use passwords::{PasswordError, Passwords};
pub use refresh_token::RefreshToken;
