//! Sign-in as the client family `photo` knows it: the one envelope, a session token, fields in `snake_case`.

pub mod admin_login;
pub mod refresh;
pub mod wechat;
