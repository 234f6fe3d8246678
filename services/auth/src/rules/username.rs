//! What a user is called who did not choose a name.

const MAX_CHARS: usize = 40;
const NOBODY: &str = "user";

/// A name that registration would allow, like the one that was given, with a number that makes it one's own.
///
/// Without a name given it is not made from an address, which would tell others half of it.
pub fn suggest(given: Option<&str>, number: u32) -> String {
    let base = given.and_then(shown);
    format!("{}-{number:08x}", base.as_deref().unwrap_or(NOBODY))
}

/// What others see in place of it: the name that was given, if it can be shown.
pub fn shown(given: &str) -> Option<String> {
    let kept: String = given.chars().filter(|c| !c.is_control() && *c != '@').take(MAX_CHARS).collect();
    Some(kept.trim().to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::rules::registration::{Candidate, Registration};

    #[test]
    fn a_suggested_name_could_be_registered() {
        let long = "x".repeat(500);
        for given in [None, Some(""), Some("  "), Some("Ann"), Some("a@b\u{7}c"), Some(long.as_str()), Some("王小明")] {
            let username = suggest(given, u32::MAX);
            let candidate = Candidate {
                username: Some(username.clone()),
                password: Some(SecretString::from("known to ann")),
                ..Candidate::default()
            };
            assert_eq!(Registration::parse(candidate).unwrap().username, username);
        }
        assert_eq!(suggest(Some(" Ann "), 10), "Ann-0000000a");
        assert_eq!(suggest(None, 10), "user-0000000a");
        assert_eq!((shown(" Ann "), shown("\u{7}@ ")), (Some("Ann".to_owned()), None));
    }
}
