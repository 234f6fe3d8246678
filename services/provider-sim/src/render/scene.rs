//! One clip's picture at any moment.

use super::{
    ClipRequest, FrameSize,
    backdrop::Backdrop,
    canvas::{Area, Canvas},
    palette::Palette,
    text::TextBlock,
};

const WHITE: [u8; 3] = [255, 255, 255];
const GREY: [u8; 3] = [200, 200, 200];

/// Everything that stays the same from frame to frame, prepared once.
pub(super) struct Scene {
    backdrop: Backdrop,
    palette: Palette,
    caption: TextBlock,
    prompt: TextBlock,
    /// Scale of the small print: the caption and the time code.
    small: u32,
    seconds: u32,
}

impl Scene {
    pub(super) fn new(request: &ClipRequest, size: FrameSize) -> Self {
        let palette = Palette::of(&request.prompt);
        let backdrop = match &request.reference {
            Some(image) => Backdrop::picture(image, size),
            None => Backdrop::gradient(palette.background, size),
        };
        let small = (size.width().min(size.height()) / 160).max(1);
        let margin = size.width() / 16;
        let text = Area { x: margin, y: size.height() / 4, width: size.width() - 2 * margin, height: size.height() / 2 };
        let scales: Vec<u32> = (small..=small * 4).rev().collect();
        Self {
            backdrop,
            palette,
            caption: TextBlock::line(&request.caption, (margin, margin / 2), small),
            prompt: TextBlock::fitted(&request.prompt, text, &scales),
            small,
            seconds: request.seconds,
        }
    }

    /// Draws the frame at `progress`: 0 is the beginning of the clip, 1 its end.
    pub(super) fn draw(&self, canvas: &mut Canvas, progress: f32) {
        self.backdrop.paint(canvas, progress);
        self.draw_shapes(canvas, progress);
        canvas.darken(self.prompt.area());
        self.prompt.draw(canvas, WHITE);
        canvas.darken(self.caption.area());
        self.caption.draw(canvas, GREY);
        self.draw_time(canvas, progress);
    }

    /// Three discs on closed curves; each goes round once in about four seconds.
    fn draw_shapes(&self, canvas: &mut Canvas, progress: f32) {
        let (width, height) = (canvas.width() as f32, canvas.height() as f32);
        let turn = progress * self.seconds as f32 / 4.0 * std::f32::consts::TAU;
        for (index, color) in (0_u8..).zip(self.palette.shapes) {
            let phase = f32::from(index) * 2.1;
            let x = width * (0.5 + 0.4 * (turn + phase).sin());
            let y = height * (0.5 + 0.38 * (turn * 2.0 + phase * 1.7).cos());
            let radius = width.min(height) * (0.08 + 0.03 * f32::from(index));
            canvas.disc((x, y), radius, color);
        }
    }

    /// The progress bar along the lower edge and the time code above it.
    fn draw_time(&self, canvas: &mut Canvas, progress: f32) {
        let (width, height) = (canvas.width(), canvas.height());
        let bar = Area { x: 0, y: height - 4 * self.small, width, height: 4 * self.small };
        canvas.darken(bar);
        canvas.fill(Area { width: (width as f32 * progress) as u32, ..bar }, self.palette.accent);

        let elapsed = progress * self.seconds as f32;
        let code = format!("{elapsed:04.1} / {:02} s", self.seconds);
        let origin = (width / 16, height.saturating_sub(18 * self.small));
        let code = TextBlock::line(&code, origin, self.small);
        canvas.darken(code.area());
        code.draw(canvas, WHITE);
    }
}
