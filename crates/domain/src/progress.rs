/// Percent of a generation, 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Progress(u8);

impl Progress {
    pub const NONE: Self = Self(0);
    pub const FULL: Self = Self(100);
    /// What an unfinished task shows at the most: 100 means that the result is there.
    pub const ALMOST: Self = Self(99);

    /// Anything above 100 counts as 100: providers are not exact.
    pub fn clamped(percent: u32) -> Self {
        Self(u8::try_from(percent).unwrap_or(100).min(100))
    }

    pub const fn get(self) -> u8 {
        self.0
    }
}
