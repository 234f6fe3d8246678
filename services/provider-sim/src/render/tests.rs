//! The files are read back by another implementation than the one that wrote them.

use image::ImageFormat;
use shiguredo_mp4::{
    TrackKind,
    boxes::SampleEntry,
    demux::{Input, Mp4FileDemuxer},
};

use super::*;

fn request(size: &str, seconds: u32) -> ClipRequest {
    ClipRequest {
        prompt: "A fox jumps over the snow at dawn".to_owned(),
        caption: format!("sora-2  {size}  {seconds} s"),
        size: size.parse().unwrap(),
        seconds,
        frame_rate: 24,
        longest_side: 640,
        reference: None,
    }
}

struct Facts {
    samples: u32,
    keyframes: u32,
    seconds: f64,
    dimensions: (u16, u16),
}

fn demux(file: &[u8]) -> Facts {
    let mut demuxer = Mp4FileDemuxer::new();
    demuxer.handle_input(Input { position: 0, data: file });
    let tracks = demuxer.tracks().unwrap().to_vec();
    assert_eq!(tracks.len(), 1);
    assert_eq!(tracks[0].kind, TrackKind::Video);
    let seconds = tracks[0].duration as f64 / f64::from(tracks[0].timescale.get());
    let mut facts = Facts { samples: 0, keyframes: 0, seconds, dimensions: (0, 0) };
    while let Some(sample) = demuxer.next_sample().unwrap() {
        assert!(sample.data_size > 0);
        assert!(sample.data_offset as usize + sample.data_size <= file.len());
        if let Some(SampleEntry::Avc1(entry)) = sample.sample_entry {
            facts.dimensions = (entry.visual.width, entry.visual.height);
        }
        facts.samples += 1;
        facts.keyframes += u32::from(sample.keyframe);
    }
    facts
}

#[test]
fn the_video_has_the_asked_length_shape_and_frames() {
    for (size, seconds, dimensions) in [("1280x720", 4, (640, 360)), ("720x1280", 2, (360, 640))] {
        let clip = render(&request(size, seconds)).unwrap();
        let facts = demux(&clip.video);
        assert_eq!(facts.samples, 24 * seconds);
        assert_eq!(facts.keyframes, seconds.div_ceil(2));
        assert!((facts.seconds - f64::from(seconds)).abs() < 0.01, "{}", facts.seconds);
        assert_eq!(facts.dimensions, dimensions);
    }
}

#[test]
fn the_index_comes_before_the_pictures() {
    let clip = render(&request("320x180", 1)).unwrap();
    let place = |name: &[u8]| clip.video.windows(4).position(|window| window == name).unwrap();
    assert!(place(b"moov") < place(b"mdat"));
}

#[test]
fn every_frame_differs_and_decodes() {
    let size = "320x180".parse().unwrap();
    let scene = Scene::new(&request("320x180", 4), size);
    let mut canvas = Canvas::new(size);
    let mut frame = |progress| {
        scene.draw(&mut canvas, progress);
        canvas.image().clone()
    };
    assert_ne!(frame(0.0), frame(0.02));
    assert_ne!(frame(0.5), frame(0.52));

    let clip = render(&request("320x180", 1)).unwrap();
    let mut demuxer = Mp4FileDemuxer::new();
    demuxer.handle_input(Input { position: 0, data: &clip.video });
    let mut decoder = openh264::decoder::Decoder::new().unwrap();
    let sample = demuxer.next_sample().unwrap().unwrap();
    let Some(SampleEntry::Avc1(entry)) = sample.sample_entry else { panic!("not H.264") };
    let mut stream = Vec::new();
    for unit in entry.avcc_box.sps_list.iter().chain(&entry.avcc_box.pps_list) {
        stream.extend_from_slice(&[0, 0, 0, 1]);
        stream.extend_from_slice(unit);
    }
    let mut data = &clip.video[sample.data_offset as usize..][..sample.data_size];
    while let Some((length, rest)) = data.split_first_chunk::<4>() {
        let (unit, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        stream.extend_from_slice(&[0, 0, 0, 1]);
        stream.extend_from_slice(unit);
        data = rest;
    }
    use openh264::formats::YUVSource;
    let picture = decoder.decode(&stream).unwrap().expect("a picture");
    assert_eq!(picture.dimensions(), (320, 180));
}

#[test]
fn the_stills_are_what_they_say() {
    let clip = render(&request("1280x720", 1)).unwrap();
    let thumbnail = image::load_from_memory_with_format(&clip.thumbnail, ImageFormat::WebP).unwrap();
    assert_eq!((thumbnail.width(), thumbnail.height()), (320, 180));
    let sheet = image::load_from_memory_with_format(&clip.spritesheet, ImageFormat::Jpeg).unwrap();
    assert_eq!((sheet.width(), sheet.height()), (800, 180));
}

#[test]
fn a_reference_image_fills_the_picture() {
    let red = RgbImage::from_pixel(40, 90, image::Rgb([250, 10, 10]));
    let with_image = ClipRequest { reference: Some(red), ..request("320x180", 1) };
    let size = with_image.size;
    let mut canvas = Canvas::new(size);
    for progress in [0.0, 0.5, 1.0] {
        Scene::new(&with_image, size).draw(&mut canvas, progress);
        let red = canvas.image().pixels().filter(|pixel| pixel.0 == [250, 10, 10]).count();
        assert!(red > 320 * 180 / 4, "{red} red pixels at {progress}");
    }
}

#[test]
fn odd_and_tiny_sizes_and_strange_prompts_are_rendered() {
    for (size, prompt) in [("4096x16", "x"), ("17x17", "日本語 ♥"), ("640x480", "")] {
        let clip = render(&ClipRequest { prompt: prompt.to_owned(), ..request(size, 1) }).unwrap();
        assert_eq!(demux(&clip.video).samples, 24);
    }
}
