//! H.264 by OpenH264, muxed into a fast-start MP4.

use bytes::Bytes;
use muxide::api::{MuxerBuilder, VideoCodec};
use openh264::{
    OpenH264API, Timestamp,
    encoder::{Complexity, Encoder, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, RateControlMode, VuiConfig},
    formats::{RgbSliceU8, YUVBuffer},
};

use super::{RenderError, canvas::Canvas, scene::Scene};

/// Encodes `seconds * frame_rate` frames of the scene.
pub(super) fn video(scene: &Scene, canvas: &mut Canvas, frame_rate: u32, seconds: u32) -> Result<Bytes, RenderError> {
    let (width, height) = (canvas.width(), canvas.height());
    let mut encoder = Encoder::with_api_config(OpenH264API::from_source(), configuration(frame_rate))?;
    let mut muxer = MuxerBuilder::new(Vec::new())
        .video(VideoCodec::H264, width, height, f64::from(frame_rate))
        .with_fast_start(true)
        .build()?;
    let mut picture = YUVBuffer::new(width as usize, height as usize);
    let frames = frame_rate * seconds;
    for frame in 0..frames {
        scene.draw(canvas, frame as f32 / frames.saturating_sub(1).max(1) as f32);
        picture.read_rgb8(RgbSliceU8::new(canvas.image().as_raw(), (width as usize, height as usize)));
        let milliseconds = u64::from(frame) * 1_000 / u64::from(frame_rate);
        let encoded = encoder.encode_at(&picture, Timestamp::from_millis(milliseconds))?;
        let is_keyframe = matches!(encoded.frame_type(), FrameType::IDR | FrameType::I);
        muxer.write_video(f64::from(frame) / f64::from(frame_rate), &encoded.to_vec(), is_keyframe)?;
    }
    muxer.finish_in_place()?;
    Ok(muxer.into_writer().into())
}

fn configuration(frame_rate: u32) -> EncoderConfig {
    EncoderConfig::new()
        .max_frame_rate(FrameRate::from_hz(frame_rate as f32))
        // A skipped frame would be an empty sample, and the clip would not have the asked length.
        .skip_frames(false)
        // A drawn picture stays small at constant quality.
        .rate_control_mode(RateControlMode::Off)
        .complexity(Complexity::Low)
        .intra_frame_period(IntraFramePeriod::from_num_frames(frame_rate * 2))
        // Clips are rendered beside each other, each on one thread.
        .num_threads(1)
        .vui(VuiConfig::bt601())
}
