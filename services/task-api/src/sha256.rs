//! The SHA-256 of a file, written as 64 hexadecimal digits.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256([u8; 32]);

/// Neither 32 bytes nor 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 digest")]
pub struct InvalidSha256;

impl From<[u8; 32]> for Sha256 {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for Sha256 {
    type Error = InvalidSha256;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidSha256> {
        bytes.try_into().map(Self).map_err(|_| InvalidSha256)
    }
}

impl FromStr for Sha256 {
    type Err = InvalidSha256;

    fn from_str(text: &str) -> Result<Self, InvalidSha256> {
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let mut bytes = [0; 32];
        if text.len() != 2 * bytes.len() {
            return Err(InvalidSha256);
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let [high, low] = *pair else { return Err(InvalidSha256) };
            *byte = digit(high).zip(digit(low)).map(|(high, low)| high << 4 | low).ok_or(InvalidSha256)?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Sha256 {
    type Error = InvalidSha256;

    fn try_from(text: String) -> Result<Self, InvalidSha256> {
        text.parse()
    }
}

impl From<Sha256> for String {
    fn from(digest: Sha256) -> Self {
        digest.to_string()
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back() {
        let bytes: [u8; 32] = std::array::from_fn(|index| (index * 9) as u8);
        let text = Sha256::from(bytes).to_string();
        assert_eq!(text.get(..8), Some("0009121b"));
        assert_eq!(text.parse(), Ok(Sha256(bytes)));
        assert_eq!(text.to_uppercase().parse(), Ok(Sha256(bytes)));
        assert_eq!(Sha256::try_from(bytes.as_slice()), Ok(Sha256(bytes)));
    }

    #[test]
    fn anything_else_is_none() {
        let short = "0".repeat(63);
        for text in ["", short.as_str(), &format!("{short}g"), &format!("{short}00"), &"é".repeat(32)] {
            assert_eq!(text.parse::<Sha256>(), Err(InvalidSha256), "{text}");
        }
        assert_eq!(Sha256::try_from(&[0; 31][..]), Err(InvalidSha256));
        assert_eq!(Sha256::try_from(&[][..]), Err(InvalidSha256));
    }
}
