use std::{fmt, num::NonZeroU16, str::FromStr};

use lapin::uri::AMQPUri;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, de};

/// Seconds of silence after which both sides give a connection up for dead, unless the URL says otherwise.
const HEARTBEAT_SECONDS: u16 = 10;

/// Where RabbitMQ is, and how much is taken from it at once (`[rabbitmq]`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusSettings {
    /// `amqp://user:password@host:port/vhost`, or `amqps` for TLS.
    pub url: BrokerUrl,
    /// Replaces the URL's password.
    #[serde(default)]
    pub password: Option<SecretString>,
    /// Messages of a shared queue that the broker sends ahead of their acknowledgement, per consumer. Default 64.
    #[serde(default = "default_prefetch")]
    pub prefetch: NonZeroU16,
    /// Messages of a shared queue that one consumer handles at the same time. Default 16. More than `prefetch` has no effect.
    #[serde(default = "default_concurrency")]
    pub concurrency: NonZeroU16,
}

const fn default_prefetch() -> NonZeroU16 {
    const { NonZeroU16::new(64).unwrap() }
}

const fn default_concurrency() -> NonZeroU16 {
    const { NonZeroU16::new(16).unwrap() }
}

impl BusSettings {
    /// Settings with every default.
    pub fn new(url: BrokerUrl) -> Self {
        Self { url, password: None, prefetch: default_prefetch(), concurrency: default_concurrency() }
    }

    pub(crate) fn uri(&self) -> AMQPUri {
        let mut uri = self.url.0.clone();
        if let Some(password) = &self.password {
            uri.authority.userinfo.password = password.expose_secret().to_owned();
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        uri
    }
}

/// A checked AMQP address. Never shows its password.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerUrl(AMQPUri);

/// Text that is no AMQP address. Does not repeat the text, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an AMQP address (amqp://user:password@host:port/vhost): {0}")]
pub struct InvalidBrokerUrl(&'static str);

impl FromStr for BrokerUrl {
    type Err = InvalidBrokerUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The parser takes any text after the scheme, and its messages may quote what it was given.
        if !text.starts_with("amqp://") && !text.starts_with("amqps://") {
            return Err(InvalidBrokerUrl("the scheme must be amqp or amqps"));
        }
        let uri: AMQPUri = text.parse().map_err(|_| InvalidBrokerUrl("it cannot be parsed"))?;
        Ok(Self(uri))
    }
}

impl fmt::Debug for BrokerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AMQPUri { authority, vhost, .. } = &self.0;
        write!(formatter, "{}@{}:{}/{vhost}", authority.userinfo.username, authority.host, authority.port)
    }
}

impl<'de> Deserialize<'de> for BrokerUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not through `String`, whose error for a value of another type would be as good, but a secret stays one from the first moment.
        let text = SecretString::deserialize(deserializer)?;
        text.expose_secret().parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_of_its_own_replaces_the_one_in_the_url() {
        let mut settings = BusSettings::new("amqp://zoe:first@broker:5671/%2Fown".parse().unwrap());
        settings.password = Some("second".into());
        let uri = settings.uri();
        assert_eq!((uri.vhost.as_str(), uri.authority.userinfo.password.as_str()), ("/own", "second"));
        assert_eq!(uri.query.heartbeat, Some(10));
    }

    #[test]
    fn a_password_is_never_shown() {
        let url: BrokerUrl = "amqp://zoe:tell-nobody@broker/vhost".parse().unwrap();
        assert_eq!(format!("{url:?}"), "zoe@broker:5672/vhost");
        let error = "http://zoe:tell-nobody@broker".parse::<BrokerUrl>().unwrap_err();
        assert!(!error.to_string().contains("tell-nobody"));
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "broker:5672", "http://broker", "amqp://broker:port/"] {
            assert!(text.parse::<BrokerUrl>().is_err(), "{text}");
        }
    }
}
