use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};

/// Bytes at the beginning of a file that tell what it is.
const MAGIC_BYTES: usize = 12;

/// What a file is, by its first bytes. Names and headers are not believed: a provider's error page can come as `video/mp4`.
pub(super) fn recognise(start: &[u8]) -> Option<&'static str> {
    let at = |offset: usize, magic: &[u8]| start.get(offset..offset + magic.len()) == Some(magic);
    if at(4, b"ftypqt  ") {
        Some("video/quicktime")
    } else if at(4, b"ftyp") {
        Some("video/mp4")
    } else if at(0, &[0x1a, 0x45, 0xdf, 0xa3]) {
        Some("video/webm")
    } else if at(0, b"RIFF") && at(8, b"WEBP") {
        Some("image/webp")
    } else if at(0, b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if at(0, &[0xff, 0xd8, 0xff]) {
        Some("image/jpeg")
    } else if at(0, b"GIF8") {
        Some("image/gif")
    } else {
        None
    }
}

/// Reads the beginning of a file and gives back the whole.
pub(super) async fn peek<S, E>(mut body: S) -> Result<(Bytes, impl Stream<Item = Result<Bytes, E>> + Unpin), E>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let mut start = BytesMut::new();
    while start.len() < MAGIC_BYTES
        && let Some(chunk) = body.next().await
    {
        start.extend_from_slice(&chunk?);
    }
    let start = start.freeze();
    let whole = stream::iter([Ok(start.clone())]).chain(body);
    Ok((start, whole))
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    #[test]
    fn files_are_known_by_their_bytes() {
        let cases: [(&[u8], Option<&str>); 9] = [
            (b"\0\0\0\x20ftypisom\0\0\x02\0", Some("video/mp4")),
            (b"\0\0\0\x14ftypqt  \0\0\0\0", Some("video/quicktime")),
            (b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\0", Some("video/webm")),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"\x89PNG\r\n\x1a\n\0\0\0\r", Some("image/png")),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", Some("image/jpeg")),
            (b"{\"error\":\"no\"}", None),
            (b"<!doctype html>", None),
            (b"", None),
        ];
        for (start, expected) in cases {
            assert_eq!(recognise(start), expected, "{start:?}");
        }
    }

    #[tokio::test]
    async fn looking_takes_nothing_away() {
        for chunks in [vec![], vec!["abc"], vec!["a", "", "bcdefghij", "klmnop", "q"]] {
            let body = stream::iter(chunks.clone().into_iter().map(|chunk| Ok::<_, ()>(Bytes::from_static(chunk.as_bytes()))));
            let (start, whole) = peek(body).await.unwrap();
            let whole: Vec<Bytes> = whole.try_collect().await.unwrap();
            assert_eq!(whole.concat(), chunks.concat().as_bytes());
            assert!(start.len() >= MAGIC_BYTES.min(chunks.concat().len()));
        }
    }
}
