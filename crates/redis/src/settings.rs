use secrecy::SecretString;
use serde::Deserialize;

/// Where Redis is (`[redis]`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisSettings {
    /// `redis://[:password@]host:port/database`, or `rediss://` for TLS.
    pub url: SecretString,
    /// Put before every key, so that several installations can share a server.
    #[serde(default = "default_key_prefix")]
    pub key_prefix: String,
}

fn default_key_prefix() -> String {
    "zoetrope:".to_owned()
}

/// The address cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("redis.url is not a Redis address")]
pub struct AddressError(#[source] pub(crate) redis::RedisError);
