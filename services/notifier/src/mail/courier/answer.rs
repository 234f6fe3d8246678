use lettre::transport::smtp::Error;

/// What a mail server answered, as far as it may be kept: the code and, if it gave one, the enhanced code, such as `550 5.1.1`. The rest may
/// quote the address, a link or a code.
pub(super) fn codes(error: &Error) -> Option<String> {
    let code = error.status()?;
    let text = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    Some(match enhanced(&text) {
        Some(enhanced) => format!("{code} {enhanced}"),
        None => code.to_string(),
    })
}

/// The enhanced code (RFC 3463) at the beginning of an answer's text.
fn enhanced(text: &str) -> Option<&str> {
    let word = text.split_ascii_whitespace().next()?;
    let mut parts = word.split('.');
    let class = parts.next().filter(|class| matches!(*class, "2" | "4" | "5"));
    let number =
        |part: Option<&str>| part.is_some_and(|part| matches!(part.len(), 1..=3) && part.bytes().all(|b| b.is_ascii_digit()));
    (class.is_some() && number(parts.next()) && number(parts.next()) && parts.next().is_none()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_are_kept() {
        for (text, kept) in [
            ("5.1.1 <ann@example.org>: no such user", Some("5.1.1")),
            ("4.7.1\nsecond line", Some("4.7.1")),
            ("5.7.509 refused", Some("5.7.509")),
            ("<ann@example.org>: no such user", None),
            ("5.1", None),
            ("5.1.1.1", None),
            ("5.1.4711x", None),
            ("5.1.4711", None),
            ("4711", None),
            ("", None),
        ] {
            assert_eq!(enhanced(text), kept, "{text}");
        }
    }
}
