use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::UnknownWord;

/// Width and height of a video in pixels, each 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VideoSize {
    pub width: u16,
    pub height: u16,
}

/// The text is not `WIDTHxHEIGHT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be WIDTHxHEIGHT in pixels, for example 1280x720")]
pub struct InvalidVideoSize;

impl FromStr for VideoSize {
    type Err = InvalidVideoSize;

    fn from_str(text: &str) -> Result<Self, InvalidVideoSize> {
        let (width, height) = text.split_once('x').ok_or(InvalidVideoSize)?;
        let side = |text: &str| text.parse::<u16>().ok().filter(|side| *side > 0).ok_or(InvalidVideoSize);
        Ok(Self { width: side(width)?, height: side(height)? })
    }
}

impl TryFrom<String> for VideoSize {
    type Error = InvalidVideoSize;

    fn try_from(text: String) -> Result<Self, InvalidVideoSize> {
        text.parse()
    }
}

impl From<VideoSize> for String {
    fn from(size: VideoSize) -> Self {
        size.to_string()
    }
}

impl fmt::Display for VideoSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}x{}", self.width, self.height)
    }
}

/// The shapes that clients name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AspectRatio {
    Landscape,
    Portrait,
    Square,
}

impl AspectRatio {
    pub const ALL: [Self; 3] = [Self::Landscape, Self::Portrait, Self::Square];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Landscape => "16:9",
            Self::Portrait => "9:16",
            Self::Square => "1:1",
        }
    }

    /// The size that stands for the shape when none is named.
    pub const fn default_size(self) -> VideoSize {
        match self {
            Self::Landscape => VideoSize { width: 1280, height: 720 },
            Self::Portrait => VideoSize { width: 720, height: 1280 },
            Self::Square => VideoSize { width: 720, height: 720 },
        }
    }
}

impl FromStr for AspectRatio {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|ratio| ratio.as_str() == word).ok_or_else(|| UnknownWord::new("aspect ratio", word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_back() {
        assert_eq!("1280x720".parse(), Ok(AspectRatio::Landscape.default_size()));
        for text in ["", "1280", "0x720", "1280x", "1280x720x3", "70000x2", "-1x5", "1280X720"] {
            assert_eq!(text.parse::<VideoSize>(), Err(InvalidVideoSize), "{text}");
        }
    }
}
