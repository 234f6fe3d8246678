//! Recognises an image by its bytes; names and declared types are not believed.

use std::io::Cursor;

use image::{ImageFormat, ImageReader};

/// How much of a file is looked at. Metadata (a colour profile, a preview) may stand before the size of a picture.
pub const HEAD_BYTES: usize = 1024 * 1024;

/// The image types that every provider takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageType {
    Png,
    Jpeg,
    WebP,
}

/// Why bytes are not taken for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnImage {
    #[error("must be a PNG, JPEG or WebP image")]
    OtherType,
    #[error("is not a readable image")]
    Unreadable,
}

/// An image that was recognised, and the size that its header promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecognisedImage {
    pub image_type: ImageType,
    pub width: u32,
    pub height: u32,
}

impl ImageType {
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::WebP => "image/webp",
        }
    }

    /// Looks at the first [`HEAD_BYTES`] of a file, or all of a shorter one: the type must be one of ours, and its header must yield a
    /// width and a height.
    pub fn recognise(head: &[u8]) -> Result<RecognisedImage, NotAnImage> {
        let (kind, size) = match image::guess_format(head) {
            Ok(ImageFormat::Png) => (Self::Png, decoded_size(head, ImageFormat::Png)),
            Ok(ImageFormat::Jpeg) => (Self::Jpeg, decoded_size(head, ImageFormat::Jpeg)),
            Ok(ImageFormat::WebP) => (Self::WebP, webp_size(head)),
            Ok(_) | Err(_) => return Err(NotAnImage::OtherType),
        };
        match size {
            Some((width, height)) if width > 0 && height > 0 => Ok(RecognisedImage { image_type: kind, width, height }),
            _ => Err(NotAnImage::Unreadable),
        }
    }
}

fn decoded_size(head: &[u8], format: ImageFormat) -> Option<(u32, u32)> {
    ImageReader::with_format(Cursor::new(head), format).into_dimensions().ok()
}

/// The size in a WebP header. The decoder would also want the metadata that follows the picture, which may lie beyond the head.
fn webp_size(head: &[u8]) -> Option<(u32, u32)> {
    let body = head.get(20..)?;
    match head.get(12..16)? {
        b"VP8 " => {
            let [tag, _, _, 0x9d, 0x01, 0x2a, rest @ ..] = body else { return None };
            let key_frame = tag & 1 == 0;
            let side = |at| Some(u32::from(u16::from_le_bytes([*rest.get(at)?, *rest.get(at + 1)?]) & 0x3fff));
            key_frame.then_some((side(0)?, side(2)?))
        }
        b"VP8L" => {
            let [0x2f, a, b, c, d, ..] = body else { return None };
            let bits = u32::from_le_bytes([*a, *b, *c, *d]);
            let known_version = bits >> 29 == 0;
            known_version.then_some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => {
            let side = |at| Some(u32::from_le_bytes([*body.get(at)?, *body.get(at + 1)?, *body.get(at + 2)?, 0]) + 1);
            Some((side(4)?, side(7)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use image::DynamicImage;

    use super::*;

    fn encoded(format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(48, 27).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn real_images_are_recognised_even_by_their_beginning() {
        for (format, kind) in
            [(ImageFormat::Png, ImageType::Png), (ImageFormat::Jpeg, ImageType::Jpeg), (ImageFormat::WebP, ImageType::WebP)]
        {
            let bytes = encoded(format);
            let expected = Ok(RecognisedImage { image_type: kind, width: 48, height: 27 });
            assert_eq!(ImageType::recognise(&bytes), expected);
            // Everything before the pixels; a JPEG has its tables there.
            let head = if format == ImageFormat::Jpeg { bytes.len() - 20 } else { 60.min(bytes.len()) };
            assert_eq!(ImageType::recognise(&bytes[..head]), expected, "{format:?}");
        }
    }

    #[test]
    fn webp_sizes_are_read_in_all_three_formats() {
        let file = |chunk: &[u8], body: &[u8]| [b"RIFF\x40\0\0\0WEBP", chunk, b"\x20\0\0\0", body].concat();
        assert_eq!(webp_size(&file(b"VP8 ", &[0, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00])), Some((320, 240)));
        assert_eq!(webp_size(&file(b"VP8X", &[0, 0, 0, 0, 0x3f, 0x01, 0, 0xef, 0, 0])), Some((320, 240)));
        assert_eq!(webp_size(&encoded(ImageFormat::WebP)), Some((48, 27)));
        assert_eq!(webp_size(&file(b"VP8X", &[0, 0, 0])), None);
        assert_eq!(webp_size(&file(b"VP8 ", &[1, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00])), None);
    }

    #[test]
    fn other_files_are_refused() {
        for bytes in [&b""[..], b"hello", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", &encoded(ImageFormat::Gif)] {
            assert_eq!(ImageType::recognise(bytes), Err(NotAnImage::OtherType));
        }
    }

    #[test]
    fn broken_headers_are_unreadable() {
        for bytes in [&b"\x89PNG\r\n\x1a\nrubbish"[..], b"\xff\xd8\xff\xe0rubbish", b"RIFF\x10\0\0\0WEBPrubbish"] {
            assert_eq!(ImageType::recognise(bytes), Err(NotAnImage::Unreadable));
        }
    }
}
