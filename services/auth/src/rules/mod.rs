//! Decisions without input or output.

pub mod address_change;
pub mod api_key;
pub mod common_passwords;
pub mod confirmation;
pub mod google_sign_in;
pub mod key_freshness;
pub mod linking;
pub mod lockout;
pub mod login;
pub mod network;
pub mod password;
pub mod profile;
pub mod profile_picture;
pub mod registration;
pub mod renewal;
pub mod reserved_names;
pub mod reset;
pub mod rotation;
pub mod shown_text;
pub mod sign_in_code;
pub mod username;
