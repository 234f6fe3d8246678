//! The 5,000 most common passwords that are long enough to be passwords here. Who guesses begins with them.

use std::{collections::HashSet, sync::LazyLock};

static LIST: LazyLock<HashSet<&'static str>> = LazyLock::new(|| include_str!("list.txt").lines().collect());

/// Whether the password is one of them, whatever its case.
pub fn is_common(password: &str) -> bool {
    LIST.contains(password.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_make_a_password_rare() {
        for common in ["123456", "password", "PassWord", "QWERTYUIOP", "letmein1"] {
            assert!(is_common(common), "{common}");
        }
        for rare in ["", "correct horse", "password of ann", "123456 "] {
            assert!(!is_common(rare), "{rare}");
        }
    }

    #[test]
    fn the_list_is_as_it_is_compared() {
        assert_eq!(LIST.len(), 5_000);
        assert!(LIST.iter().all(|entry| *entry == entry.trim().to_lowercase() && entry.chars().count() >= 6));
    }
}
