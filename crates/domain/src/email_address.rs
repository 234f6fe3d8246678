use std::{fmt, str::FromStr};

use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::characters::{is_invisible, trimmed};

/// An e-mail address that can be mailed: the one rule for who registers one and who mails to it.
///
/// It is wider than RFC 5321, since mobile carriers have given out addresses with dots where that allows none (`try..x@docomo.ne.jp`), and
/// narrower: no quoted local parts, no numbers of hosts, no names of machines. What nobody sees is taken out, because it comes along
/// with what people copy; so of two texts that look the same one address is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress {
    text: String,
    /// Where the `@` is.
    at: usize,
}

/// The text is no address. The sentence reads on from a field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmailAddress {
    #[error("{}", self.sentence())]
    TooLong,
    #[error("{}", self.sentence())]
    NoAddress,
}

impl InvalidEmailAddress {
    /// As text that lives as long as the program.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::TooLong => "must not be longer than 254 characters",
            Self::NoAddress => "must be an e-mail address",
        }
    }
}

impl EmailAddress {
    /// In bytes: what RFC 5321 leaves for an address, and for its local part.
    const LONGEST: usize = 254;
    const LONGEST_LOCAL_PART: usize = 64;

    /// Reads what somebody typed or copied.
    pub fn parse(text: &str) -> Result<Self, InvalidEmailAddress> {
        let seen: String = trimmed(text).chars().filter(|character| !is_invisible(*character)).collect();
        let seen = if is_nfc(&seen) { seen } else { seen.nfc().collect() };
        let (local, domain) = seen.rsplit_once('@').ok_or(InvalidEmailAddress::NoAddress)?;
        let domain = domain_name(domain).ok_or(InvalidEmailAddress::NoAddress)?;
        if local.is_empty() || !local.chars().all(may_be_local) {
            return Err(InvalidEmailAddress::NoAddress);
        }
        let address = Self { text: format!("{local}@{domain}"), at: local.len() };
        if address.text.len() > Self::LONGEST || local.len() > Self::LONGEST_LOCAL_PART {
            return Err(InvalidEmailAddress::TooLong);
        }
        Ok(address)
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn into_string(self) -> String {
        self.text
    }

    /// Before the `@`. Nothing in it needs quotes where mail is written, but for dots in odd places.
    pub fn local_part(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// After the `@`, as people read it.
    pub fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }

    /// The domain as the DNS and mail servers know it: `xn--…` for what is not ASCII.
    pub fn ascii_domain(&self) -> String {
        let domain = self.domain();
        let ascii = if domain.is_ascii() { None } else { idna::domain_to_ascii(domain).ok() };
        ascii.unwrap_or_else(|| domain.to_owned())
    }
}

/// The domain, in its letters; `None` when it names no host of the Internet.
fn domain_name(text: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii(text).ok()?;
    let is_label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        (1..=63).contains(&label.len()) && plain && !label.starts_with('-') && !label.ends_with('-')
    };
    let top_level = ascii.rsplit('.').next()?;
    let is_number = top_level.bytes().all(|byte| byte.is_ascii_digit());
    if !ascii.contains('.') || !ascii.split('.').all(is_label) || is_number || ascii.len() > 253 {
        return None;
    }
    // What is ASCII stays as it was written: people look for their own spelling. But each domain has one form.
    let is_encoded = ascii.split('.').any(|label| label.starts_with("xn--"));
    if !is_encoded && text.is_ascii() { Some(text.to_owned()) } else { Some(idna::domain_to_unicode(text).0) }
}

/// Whether a character may stand before the `@`: those that RFC 5322 allows without quotes, the dot, and letters of all scripts (RFC 6531).
fn may_be_local(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(character)
    } else {
        !character.is_control() && !character.is_whitespace()
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidEmailAddress;

    fn from_str(text: &str) -> Result<Self, InvalidEmailAddress> {
        Self::parse(text)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> String {
        EmailAddress::parse(text).unwrap_or_else(|error| panic!("{text:?} {error}")).into_string()
    }

    #[test]
    fn addresses_of_all_kinds_are_taken_as_they_are() {
        for address in [
            "a@x.io",
            "Ann.Lee+tag@Example.COM",
            "o'neil@example.ie",
            "try..x@docomo.ne.jp",
            ".first.@ezweb.ne.jp",
            "a@b-c.example",
            "用户@例子.中国",
            "josé@example.org",
            "x@sub.sub.example.museum",
        ] {
            assert_eq!(read(address), address);
        }
    }

    #[test]
    fn what_nobody_sees_does_not_survive() {
        for copied in [
            " ann@example.org",
            "ann@example.org\n",
            "\u{FEFF}ann@example.org\u{200B}",
            "\u{3000}ann@example.org\u{A0}",
            "a\u{200B}nn@exam\u{AD}ple.org",
            "ann\u{2060}@\u{200D}example.org",
            "\u{202E}ann@example.org\u{202C}",
        ] {
            assert_eq!(read(copied), "ann@example.org", "{copied:?}");
        }
        assert_eq!(read("jose\u{301}@example.org"), read("jos\u{e9}@example.org"));
        assert_eq!(read("a@例え。jp"), "a@例え.jp");
        assert_eq!(read("a@XN--R8JZ45G.jp"), "a@例え.jp");
        assert_eq!(EmailAddress::parse("a@例え.jp").unwrap().ascii_domain(), "xn--r8jz45g.jp");
    }

    #[test]
    fn what_cannot_be_mailed_is_refused() {
        for text in [
            "",
            "a",
            "@x.io",
            "a@",
            "a@io",
            "a@x.",
            "a@.io",
            "a@x..io",
            "a b@x.io",
            "a@b@x.io",
            "a@x .io",
            "a\t@x.io",
            "a@x\u{a0}y.io",
            "a\0@x.io",
            "a\r\nBcc: b@x.io",
            "<a@x.io>",
            "Ann <a@x.io>",
            "a@x.io, b@x.io",
            "a@x.io;b@x.io",
            "a;b@x.io",
            "\"a b\"@x.io",
            "a\\b@x.io",
            "(a)@x.io",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@localhost",
            "a@-x.io",
            "a@x-.io",
            "a@x/y.io",
            "a@x.io:25",
            "a@x%.io",
        ] {
            assert_eq!(EmailAddress::parse(text), Err(InvalidEmailAddress::NoAddress), "{text:?}");
        }
        for long in [format!("{}@x.io", "x".repeat(65)), format!("{}@{}.io", "x".repeat(60), ["y"; 98].join("."))] {
            assert_eq!(EmailAddress::parse(&long), Err(InvalidEmailAddress::TooLong), "{long:?}");
        }
        assert!(EmailAddress::parse(&format!("a@{}.io", "x".repeat(64))).is_err());
    }

    proptest! {
        #[test]
        fn an_address_is_read_the_same_again_and_holds_nothing_odd(text in "\\PC{0,8}@?\\PC{0,8}(\\.\\PC{1,4})?|[ -~\u{200b}\u{ad}]{1,6}@[a-z\u{200b}]{1,5}\\.[a-z]{2,3}") {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert_eq!(EmailAddress::parse(address.as_str()), Ok(address.clone()));
                prop_assert!(!address.as_str().chars().any(|c| c.is_whitespace() || c.is_control() || is_invisible(c)));
                prop_assert!(!address.as_str().contains(['<', '>', ',', ';', ':', '"', '\\']));
                prop_assert!(address.ascii_domain().is_ascii());
                prop_assert_eq!(format!("{}@{}", address.local_part(), address.domain()), address.as_str());
            }
        }
    }
}
