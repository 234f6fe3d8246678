use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What an API key can be good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Seeing tasks, results and credits, and following them live.
    Read,
    /// Creating, changing and cancelling tasks.
    Write,
    /// Everything about webhooks, their secrets included.
    Webhooks,
}

/// The text names no [`Scope`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a scope")]
pub struct UnknownScope;

impl Scope {
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Webhooks];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Webhooks => "webhooks",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}

/// A set of scopes, in the order of [`Scope::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    pub fn contains(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let given: Vec<Scope> = scopes.into_iter().collect();
        Self(Scope::ALL.into_iter().filter(|scope| given.contains(scope)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_reads_back() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        assert_eq!("admin".parse::<Scope>(), Err(UnknownScope));
    }

    #[test]
    fn a_set_holds_each_scope_once() {
        let scopes = Scopes::from_iter([Scope::Write, Scope::Read, Scope::Write]);
        assert_eq!(scopes.iter().collect::<Vec<_>>(), [Scope::Read, Scope::Write]);
        assert!(!scopes.contains(Scope::Webhooks));
    }
}
