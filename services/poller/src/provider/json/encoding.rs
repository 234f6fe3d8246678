use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// The text of a body. JSON is UTF-8, so it is taken for that if it can be; then for what the byte-order mark or the answer's header says.
/// Bytes that stand for nothing become U+FFFD.
pub(super) fn text<'a>(body: &'a [u8], charset: Option<&'static Encoding>) -> Cow<'a, str> {
    if let Some((encoding, mark)) = Encoding::for_bom(body) {
        return decode(encoding, body.get(mark..).unwrap_or_default());
    }
    // An object or a list whose every other byte is zero.
    match body {
        [b'{' | b'[', 0, ..] => return decode(UTF_16LE, body),
        [0, b'{' | b'[', ..] => return decode(UTF_16BE, body),
        _ => {}
    }
    match str::from_utf8(body) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => decode(charset.unwrap_or(UTF_8), body),
    }
}

fn decode<'a>(encoding: &'static Encoding, body: &'a [u8]) -> Cow<'a, str> {
    encoding.decode_without_bom_handling(body).0
}
