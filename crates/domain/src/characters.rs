//! Characters that nobody sees, or that make others look like something else.

/// Whether nothing is shown in its place (`Default_Ignorable_Code_Point` of Unicode, and characters that are blank): zero-width spaces, soft
/// hyphens, joiners, selectors of variants, byte-order marks.
pub const fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether it changes the direction in which what follows is read, so that a text looks like another one.
pub const fn turns_text(character: char) -> bool {
    matches!(character, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Without white space and what is invisible at either end.
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || is_invisible(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_told_from_what_is() {
        for unseen in ['\u{AD}', '\u{200B}', '\u{202E}', '\u{2060}', '\u{FEFF}', '\u{FE0F}', '\u{3164}', '\u{E0041}'] {
            assert!(is_invisible(unseen), "{unseen:?}");
        }
        for seen in ['a', ' ', 'é', '中', '\u{301}', '👍', '-'] {
            assert!(!is_invisible(seen), "{seen:?}");
        }
        assert!(turns_text('\u{202E}') && turns_text('\u{2066}') && !turns_text('\u{200B}') && !turns_text('א'));
    }

    #[test]
    fn ends_are_trimmed_of_what_is_not_seen() {
        assert_eq!(trimmed("\u{FEFF} \u{3000}a b\u{A0}\u{200B}\n"), "a b");
        assert_eq!(trimmed("\u{200B} "), "");
    }
}
