//! Decisions without input or output.

pub mod api_key;
pub mod login;
pub mod registration;
pub mod rotation;
