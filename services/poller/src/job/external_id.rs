use std::{fmt, str::FromStr};

/// The provider's name for a job. It becomes a part of addresses, so it is checked before it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExternalId(String);

/// Not a usable id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a usable id")]
pub(crate) struct InvalidExternalId;

/// Longest id in characters that is accepted; real ones have some 40.
const MAX_CHARACTERS: usize = 256;

impl ExternalId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ExternalId {
    type Err = InvalidExternalId;

    fn from_str(text: &str) -> Result<Self, InvalidExternalId> {
        let text = text.trim();
        let fits = (1..=MAX_CHARACTERS).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic());
        // Dots alone would walk up the path of an address.
        let dots = text.chars().all(|c| c == '.');
        if fits && !dots { Ok(Self(text.to_owned())) } else { Err(InvalidExternalId) }
    }
}

impl fmt::Display for ExternalId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_usable_ids_are_believed() {
        assert_eq!("video_68a".parse::<ExternalId>().unwrap().as_str(), "video_68a");
        assert_eq!(" sora:task/7 \n".parse::<ExternalId>().unwrap().as_str(), "sora:task/7");
        for text in ["", "  ", ".", "..", "two words", "ann\u{e9}e", "line\nbreak", &"x".repeat(257)] {
            assert_eq!(text.parse::<ExternalId>(), Err(InvalidExternalId), "{text:?}");
        }
    }
}
