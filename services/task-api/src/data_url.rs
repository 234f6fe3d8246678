//! Files inside JSON: `data:image/png;base64,…`.

use std::mem;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use futures_util::{Stream, stream};

/// Up to the last block, all digits count.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone),
);
/// Some clients leave the padding out.
const LAST_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// Characters that are decoded at a time, so that a large file neither lies in memory twice nor holds up other requests.
const BLOCK: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a data URL with base64 content")]
pub struct InvalidDataUrl;

/// A data URL with base64 content that is not empty. What type it claims does not matter: files are recognised by their bytes.
#[derive(Debug)]
pub struct DataUrl {
    url: String,
    content: usize,
}

impl DataUrl {
    /// `None` for one without content, which is how scripts send that there is no file.
    pub fn parse(mut url: String) -> Result<Option<Self>, InvalidDataUrl> {
        url.truncate(url.trim_end().len());
        if url.trim_start().is_empty() {
            return Ok(None);
        }
        let (head, content) = url.split_once(',').ok_or(InvalidDataUrl)?;
        let head = head.trim_start().to_ascii_lowercase();
        if !head.starts_with("data:") {
            return Err(InvalidDataUrl);
        }
        if content.is_empty() {
            return Ok(None);
        }
        if !head.ends_with(";base64") {
            return Err(InvalidDataUrl);
        }
        let content = url.len() - content.len();
        Ok(Some(Self { url, content }))
    }

    /// The bytes, block by block. Line breaks are passed over: mail programs and some libraries put them into base64.
    pub fn blocks(self) -> impl Stream<Item = Result<Bytes, InvalidDataUrl>> {
        let decoder = Decoder { url: self.url, at: self.content, pending: Vec::new() };
        stream::unfold(Some(decoder), |decoder| async {
            // Others have their turn between two blocks.
            tokio::task::yield_now().await;
            let mut decoder = decoder?;
            match decoder.next() {
                Some(Ok(block)) => Some((Ok(block), Some(decoder))),
                Some(Err(error)) => Some((Err(error), None)),
                None => None,
            }
        })
    }
}

struct Decoder {
    url: String,
    at: usize,
    /// Digits that do not make whole bytes yet.
    pending: Vec<u8>,
}

impl Iterator for Decoder {
    type Item = Result<Bytes, InvalidDataUrl>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.url.as_bytes()[self.at..];
        if rest.is_empty() {
            return None;
        }
        let block = &rest[..rest.len().min(BLOCK)];
        let is_last = block.len() == rest.len();
        self.at += block.len();
        let mut digits = mem::take(&mut self.pending);
        digits.extend(block.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')));
        if !is_last {
            self.pending = digits.split_off(digits.len() - digits.len() % 4);
        }
        let decoded = if is_last { LAST_BASE64.decode(&digits) } else { BASE64.decode(&digits) };
        Some(decoded.map(Bytes::from).map_err(|_| InvalidDataUrl))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    async fn decode(url: &str) -> Result<Option<Vec<u8>>, InvalidDataUrl> {
        match DataUrl::parse(url.to_owned())? {
            Some(url) => Ok(Some(url.blocks().try_collect::<Vec<Bytes>>().await?.concat())),
            None => Ok(None),
        }
    }

    #[tokio::test]
    async fn content_is_decoded_whatever_the_type() {
        for url in
            ["data:image/png;base64,aGVsbG8=", "DATA:;BASE64,aGVsbG8", " data:text/plain;charset=utf-8;base64,aGVs\r\nbG8=\n"]
        {
            assert_eq!(decode(url).await, Ok(Some(b"hello".to_vec())), "{url}");
        }
    }

    #[tokio::test]
    async fn no_content_is_no_file() {
        for url in ["", "  ", "data:,", "data:;base64,", "data:image/png;base64,", "data:image/png;base64,\n"] {
            assert_eq!(decode(url).await, Ok(None), "{url:?}");
        }
    }

    #[tokio::test]
    async fn other_text_is_refused() {
        for url in [
            "aGVsbG8=",
            "data:image/png,hello",
            "https://host/image.png",
            "data:;base64,a b",
            "data:;base64,é",
            "data:;base64",
            "data:;base64,aGk=aGk=",
        ] {
            assert_eq!(decode(url).await, Err(InvalidDataUrl), "{url}");
        }
    }

    #[tokio::test]
    async fn long_content_is_the_same_in_blocks() {
        for length in [BLOCK / 4 * 3 - 1, BLOCK / 4 * 3, BLOCK / 4 * 3 + 1, 5 * BLOCK + 2] {
            let content: Vec<u8> = (0..length).map(|number| number.to_le_bytes()[0]).collect();
            let text = LAST_BASE64.encode(&content);
            let broken: Vec<String> = text.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
            for text in
                [text.trim_end_matches('=').to_owned(), broken.join("\r\n"), format!("{text}{}", "\n".repeat(BLOCK)), text]
            {
                assert!(decode(&format!("data:;base64,{text}!")).await.is_err());
                assert!(decode(&format!("data:;base64,{text}")).await == Ok(Some(content.clone())), "{length}");
            }
        }
    }
}
