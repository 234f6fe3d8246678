//! What a user may be called to sign in with, and which names are the same.
//!
//! A name is what RFC 8265 calls a username: words of letters and digits of any script (`UsernameCasePreserved`), with single spaces between
//! them. It is kept in one normal form, so that two texts that look the same are one name. Scripts are not mixed but for those that are
//! written together (UTS 39, "highly restrictive"): Han, kana and Hangul with each other and with Latin letters.
//!
//! Names from before these rules stay. So a name is looked up as it was typed, too, see [`spellings`].

use precis_core::profile::PrecisFastInvocation;
use precis_profiles::UsernameCasePreserved;
use unicode_security::mixed_script::AugmentedScriptSet;
use zoetrope_domain::characters::{is_invisible, trimmed};

pub use super::shown_text::name_of_stranger as shown;
use super::{login::key, reserved_names::is_reserved};

const MAX_CHARS: usize = 64;
/// Of the name that somebody else gave, so that a number fits behind it.
const MAX_SUGGESTED_CHARS: usize = 40;
const NOBODY: &str = "user";
/// Beside letters and digits. No `@`, so that nobody takes another's address for a name, and one field can serve both at sign-in; nothing that
/// means something in addresses of pages, in HTML or to a shell.
const PUNCTUATION: &str = "._-+' ";

/// Who chooses the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chooser {
    Anybody,
    /// May choose reserved names.
    Operator,
}

/// A name in its normal form, or what is wrong with it, as a sentence that reads on from the field's name.
pub fn parse(text: &str, chooser: Chooser) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Err("is required");
    }
    if text.chars().any(|character| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')) {
        return Err("must not contain control characters");
    }
    if text.chars().any(is_invisible) {
        return Err("must not contain characters that are not seen");
    }
    if text.contains(['@', '\u{FF20}']) {
        return Err("must not contain @");
    }
    let name = normal(text).ok_or("must be made of letters and digits, written in one direction")?;
    let is_plain =
        |character: char| !character.is_ascii() || character.is_ascii_alphanumeric() || PUNCTUATION.contains(character);
    if name.chars().count() > MAX_CHARS {
        Err("must not be longer than 64 characters")
    } else if !name.chars().all(is_plain) {
        Err("must not contain other characters than letters, digits, spaces, and . _ - + '")
    } else if !name.starts_with(|first: char| first.is_alphanumeric() || first == '_') || !name.chars().any(char::is_alphanumeric)
    {
        Err("must begin with a letter or a digit")
    } else if name.contains("..") || name.ends_with('.') {
        Err("must not end with a dot, or contain two together")
    } else if !is_written_in_one_way(&name) {
        Err("must not mix letters of different scripts")
    } else if chooser == Chooser::Anybody && is_reserved(&name) {
        Err("is reserved")
    } else {
        Ok(name)
    }
}

/// The form in which names are stored: each word as RFC 8265 says, one space between them. `None` when a word is none.
fn normal(text: &str) -> Option<String> {
    let words = text.split_whitespace().map(|word| UsernameCasePreserved::enforce(word).ok());
    let words: Option<Vec<_>> = words.collect();
    words.map(|words| words.join(" "))
}

/// Whether all letters are of one script, or of scripts that are written together.
fn is_written_in_one_way(name: &str) -> bool {
    let together = |skipped: fn(&AugmentedScriptSet) -> bool| {
        let mut scripts = AugmentedScriptSet::default();
        for script in name.chars().map(AugmentedScriptSet::for_char).filter(|script| !skipped(script)) {
            scripts.intersect_with(script);
        }
        scripts
    };
    let without_latin = together(is_latin);
    !together(|_| false).is_empty() || without_latin.hanb || without_latin.jpan || without_latin.kore
}

fn is_latin(script: &AugmentedScriptSet) -> bool {
    let mut shared = *script;
    shared.intersect_with(AugmentedScriptSet::for_char('a'));
    !shared.base.is_empty() && !script.is_all()
}

/// The forms under which the user of a typed name may be stored: as it was typed, and in the normal form. `typed` is in the case in which names
/// are compared.
pub fn spellings(typed: &str) -> Vec<String> {
    let seen: String = trimmed(typed).chars().filter(|character| !is_invisible(*character)).collect();
    let normal = normal(&seen).map(|name| key(&name)).filter(|name| !name.is_empty() && name != typed);
    [typed.to_owned()].into_iter().chain(normal).collect()
}

/// A name that registration would allow, like the one that was given, with a number that makes it one's own.
///
/// Without a name given it is not made from an address, which would tell others half of it.
pub fn suggest(given: Option<&str>, number: u32) -> String {
    let base = given.and_then(shown);
    let base = base.map(|base| base.chars().take(MAX_SUGGESTED_CHARS).collect::<String>());
    let like_it = base.and_then(|base| parse(&format!("{}-{number:010}", base.trim_end()), Chooser::Anybody).ok());
    like_it.unwrap_or_else(|| format!("{NOBODY}-{number:010}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chosen(text: &str) -> Result<String, &'static str> {
        parse(text, Chooser::Anybody)
    }

    #[test]
    fn names_of_all_scripts_are_taken() {
        for name in [
            "ann",
            "Ann Lee",
            "user-0a1b",
            "j.doe_99",
            "o'neil",
            "José",
            "Straße",
            "Иван",
            "Ελένη",
            "王小明",
            "小明abc123",
            "さくらサクラ桜",
            "민수kim",
            "משה",
            "محمد",
            "अमित",
            "_private",
            "a+b",
            "7of9",
            "々木ー",
        ] {
            assert_eq!(chosen(name).as_deref(), Ok(name));
        }
    }

    #[test]
    fn what_looks_the_same_is_one_name() {
        assert_eq!(chosen("jose\u{301}"), chosen("jos\u{e9}"));
        assert_eq!(chosen(" Ann \u{3000}Lee "), chosen("Ann Lee"));
        assert_eq!(chosen("\u{FF41}nn\u{FF11}").as_deref(), Ok("ann1"));
        for unseen in ["an\u{200B}n", "an\u{AD}n", "an\u{2060}n", "\u{FEFF}ann", "ann\u{200D}", "an\u{FE0F}n", "a\u{3164}nn"] {
            assert!(chosen(unseen).is_err(), "{unseen:?}");
        }
    }

    #[test]
    fn names_that_deceive_are_refused() {
        for name in [
            "",
            "  ",
            "a@x.io",
            "a\u{FF20}b",
            "a\u{7}b",
            "a\nb",
            "../..",
            "..",
            ".",
            "a/b",
            "a\\b",
            "C:",
            "<script>alert(1)</script>",
            "a&b",
            "\"a\"",
            "a;b",
            "$(id)",
            "a%00",
            "a?b",
            "a#b",
            ".hidden",
            "-rf",
            "ann.",
            "___",
            "---",
            "\u{202E}nimda",
            "a\u{2066}b",
            "👍",
            "½",
            "①",
            "ﬁ",
            "a\u{2028}b",
        ] {
            assert!(chosen(name).is_err(), "{name:?}");
        }
        assert_eq!(chosen(&"x".repeat(65)), Err("must not be longer than 64 characters"));
        // Letters that look Latin: Cyrillic, Greek, Armenian, Cherokee.
        for mixed in ["\u{430}dmin", "p\u{430}ypal", "g\u{3bf}\u{3bf}gle", "\u{585}nline", "\u{13AA}nn", "Иvan", "王\u{430}b"] {
            assert_eq!(chosen(mixed), Err("must not mix letters of different scripts"), "{mixed:?}");
        }
    }

    #[test]
    fn reserved_names_are_for_the_operator() {
        for name in ["admin", "Root", "support", "no-reply", "管理员"] {
            assert_eq!(chosen(name), Err("is reserved"), "{name}");
            assert!(parse(name, Chooser::Operator).is_ok(), "{name}");
        }
        // All Cyrillic, and looks like "api".
        assert_eq!(chosen("\u{430}\u{440}\u{456}"), Err("is reserved"));
        assert!(parse("../..", Chooser::Operator).is_err());
    }

    #[test]
    fn a_name_is_looked_up_as_it_was_typed_and_in_its_normal_form() {
        assert_eq!(spellings("ann"), ["ann"]);
        assert_eq!(spellings("jose\u{301}"), ["jose\u{301}", "jos\u{e9}"]);
        assert_eq!(spellings("an\u{200B}n"), ["an\u{200B}n", "ann"]);
        // What nobody could register now may be a name from before.
        assert_eq!(spellings("<script>"), ["<script>"]);
        assert_eq!(spellings("\u{202E}nimda"), ["\u{202E}nimda", "nimda"]);
    }

    #[test]
    fn a_suggested_name_could_be_registered() {
        let long = "x".repeat(500);
        for given in [
            None,
            Some(""),
            Some("  "),
            Some("Ann"),
            Some("a@b\u{7}c"),
            Some(long.as_str()),
            Some("王小明"),
            Some("Иван"),
            Some("משה"),
            Some("<b>"),
            Some("a\0b"),
            Some("\u{202E}nn"),
            Some("👍"),
            Some("p\u{430}l"),
            Some("admin"),
            Some("..."),
        ] {
            let username = suggest(given, u32::MAX);
            assert_eq!(chosen(&username).as_deref(), Ok(username.as_str()), "{given:?}");
        }
        assert_eq!(suggest(Some(" Ann "), 10), "Ann-0000000010");
        assert_eq!(suggest(Some("Иван"), 10), "Иван-0000000010");
        for given in [None, Some("👍"), Some("a/b")] {
            assert_eq!(suggest(given, 10), "user-0000000010");
        }
    }

    proptest! {
        #[test]
        fn a_name_that_is_taken_is_found_again(text in "\\PC{1,12}|[a-z\u{301}\u{200b} .]{1,8}") {
            if let Ok(name) = chosen(&text) {
                prop_assert_eq!(chosen(&name), Ok(name.clone()));
                prop_assert!(spellings(&key(&text)).contains(&key(&name)), "{:?} {:?}", text, name);
            }
        }
    }
}
