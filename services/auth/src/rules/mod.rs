//! Decisions without input or output.

pub mod login;
pub mod registration;
pub mod rotation;
