//! Draws, encodes and muxes a clip: pure computation, no I/O and no clock.
//!
//! A clip is small (its longer side is at most [`ClipRequest::longest_side`] pixels) but real: H.264 in a fast-start
//! MP4 that every browser plays, with the prompt, a time code, a progress bar and moving shapes in the picture, so that
//! a person sees at a glance which task it belongs to and that it plays.

mod backdrop;
mod canvas;
mod encode;
mod frame_size;
mod palette;
mod scene;
mod stills;
mod text;

use bytes::Bytes;
use image::RgbImage;

pub(crate) use frame_size::FrameSize;

use canvas::Canvas;
use scene::Scene;

/// What to draw.
#[derive(Debug, Clone)]
pub(crate) struct ClipRequest {
    /// Shown in the picture, wrapped and scaled; cut when it does not fit.
    pub(crate) prompt: String,
    /// A short line above the prompt: the model and what was asked for.
    pub(crate) caption: String,
    /// The size that was asked for; the picture keeps its aspect ratio.
    pub(crate) size: FrameSize,
    /// Length of the clip, in seconds.
    pub(crate) seconds: u32,
    /// Frames per second.
    pub(crate) frame_rate: u32,
    /// The longer side of the picture is at most this many pixels.
    pub(crate) longest_side: u32,
    /// Fills the background when given.
    pub(crate) reference: Option<RgbImage>,
}

/// A finished clip and its still pictures.
#[derive(Debug, Clone)]
pub(crate) struct Clip {
    /// MP4 with the index in front (fast start).
    pub(crate) video: Bytes,
    /// WebP, one frame from the middle.
    pub(crate) thumbnail: Bytes,
    /// JPEG, a grid of frames in order of time.
    pub(crate) spritesheet: Bytes,
}

/// Why a clip could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RenderError {
    #[error("the H.264 encoder failed")]
    Encode(#[from] openh264::Error),
    #[error("the MP4 muxer failed")]
    Mux(#[from] muxide::api::MuxerError),
    #[error("a still picture could not be encoded")]
    Still(#[from] image::ImageError),
}

/// Renders the clip and its stills. Takes about as long as the encoder needs: call it where blocking is allowed.
pub(crate) fn render(request: &ClipRequest) -> Result<Clip, RenderError> {
    let size = request.size.fit_within(request.longest_side);
    let scene = Scene::new(request, size);
    let mut canvas = Canvas::new(size);
    Ok(Clip {
        video: encode::video(&scene, &mut canvas, request.frame_rate, request.seconds)?,
        thumbnail: stills::thumbnail(&scene, &mut canvas)?,
        spritesheet: stills::spritesheet(&scene, &mut canvas)?,
    })
}

#[cfg(test)]
mod tests;
