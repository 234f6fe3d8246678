//! Client family `ads`: bare objects, `snake_case`, and users known by numbers.

pub mod profile;
pub mod recent_users;
mod user;
