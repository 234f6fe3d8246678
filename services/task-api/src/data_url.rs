//! Files inside JSON: `data:image/png;base64,…`.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Some clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a data URL with base64 content")]
pub struct InvalidDataUrl;

/// The bytes in a data URL. What type it claims does not matter: files are recognised by their bytes.
pub fn decode(url: &str) -> Result<Vec<u8>, InvalidDataUrl> {
    let (head, content) = url.trim().split_once(',').ok_or(InvalidDataUrl)?;
    let head = head.to_ascii_lowercase();
    if !head.starts_with("data:") || !head.ends_with(";base64") {
        return Err(InvalidDataUrl);
    }
    BASE64.decode(content).map_err(|_| InvalidDataUrl)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_decoded_whatever_the_type() {
        for url in ["data:image/png;base64,aGVsbG8=", "DATA:;BASE64,aGVsbG8", " data:text/plain;charset=utf-8;base64,aGVsbG8=\n"]
        {
            assert_eq!(decode(url).as_deref(), Ok(&b"hello"[..]), "{url}");
        }
        assert_eq!(decode("data:;base64,"), Ok(vec![]));
    }

    #[test]
    fn other_text_is_refused() {
        for url in [
            "",
            "aGVsbG8=",
            "data:image/png,hello",
            "https://host/image.png",
            "data:;base64,a b",
            "data:;base64,é",
            "data:;base64",
        ] {
            assert_eq!(decode(url), Err(InvalidDataUrl), "{url}");
        }
    }
}
