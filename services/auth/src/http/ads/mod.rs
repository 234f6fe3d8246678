//! Sign-in as the client family `ads` knows it: bare objects, tokens in the body, integers for ids.

pub mod google;
pub mod logout;
pub mod refresh;
mod tokens;
