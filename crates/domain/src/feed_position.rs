use std::{fmt, str::FromStr};

/// A place in a user's feed of changes: 1, 2, 3 … without gaps, in the order in which the changes were committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FeedPosition(u64);

/// The text is not a place in a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a place in a feed")]
pub struct InvalidFeedPosition;

impl FeedPosition {
    /// The place before the first change; also that of a change whose place nobody knows.
    pub const START: Self = Self(0);
    /// The largest that Postgres can hold. Nobody gets there.
    pub const MAX: Self = Self(i64::MAX.unsigned_abs());

    /// Anything above [`MAX`](Self::MAX) counts as `MAX`.
    pub fn clamped(position: u64) -> Self {
        Self(position).min(Self::MAX)
    }

    pub const fn get(self) -> u64 {
        self.0
    }

    /// False for [`START`](Self::START).
    pub const fn is_known(self) -> bool {
        self.0 > 0
    }

    /// The place before this one.
    #[must_use]
    pub const fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for FeedPosition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for FeedPosition {
    type Err = InvalidFeedPosition;

    /// Reads what [`Display`](fmt::Display) writes, and nothing else.
    fn from_str(text: &str) -> Result<Self, InvalidFeedPosition> {
        let position = text.parse().map(Self).map_err(|_| InvalidFeedPosition)?;
        if position <= Self::MAX && position.to_string() == text { Ok(position) } else { Err(InvalidFeedPosition) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_read_back() {
        for position in [0, 1, 17, u64::MAX] {
            let position = FeedPosition::clamped(position);
            assert_eq!(position.to_string().parse(), Ok(position));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "-1", "+1", "01", " 1", "1.0", "one", "9223372036854775808", "99999999999999999999"] {
            assert_eq!(text.parse::<FeedPosition>(), Err(InvalidFeedPosition), "{text:?}");
        }
    }

    #[test]
    fn nothing_is_before_the_start() {
        assert_eq!(FeedPosition::clamped(3).before(), FeedPosition::clamped(2));
        assert_eq!(FeedPosition::START.before(), FeedPosition::START);
        assert!(!FeedPosition::START.is_known());
    }
}
