//! The still pictures that belong to a clip.

use std::io::Cursor;

use bytes::Bytes;
use image::{
    ExtendedColorType, ImageEncoder, RgbImage,
    codecs::{jpeg::JpegEncoder, webp::WebPEncoder},
    imageops,
};

use super::{RenderError, canvas::Canvas, scene::Scene};

/// Where in the clip the thumbnail is taken.
const THUMBNAIL_AT: f32 = 0.4;
const SHEET_COLUMNS: u32 = 5;
const SHEET_ROWS: u32 = 2;
/// Each picture of the sheet is this many times smaller than a frame.
const SHEET_SCALE: u32 = 4;
const JPEG_QUALITY: u8 = 80;

/// One frame, as lossless WebP in half the clip's size.
pub(super) fn thumbnail(scene: &Scene, canvas: &mut Canvas) -> Result<Bytes, RenderError> {
    scene.draw(canvas, THUMBNAIL_AT);
    let picture = imageops::thumbnail(canvas.image(), canvas.width() / 2, canvas.height() / 2);
    let mut file = Vec::new();
    WebPEncoder::new_lossless(&mut file).write_image(
        picture.as_raw(),
        picture.width(),
        picture.height(),
        ExtendedColorType::Rgb8,
    )?;
    Ok(file.into())
}

/// Ten evenly spaced frames, left to right and top to bottom, as JPEG.
pub(super) fn spritesheet(scene: &Scene, canvas: &mut Canvas) -> Result<Bytes, RenderError> {
    let (width, height) = (canvas.width() / SHEET_SCALE, canvas.height() / SHEET_SCALE);
    let mut sheet = RgbImage::new(width * SHEET_COLUMNS, height * SHEET_ROWS);
    let count = SHEET_COLUMNS * SHEET_ROWS;
    for index in 0..count {
        scene.draw(canvas, index as f32 / (count - 1) as f32);
        let picture = imageops::thumbnail(canvas.image(), width, height);
        let (x, y) = (index % SHEET_COLUMNS * width, index / SHEET_COLUMNS * height);
        imageops::replace(&mut sheet, &picture, i64::from(x), i64::from(y));
    }
    let mut file = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY).encode_image(&sheet)?;
    Ok(file.into_inner().into())
}
