//! A picture that somebody sent, made into one that is safe to show.

use std::io::Cursor;

use image::{DynamicImage, GenericImageView, ImageDecoder, ImageFormat, ImageReader, Limits, imageops, metadata::Orientation};

/// Of the picture that is shown; a smaller one stays as small.
const SIDE: u32 = 256;
/// A photograph of a good camera fits in, and what would unfold to far more than was sent does not.
const MAX_SIDE: u32 = 12_000;
const MAX_PIXELS: u64 = 50_000_000;
/// Of memory, for what is unfolded and for the work on the way there. Decoders know of it and take more: coefficients of a progressive JPEG,
/// frames that are larger than they should be, tables. So the process that decodes is held to it, too, see [`super::isolation`].
pub const MAX_MEMORY: u64 = 256 * 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    #[error("is not a PNG, JPEG, GIF or WebP image")]
    OtherType,
    #[error("must not be larger than 12000 pixels in width and height, and 50 megapixels")]
    TooLarge,
    #[error("cannot be read as an image")]
    Unreadable,
    /// More than [`MAX_MEMORY`], or more time than anybody waits.
    #[error("takes too much memory or time to be decoded: send a smaller one, or a JPEG that is not progressive")]
    TooCostly,
}

/// The middle of a picture as a square WebP, upright, and without whatever else was in the file: places, names, comments, other frames. What
/// type it is tell its bytes alone.
///
/// It takes a processor for a moment, and memory that only the process's limit bounds.
pub fn square(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    let (image, orientation) = decode(bytes)?;
    let (width, height) = image.dimensions();
    let side = width.min(height);
    let cut = imageops::crop_imm(&image, (width - side) / 2, (height - side) / 2, side, side);
    let mut small = DynamicImage::ImageRgba8(imageops::thumbnail(&*cut, side.min(SIDE), side.min(SIDE)));
    // Of the middle it can be done last, when it needs no second copy of the whole.
    small.apply_orientation(orientation);
    let mut out = Cursor::new(Vec::new());
    small.write_to(&mut out, ImageFormat::WebP).map_err(|_| PictureError::Unreadable)?;
    Ok(out.into_inner())
}

fn decode(bytes: &[u8]) -> Result<(DynamicImage, Orientation), PictureError> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| PictureError::Unreadable)?;
    match reader.format() {
        Some(ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::Gif | ImageFormat::WebP) => {}
        Some(_) | None => return Err(PictureError::OtherType),
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(refusal)?;
    let (width, height) = decoder.dimensions();
    // Known before anything is unfolded.
    if u64::from(width) * u64::from(height) > MAX_PIXELS || decoder.total_bytes() > MAX_MEMORY {
        return Err(PictureError::TooLarge);
    }
    let orientation = decoder.orientation().map_err(refusal)?;
    let image = DynamicImage::from_decoder(decoder).map_err(refusal)?;
    if image.width() == 0 || image.height() == 0 {
        return Err(PictureError::Unreadable);
    }
    Ok((image, orientation))
}

fn refusal(error: image::ImageError) -> PictureError {
    match error {
        image::ImageError::Limits(_) => PictureError::TooLarge,
        _ => PictureError::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        image.write_to(&mut out, format).unwrap();
        out.into_inner()
    }

    fn picture(width: u32, height: u32) -> DynamicImage {
        // Red at the left edge, blue elsewhere.
        DynamicImage::ImageRgb8(RgbImage::from_fn(
            width,
            height,
            |x, _| {
                if x < width / 4 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) }
            },
        ))
    }

    fn shown(bytes: &[u8]) -> RgbaImage {
        let out = square(bytes).unwrap();
        assert_eq!(image::guess_format(&out).unwrap(), ImageFormat::WebP);
        image::load_from_memory(&out).unwrap().to_rgba8()
    }

    #[test]
    fn every_type_becomes_a_square_of_its_middle() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP] {
            let small = shown(&encoded(&picture(900, 300), format));
            assert_eq!(small.dimensions(), (256, 256), "{format:?}");
            // The red edge is cut off.
            let Rgba([red, _, blue, _]) = *small.get_pixel(2, 128);
            assert!(red < 60 && blue > 190, "{format:?}: {red} {blue}");
        }
        assert_eq!(shown(&encoded(&picture(20, 31), ImageFormat::Png)).dimensions(), (20, 20));
    }

    #[test]
    fn metadata_is_dropped_after_it_was_obeyed() {
        // An APP1 segment: EXIF, little-endian, one entry, orientation 6: the camera was held upright.
        let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
        exif.extend_from_slice(b"a secret place");
        let mut jpeg = encoded(&picture(64, 64), ImageFormat::Jpeg);
        let mut segment = vec![0xff, 0xe1];
        segment.extend_from_slice(&u16::try_from(exif.len() + 2).unwrap().to_be_bytes());
        segment.extend_from_slice(&exif);
        jpeg.splice(2..2, segment);
        let out = square(&jpeg).unwrap();
        assert!(!out.windows(14).any(|bytes| bytes == b"a secret place"));
        // What was at the left is at the top now.
        let upright = image::load_from_memory(&out).unwrap().to_rgba8();
        let (top, bottom) = (upright.get_pixel(32, 2), upright.get_pixel(32, 60));
        assert!(top[0] > 190 && bottom[2] > 190, "{top:?} {bottom:?}");
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        assert_eq!(square(b""), Err(PictureError::OtherType));
        assert_eq!(square(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), Err(PictureError::OtherType));
        assert_eq!(square(b"BM0123456789"), Err(PictureError::OtherType));
        let cut = encoded(&picture(200, 200), ImageFormat::Png);
        assert_eq!(square(&cut[..cut.len() / 2]), Err(PictureError::Unreadable));
        assert_eq!(square(b"\x89PNG\r\n\x1a\nnothing else"), Err(PictureError::Unreadable));
    }

    /// A PNG that claims to be of this size, and has no content worth mentioning.
    fn claims(width: u32, height: u32) -> Vec<u8> {
        let mut png = encoded(&picture(1, 1), ImageFormat::Png);
        // Signature, length and name of the first chunk are 16 bytes; its checksum follows 13 bytes of content.
        png[16..20].copy_from_slice(&width.to_be_bytes());
        png[20..24].copy_from_slice(&height.to_be_bytes());
        let checksum = crc32(&png[12..29]);
        png[29..33].copy_from_slice(&checksum.to_be_bytes());
        png
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0_u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
        })
    }

    #[test]
    fn a_bomb_is_refused_unopened() {
        for (width, height) in [(100_000, 100_000), (12_001, 1), (9_000, 9_000)] {
            assert_eq!(square(&claims(width, height)), Err(PictureError::TooLarge), "{width} x {height}");
        }
    }
}
