use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};
use url::Url;

/// An address on the web as a user may give it. Whether a request may go there is another question, see
/// [`Destinations`](crate::Destinations).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebAddress(Url);

/// Why a text is no address, in words that read on from a field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    #[error("must not be longer than {} characters", WebAddress::MAX_LENGTH)]
    TooLong,
    #[error("must be a complete http or https address")]
    NotWeb,
    #[error("must not contain a user name or password")]
    Credentials,
}

impl WebAddress {
    pub const MAX_LENGTH: usize = 2048;

    pub fn url(&self) -> &Url {
        &self.0
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for WebAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        // Before and after: what the parser escapes grows.
        let bearable = |text: &str| if text.len() > Self::MAX_LENGTH { Err(InvalidAddress::TooLong) } else { Ok(()) };
        bearable(text)?;
        let url = Url::parse(text).map_err(|_| InvalidAddress::NotWeb)?;
        bearable(url.as_str())?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(InvalidAddress::NotWeb);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidAddress::Credentials);
        }
        Ok(Self(url))
    }
}

impl fmt::Display for WebAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl From<WebAddress> for String {
    fn from(address: WebAddress) -> Self {
        address.0.into()
    }
}

impl Serialize for WebAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_web_is_taken() {
        for text in ["https://example.com", "http://example.com:8080/a?b=c", "HTTPS://EXAMPLE.com/", "https://[2606:4700::1]/"] {
            assert!(text.parse::<WebAddress>().is_ok(), "{text}");
        }
        assert_eq!("HTTPS://EXAMPLE.com".parse::<WebAddress>().unwrap().as_str(), "https://example.com/");
    }

    #[test]
    fn anything_else_is_refused_with_a_reason() {
        let long = format!("https://example.com/{}", "x".repeat(WebAddress::MAX_LENGTH));
        let grows = format!("https://example.com/{}", "ü".repeat(WebAddress::MAX_LENGTH / 4));
        for (text, reason) in [
            ("", InvalidAddress::NotWeb),
            ("example.com", InvalidAddress::NotWeb),
            ("/hook", InvalidAddress::NotWeb),
            ("ftp://example.com", InvalidAddress::NotWeb),
            ("file:///etc/passwd", InvalidAddress::NotWeb),
            ("javascript:alert(1)", InvalidAddress::NotWeb),
            ("https://", InvalidAddress::NotWeb),
            ("https://exa mple.com", InvalidAddress::NotWeb),
            ("https://[fe80::1%25eth0]/", InvalidAddress::NotWeb),
            ("https://user@example.com", InvalidAddress::Credentials),
            ("https://:secret@example.com", InvalidAddress::Credentials),
            (&long, InvalidAddress::TooLong),
            (&grows, InvalidAddress::TooLong),
        ] {
            assert_eq!(text.parse::<WebAddress>(), Err(reason), "{text}");
        }
    }
}
