//! How long a file can be for the size of its picture. Other content behind the header of a tiny picture is no picture.

use crate::image_type::{ImageType, RecognisedImage};

/// Four channels of 16 bits, which is the most that any of the types has, uncompressed.
const MOST_BYTES_PER_PIXEL: u64 = 8;
/// What may be in a file beside the picture: colour profiles, previews, where it was taken, the seconds of film before it.
const METADATA_BYTES: u64 = 8 * 1024 * 1024;
/// Pixels for which a PNG needs a byte at the least: one bit each, compressed to a 1032nd, which is the most that Deflate can.
const PNG_PIXELS_PER_BYTE: u64 = 8 * 1032;
/// The same of a JPEG: one bit for a block of 32 by 32 pixels, the largest that is coded together.
const JPEG_PIXELS_PER_BYTE: u64 = 8 * 32 * 32;

impl RecognisedImage {
    pub fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// The greatest length of the file, in bytes.
    pub fn most_bytes(&self) -> u64 {
        self.pixels().saturating_mul(MOST_BYTES_PER_PIXEL).saturating_add(METADATA_BYTES)
    }

    /// The least length of the file, in bytes. A WebP may say with a few bytes that all pixels are the same.
    pub fn least_bytes(&self) -> u64 {
        match self.image_type {
            ImageType::Png => self.pixels() / PNG_PIXELS_PER_BYTE,
            ImageType::Jpeg => self.pixels() / JPEG_PIXELS_PER_BYTE,
            ImageType::WebP => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{
        DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat,
        codecs::png::{CompressionType, FilterType, PngEncoder},
    };

    use super::*;

    #[test]
    fn the_plainest_and_the_wildest_pictures_are_within_the_bounds() {
        let (width, height) = (1500, 1000);
        let noise: Vec<u8> = (0..width * height * 8_u32)
            .scan(7_u32, |state, _| {
                *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                Some(state.to_be_bytes()[0])
            })
            .collect();
        let mut wild = Vec::new();
        PngEncoder::new_with_quality(&mut wild, CompressionType::Uncompressed, FilterType::NoFilter)
            .write_image(&noise, width, height, ExtendedColorType::Rgba16)
            .unwrap();
        let plain = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP].map(|format| {
            let mut bytes = Cursor::new(Vec::new());
            DynamicImage::new_luma8(width, height).to_rgb8().write_to(&mut bytes, format).unwrap();
            bytes.into_inner()
        });
        for bytes in plain.iter().chain([&wild]) {
            let image = ImageType::recognise(bytes).unwrap();
            let length = bytes.len() as u64;
            assert!((image.least_bytes()..=image.most_bytes()).contains(&length), "{image:?} {length}");
        }
    }

    #[test]
    fn a_tiny_picture_has_no_ninety_megabytes_and_a_huge_one_more_than_a_few_bytes() {
        let image = |image_type, width, height| RecognisedImage { image_type, width, height };
        assert!(image(ImageType::Png, 1, 1).most_bytes() < 9_000_000);
        assert!(image(ImageType::WebP, 1280, 720).most_bytes() < 16_000_000);
        assert!(image(ImageType::Png, 60_000, 60_000).least_bytes() > 400_000);
        assert!(image(ImageType::Jpeg, 60_000, 60_000).least_bytes() > 400_000);
        assert_eq!(image(ImageType::Png, u32::MAX, u32::MAX).most_bytes(), u64::MAX);
    }
}
