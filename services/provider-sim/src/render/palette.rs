//! Colours that follow from the prompt, so that clips of different tasks look different and the same task looks the
//! same each time.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::canvas::Color;

/// The colours of one scene.
pub(super) struct Palette {
    /// The two ends of the background gradient.
    pub(super) background: [Color; 2],
    /// One per moving shape.
    pub(super) shapes: [Color; 3],
    /// The progress bar.
    pub(super) accent: Color,
}

impl Palette {
    pub(super) fn of(prompt: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        prompt.hash(&mut hasher);
        let hue = (hasher.finish() % 360) as f32;
        Self {
            background: [from_hsv(hue, 0.70, 0.35), from_hsv(hue + 60.0, 0.65, 0.75)],
            shapes: [from_hsv(hue + 150.0, 0.60, 1.0), from_hsv(hue + 190.0, 0.55, 0.95), from_hsv(hue + 230.0, 0.60, 1.0)],
            accent: from_hsv(hue + 180.0, 0.75, 1.0),
        }
    }
}

/// Hue in degrees (any value), saturation and value in 0..=1.
fn from_hsv(hue: f32, saturation: f32, value: f32) -> Color {
    let channel = |offset: f32| {
        let position = (offset + hue.rem_euclid(360.0) / 60.0) % 6.0;
        let strength = position.min(4.0 - position).clamp(0.0, 1.0);
        ((value - value * saturation * strength) * 255.0).round() as u8
    };
    [channel(5.0), channel(3.0), channel(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_pure_colours() {
        assert_eq!(from_hsv(0.0, 1.0, 1.0), [255, 0, 0]);
        assert_eq!(from_hsv(120.0, 1.0, 1.0), [0, 255, 0]);
        assert_eq!(from_hsv(-120.0, 1.0, 1.0), [0, 0, 255]);
        assert_eq!(from_hsv(77.0, 0.0, 1.0), [255, 255, 255]);
    }
}
