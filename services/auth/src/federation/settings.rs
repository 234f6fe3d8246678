use std::num::NonZeroU32;

use secrecy::SecretString;
use serde::Deserialize;

/// Sign-in with Google.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoogleSettings {
    pub client_id: String,
    /// Normally given by a path, `client_secret_file`.
    pub client_secret: SecretString,
    /// The pages of front-ends to which Google sends users back.
    pub redirect_uris: Vec<String>,
    #[serde(default = "default_issuer")]
    pub issuer: String,
    /// How long one call may take.
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: NonZeroU32,
    /// After so long Google's keys are asked for anew.
    #[serde(default = "default_keys_max_age_seconds")]
    pub keys_max_age_seconds: NonZeroU32,
    /// The least time between two times of asking for them.
    #[serde(default = "default_keys_pause_seconds")]
    pub keys_pause_seconds: NonZeroU32,
}

/// Sign-in of a WeChat mini-program.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeChatSettings {
    pub app_id: String,
    /// Normally given by a path, `secret_file`.
    pub secret: SecretString,
    #[serde(default = "default_wechat_url")]
    pub base_url: String,
    /// How long the call may take.
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: NonZeroU32,
}

fn default_issuer() -> String {
    "https://accounts.google.com".to_owned()
}

fn default_wechat_url() -> String {
    "https://api.weixin.qq.com".to_owned()
}

const fn default_timeout_seconds() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(10 - 1)
}

const fn default_keys_max_age_seconds() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(60 * 60 - 1)
}

const fn default_keys_pause_seconds() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(5 - 1)
}
