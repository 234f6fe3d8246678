use std::fmt;

use serde::{Deserialize, Serialize};

use crate::UserId;

/// Counts the owners of an account: 0 for whoever registered it, one more for each who took it over by proving to own its address.
///
/// Tokens, API keys, tasks and messages carry the generation in which they were made. Whatever is older than the newest that a service knows
/// was left by somebody who only claimed the account, and counts for nothing. Unlike a time, it needs no two clocks to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OwnerGeneration(u32);

impl OwnerGeneration {
    /// Of whoever registered the account. What carries no generation is of this one.
    pub const FIRST: Self = Self(0);

    pub const fn new(generation: u32) -> Self {
        Self(generation)
    }

    pub const fn get(self) -> u32 {
        self.0
    }

    /// As Postgres stores it, which has no unsigned numbers. Nothing it can hold is negative, see [`Self::read`].
    pub const fn stored(self) -> i64 {
        self.0 as i64
    }

    /// As [`Self::stored`] wrote it. What is no generation counts as the last one, in which nothing that is known is good.
    pub fn read(stored: i64) -> Self {
        Self(u32::try_from(stored).unwrap_or(u32::MAX))
    }

    pub fn is_first(&self) -> bool {
        *self == Self::FIRST
    }

    /// Of whoever takes the account over.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// One of the owners that an account has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccountOwner {
    pub user_id: UserId,
    pub generation: OwnerGeneration,
}

impl fmt::Display for OwnerGeneration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_reads_back() {
        for generation in [OwnerGeneration::FIRST, OwnerGeneration::new(1), OwnerGeneration::new(u32::MAX)] {
            assert_eq!(OwnerGeneration::read(generation.stored()), generation);
        }
        assert_eq!(OwnerGeneration::read(-1), OwnerGeneration::new(u32::MAX));
    }

    #[test]
    fn each_owner_comes_after_the_one_before() {
        assert!(OwnerGeneration::FIRST < OwnerGeneration::FIRST.next());
        assert!(OwnerGeneration::FIRST.is_first() && !OwnerGeneration::FIRST.next().is_first());
    }
}
