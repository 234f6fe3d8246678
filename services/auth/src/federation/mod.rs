//! Other services that vouch for users: Google by OpenID Connect, WeChat by its own protocol.
//!
//! A front-end brings a code that such a service gave to its user. Here the code is exchanged for what the service knows: who it is, and
//! perhaps an address that it has verified. Which account that leads to is decided in [`crate::rules::linking`].
//!
//! Codes, tokens and secrets are neither kept nor logged. When a service is away, who comes is told to come back; nobody waits for long, and
//! nothing is asked again and again.

mod calls;
mod error;
mod google;
mod id_token;
mod key_cache;
mod settings;
mod subject;
mod wechat;

pub use error::FederationError;
pub use google::Google;
pub use settings::{GoogleSettings, WeChatSettings};
pub use wechat::WeChat;

/// The services that were set up, shared by all handlers.
pub struct Federation {
    pub google: Option<Google>,
    pub wechat: Option<WeChat>,
}

impl Federation {
    pub fn new(google: Option<&GoogleSettings>, wechat: Option<&WeChatSettings>) -> anyhow::Result<Self> {
        Ok(Self { google: google.map(Google::new).transpose()?, wechat: wechat.map(WeChat::new).transpose()? })
    }
}
