use uuid::Uuid;
use zoetrope_domain::TaskId;

use crate::webhooks::EndpointId;

/// Names a mail, by the choice of whoever asks for it: asking again under the same name changes nothing. Such as `ready.<task>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MailId(String);

/// The text cannot name a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a mail: 1 to 100 of A-Z, a-z, 0-9, '.', '_' and '-', no dot at an end or beside another")]
pub struct InvalidMailId;

impl MailId {
    const LONGEST: usize = 100;

    /// The mail that tells that a video is ready.
    pub fn ready(task: TaskId) -> Self {
        Self(format!("ready.{task}"))
    }

    /// The mail that tells that a webhook endpoint was disabled. `occasion` tells one time from the next.
    pub fn endpoint_disabled(endpoint: EndpointId, occasion: Uuid) -> Self {
        Self(format!("endpoint_disabled.{endpoint}.{occasion}"))
    }

    /// Reads a name from elsewhere. It becomes a part of the `Message-ID`, so not every text will do.
    pub fn parse(text: &str) -> Result<Self, InvalidMailId> {
        let plain =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if text.len() <= Self::LONGEST && text.split('.').all(plain) { Ok(Self(text.to_owned())) } else { Err(InvalidMailId) }
    }

    /// A name that was parsed before it was stored.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for MailId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_into_a_message_id() {
        for good in ["a", "0b4c6c3e-8f5b-4bb0-8a0c-0f5a9f1f3c2d", "receipt.2026_11-1", &"x".repeat(100)] {
            assert_eq!(MailId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", ".", ".a", "a.", "a..b", "a b", "a@b", "<a>", "a\r\nBcc: x", "é", &"x".repeat(101)] {
            assert_eq!(MailId::parse(bad), Err(InvalidMailId), "{bad:?}");
        }
    }

    #[test]
    fn our_own_names_are_good() {
        for id in [MailId::ready(crate::fixtures::task_id(7)), MailId::endpoint_disabled(EndpointId::generate(), Uuid::new_v4())]
        {
            assert_eq!(MailId::parse(id.as_str()), Ok(id));
        }
    }
}
