use std::fmt;

use serde::{Deserialize, Serialize};

use crate::UnknownWord;

/// An amount of credits, never negative. Credits are whole: one is the smallest unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Credits(i64);

/// A negative number of credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not an amount of credits: it must not be negative")]
pub struct InvalidCredits(pub i64);

/// The balance does not reach the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{required} credits are needed, {current} are left")]
pub struct InsufficientCredits {
    pub required: Credits,
    pub current: Credits,
}

impl Credits {
    pub const ZERO: Self = Self(0);

    pub const fn new(amount: i64) -> Result<Self, InvalidCredits> {
        if amount < 0 { Err(InvalidCredits(amount)) } else { Ok(Self(amount)) }
    }

    pub const fn get(self) -> i64 {
        self.0
    }

    /// The balance after paying `price` out of this balance.
    pub fn pay(self, price: Self) -> Result<Self, InsufficientCredits> {
        if self < price {
            return Err(InsufficientCredits { required: price, current: self });
        }
        Ok(Self(self.0 - price.0))
    }

    /// `None` when the sum is beyond `i64`.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

impl TryFrom<i64> for Credits {
    type Error = InvalidCredits;

    fn try_from(amount: i64) -> Result<Self, InvalidCredits> {
        Self::new(amount)
    }
}

impl From<Credits> for i64 {
    fn from(credits: Credits) -> Self {
        credits.0
    }
}

impl fmt::Display for Credits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Why a balance changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LedgerKind {
    /// Bought.
    Recharge,
    /// Spent on a task.
    Consume,
    /// Given back for a task that failed or was cancelled.
    Refund,
    /// Given, for example at sign-up.
    Reward,
}

impl LedgerKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recharge => "recharge",
            Self::Consume => "consume",
            Self::Refund => "refund",
            Self::Reward => "reward",
        }
    }

    /// The amount as it stands in the ledger: spending is negative, everything else positive.
    pub const fn signed(self, amount: Credits) -> i64 {
        match self {
            Self::Consume => -amount.0,
            Self::Recharge | Self::Refund | Self::Reward => amount.0,
        }
    }
}

impl std::str::FromStr for LedgerKind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        [Self::Recharge, Self::Consume, Self::Refund, Self::Reward]
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .ok_or_else(|| UnknownWord::new("ledger kind", word))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn credits(amount: i64) -> Credits {
        Credits::new(amount).unwrap()
    }

    #[test]
    fn credits_are_never_negative() {
        assert_eq!(Credits::new(-1), Err(InvalidCredits(-1)));
        assert_eq!(Credits::new(0), Ok(Credits::ZERO));
    }

    #[test]
    fn a_short_balance_names_both_sides() {
        assert_eq!(credits(40).pay(credits(100)), Err(InsufficientCredits { required: credits(100), current: credits(40) }));
    }

    proptest! {
        #[test]
        fn paying_and_refunding_leaves_the_balance(balance in 0..=i64::MAX, price in 0..=i64::MAX) {
            if let Ok(rest) = credits(balance).pay(credits(price)) {
                prop_assert_eq!(rest.checked_add(credits(price)), Some(credits(balance)));
            } else {
                prop_assert!(balance < price);
            }
        }
    }
}
