//! Width and height of a picture, as the API writes them: `1280x720`.

use std::{fmt, str::FromStr};

const SMALLEST_SIDE: u32 = 16;
const LARGEST_SIDE: u32 = 4096;

/// A picture's size in pixels; each side is 16 to 4096.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FrameSize {
    width: u32,
    height: u32,
}

/// The text is not `<width>x<height>` with both sides in 16..=4096.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be WIDTHxHEIGHT with both sides from {SMALLEST_SIDE} to {LARGEST_SIDE}, such as 1280x720")]
pub(crate) struct InvalidFrameSize;

impl FrameSize {
    /// The size that the API takes when none is asked for.
    pub(crate) const DEFAULT: Self = Self { width: 720, height: 1280 };

    pub(crate) fn width(self) -> u32 {
        self.width
    }

    pub(crate) fn height(self) -> u32 {
        self.height
    }

    /// Scales down, never up, until the longer side is at most `longest`; the aspect ratio stays. Both sides of the
    /// result are even, as 4:2:0 video needs.
    pub(crate) fn fit_within(self, longest: u32) -> Self {
        let longer = self.width.max(self.height);
        let scale = |side: u32| {
            let scaled = if longer > longest { (side * longest + longer / 2) / longer } else { side };
            (scaled / 2 * 2).max(SMALLEST_SIDE)
        };
        Self { width: scale(self.width), height: scale(self.height) }
    }
}

impl fmt::Display for FrameSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}x{}", self.width, self.height)
    }
}

impl FromStr for FrameSize {
    type Err = InvalidFrameSize;

    fn from_str(text: &str) -> Result<Self, InvalidFrameSize> {
        let (width, height) = text.split_once('x').ok_or(InvalidFrameSize)?;
        let side = |text: &str| {
            let side = text.parse::<u32>().map_err(|_| InvalidFrameSize)?;
            (SMALLEST_SIDE..=LARGEST_SIDE).contains(&side).then_some(side).ok_or(InvalidFrameSize)
        };
        Ok(Self { width: side(width)?, height: side(height)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(text: &str) -> FrameSize {
        text.parse().unwrap()
    }

    #[test]
    fn reads_what_it_writes() {
        assert_eq!(size("1280x720").to_string(), "1280x720");
        for bad in ["", "720", "x", "1280x", "1280x720p", "0x0", "15x720", "4097x720", "-1x20"] {
            assert_eq!(bad.parse::<FrameSize>(), Err(InvalidFrameSize), "{bad}");
        }
    }

    #[test]
    fn scaling_keeps_the_aspect_ratio_and_even_sides() {
        assert_eq!(size("1280x720").fit_within(640), size("640x360"));
        assert_eq!(size("720x1280").fit_within(640), size("360x640"));
        assert_eq!(size("720x720").fit_within(640), size("640x640"));
        assert_eq!(size("1792x1024").fit_within(640), size("640x366"));
        assert_eq!(size("321x181").fit_within(640), size("320x180"));
        assert_eq!(size("4096x16").fit_within(640), size("640x16"));
    }
}
