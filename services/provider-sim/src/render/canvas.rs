//! A picture that scenes draw on: the few shapes they need, clipped to its edges.

use image::RgbImage;

use super::FrameSize;

/// Red, green, blue.
pub(super) type Color = [u8; 3];

/// A rectangle in pixels; parts outside the canvas are cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

pub(super) struct Canvas {
    image: RgbImage,
}

impl Canvas {
    pub(super) fn new(size: FrameSize) -> Self {
        Self { image: RgbImage::new(size.width(), size.height()) }
    }

    pub(super) fn width(&self) -> u32 {
        self.image.width()
    }

    pub(super) fn height(&self) -> u32 {
        self.image.height()
    }

    pub(super) fn image(&self) -> &RgbImage {
        &self.image
    }

    /// The pixels of row `y`, three bytes each.
    pub(super) fn row(&mut self, y: u32) -> &mut [u8] {
        let stride = self.image.width() as usize * 3;
        let start = y as usize * stride;
        let samples: &mut [u8] = &mut self.image;
        &mut samples[start..start + stride]
    }

    pub(super) fn fill(&mut self, area: Area, color: Color) {
        self.each_pixel(area, |pixel| pixel.copy_from_slice(&color));
    }

    /// Takes away two thirds of the brightness, so that bright text on it is readable.
    pub(super) fn darken(&mut self, area: Area) {
        self.each_pixel(area, |pixel| {
            for channel in pixel {
                *channel /= 3;
            }
        });
    }

    /// A disc mixed half and half with what is below it. The centre may be outside the canvas.
    pub(super) fn disc(&mut self, center: (f32, f32), radius: f32, color: Color) {
        let (center_x, center_y) = center;
        let top = (center_y - radius).max(0.0) as u32;
        let bottom = ((center_y + radius).max(0.0) as u32).min(self.height().saturating_sub(1));
        for y in top..=bottom {
            let dy = y as f32 - center_y;
            let half = (radius * radius - dy * dy).max(0.0).sqrt();
            let left = (center_x - half).max(0.0) as u32;
            let right = (center_x + half).max(0.0) as u32;
            let area = Area { x: left, y, width: right.saturating_sub(left), height: 1 };
            self.each_pixel(area, |pixel| {
                for (channel, tint) in pixel.iter_mut().zip(color) {
                    *channel = u8::midpoint(*channel, tint);
                }
            });
        }
    }

    fn each_pixel(&mut self, area: Area, mut change: impl FnMut(&mut [u8])) {
        let right = area.x.saturating_add(area.width).min(self.width());
        let bottom = area.y.saturating_add(area.height).min(self.height());
        if area.x >= right {
            return;
        }
        for y in area.y..bottom {
            let row = &mut self.row(y)[area.x as usize * 3..right as usize * 3];
            row.chunks_exact_mut(3).for_each(&mut change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_clipped_to_the_canvas() {
        let mut canvas = Canvas::new("32x16".parse().unwrap());
        canvas.fill(Area { x: 30, y: 14, width: 100, height: 100 }, [255, 0, 0]);
        canvas.fill(Area { x: 40, y: 0, width: 5, height: 5 }, [0, 255, 0]);
        canvas.disc((-5.0, 8.0), 3.0, [0, 0, 255]);
        canvas.disc((100.0, 100.0), 30.0, [0, 0, 255]);
        let painted = canvas.image().pixels().filter(|pixel| pixel.0 != [0, 0, 0]).count();
        assert_eq!(painted, 4);
    }
}
