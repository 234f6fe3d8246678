//! What is behind everything else in the picture: a drifting gradient, or the reference image slowly panned.

use image::{RgbImage, imageops};

use super::{
    FrameSize,
    canvas::{Canvas, Color},
};

/// How much larger than the frame a reference image is drawn, so that there is room to pan.
const PAN_MARGIN: f32 = 1.15;

pub(super) enum Backdrop {
    /// One line of colours, longer than a row; each row of the picture is a window into it.
    Gradient { line: Vec<u8>, period: usize },
    /// The picture is a window into this image, which is larger than the frame.
    Picture(RgbImage),
}

impl Backdrop {
    /// A diagonal gradient from one colour to the other and back.
    pub(super) fn gradient([from, to]: [Color; 2], size: FrameSize) -> Self {
        let period = (size.width() + size.height()) as usize;
        let line = (0..period + size.width() as usize)
            .flat_map(|index| {
                let position = (index % period) as f32 / period as f32;
                mix(from, to, 1.0 - (2.0 * position - 1.0).abs())
            })
            .collect();
        Self::Gradient { line, period }
    }

    /// The image, scaled and cut so that it covers the frame.
    pub(super) fn picture(image: &RgbImage, size: FrameSize) -> Self {
        let (width, height) = (size.width() as f32, size.height() as f32);
        let scale = (width / image.width() as f32).max(height / image.height() as f32) * PAN_MARGIN;
        let scaled = |side: u32, at_least: u32| ((side as f32 * scale).ceil() as u32).max(at_least);
        Self::Picture(imageops::thumbnail(image, scaled(image.width(), size.width()), scaled(image.height(), size.height())))
    }

    /// Paints the whole canvas; `progress` is 0 at the first frame and 1 at the last.
    pub(super) fn paint(&self, canvas: &mut Canvas, progress: f32) {
        match self {
            Self::Gradient { line, period } => {
                let shift = (progress * *period as f32) as usize;
                for y in 0..canvas.height() {
                    let start = (y as usize + shift) % period * 3;
                    let row = canvas.row(y);
                    row.copy_from_slice(&line[start..start + row.len()]);
                }
            }
            Self::Picture(image) => {
                let left = ((image.width() - canvas.width()) as f32 * progress) as usize * 3;
                let top = ((image.height() - canvas.height()) as f32 * progress) as usize;
                let stride = image.width() as usize * 3;
                for y in 0..canvas.height() {
                    let start = (top + y as usize) * stride + left;
                    let row = canvas.row(y);
                    row.copy_from_slice(&image.as_raw()[start..start + row.len()]);
                }
            }
        }
    }
}

fn mix(from: Color, to: Color, share: f32) -> Color {
    std::array::from_fn(|channel| {
        let (from, to) = (f32::from(from[channel]), f32::from(to[channel]));
        (from + (to - from) * share).round() as u8
    })
}
