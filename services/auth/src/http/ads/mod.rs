//! Client family `ads`: bare objects, `snake_case`, tokens in the body, and users known by numbers.

pub mod google;
pub mod logout;
pub mod me;
pub mod profile;
pub mod recent_users;
pub mod refresh;
mod tokens;
mod user;
