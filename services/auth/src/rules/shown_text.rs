//! What users let others read: names, and what they tell of themselves.

use unicode_normalization::UnicodeNormalization;
use zoetrope_domain::characters::{is_invisible, turns_text};

const MAX_NAME_CHARS: usize = 64;
const MAX_BIO_CHARS: usize = 500;
/// Of the name that somebody else gave.
const MAX_STRANGE_CHARS: usize = 40;

/// A name to be shown, or what is wrong with it, as a sentence that reads on from the field's name. Joiners and selectors stay in it: many
/// emoji, and words of some scripts, are written with them.
pub fn name(text: &str) -> Result<String, &'static str> {
    let name: String = without_ends(text).nfc().collect();
    if name.chars().count() > MAX_NAME_CHARS {
        Err("must not be longer than 64 characters")
    } else if name.chars().any(breaks_line) {
        Err("must not contain control characters")
    } else if name.chars().any(deceives) {
        Err("must not contain characters that are not seen, or that change the direction of text")
    } else {
        Ok(name)
    }
}

/// What a user tells of himself, in lines.
pub fn bio(text: &str) -> Result<String, &'static str> {
    let bio: String = without_ends(text).nfc().collect();
    if bio.chars().count() > MAX_BIO_CHARS {
        Err("must not be longer than 500 characters")
    } else if bio.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t')) {
        Err("must not contain control characters")
    } else if bio.chars().any(turns_text) {
        Err("must not contain characters that change the direction of text")
    } else {
        Ok(bio)
    }
}

/// What can be shown of a name that another service gave.
pub fn name_of_stranger(given: &str) -> Option<String> {
    let kept = given.chars().filter(|character| !breaks_line(*character) && !deceives(*character) && *character != '@');
    let kept: String = kept.take(MAX_STRANGE_CHARS).collect();
    name(&kept).ok().filter(|name| !name.is_empty())
}

fn breaks_line(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Whether two names could look the same by it, or one like something else.
fn deceives(character: char) -> bool {
    turns_text(character) || is_nothing(character)
}

/// Whether it shows nothing and does nothing to what is beside it.
fn is_nothing(character: char) -> bool {
    let joins = matches!(character, '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0020}'..='\u{E007F}' | '\u{180B}'..='\u{180F}');
    is_invisible(character) && !joins && !turns_text(character)
}

fn without_ends(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || is_nothing(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_as_they_were_meant() {
        for good in ["安 @ home", "Ann 👩\u{200D}🚀", "I ❤\u{FE0F}", "می\u{200C}خواهم", "<b>", "x".repeat(64).as_str()]
        {
            assert_eq!(name(good).as_deref(), Ok(good));
        }
        assert_eq!(name(" \u{FEFF}jose\u{301}\u{200B} ").as_deref(), Ok("jos\u{e9}"));
        for bad in
            ["a\u{7}b", "a\nb", "a\0b", "a\u{2028}b", "\u{202E}nimda", "a\u{2066}b", "an\u{200B}n", "an\u{AD}n", &"x".repeat(65)]
        {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_bio_has_lines_and_turns_no_text() {
        assert_eq!(bio(" two\nlines\tand 👩\u{200D}🚀 ").as_deref(), Ok("two\nlines\tand 👩\u{200D}🚀"));
        for bad in ["a\0b", "a\u{1b}[31m", "a\u{202E}b", &"x".repeat(501)] {
            assert!(bio(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn of_a_strangers_name_only_what_can_be_shown_is_kept() {
        assert_eq!(name_of_stranger(" A\0n\u{202E}n\u{200B} @Lee\n").as_deref(), Some("Ann Lee"));
        assert_eq!(name_of_stranger("\u{7}@ \u{200B}"), None);
        assert_eq!(name_of_stranger(&"x".repeat(500)).map(|name| name.chars().count()), Some(40));
    }
}
