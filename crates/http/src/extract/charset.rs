/// Whether text that says to be of this character set can be read as UTF-8. It is never guessed or converted: a wrong guess would be stored.
pub(super) fn is_utf8(charset: &str) -> bool {
    let name = charset.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
    matches!(name.as_str(), "" | "utf-8" | "utf8" | "utf-8-sig" | "us-ascii" | "ascii" | "unicode-1-1-utf-8")
}

/// What a refusal says of text that is not in UTF-8, to be read on from the field's name.
pub(super) fn must_be_utf8(charset: Option<&str>) -> String {
    match charset {
        Some(charset) => format!("must be text in UTF-8, not in {}", printable(charset)),
        None => "must be text in UTF-8".to_owned(),
    }
}

fn printable(charset: &str) -> String {
    let name = charset.trim().trim_matches(['"', '\'']);
    name.chars().filter(char::is_ascii_graphic).take(40).collect()
}

/// Whether a beginning is that of UTF-16 or UTF-32, which some editors and programs of Windows write.
pub(super) fn looks_wide(text: &[u8]) -> bool {
    matches!(text, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) || text.iter().take(4).any(|byte| *byte == 0)
}

/// Text without the mark with which programs of Windows say that it is UTF-8.
pub(super) fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}
