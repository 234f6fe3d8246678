//! What decoding a picture may take, measured on the process that decodes it.
#![expect(clippy::unwrap_used, reason = "helpers of a test, which fails by it")]

use std::{
    io::{Cursor, Write},
    process::{Command, Stdio},
};

use image::{DynamicImage, ImageFormat, RgbImage};
use nix::sys::resource::{UsageWho, getrusage};

/// What is promised, and the program itself, which is large when it was built for development.
const MOST_KIB: i64 = (256 + 64) * 1024;

/// Runs `auth square-picture` as `auth serve` does. Returns how it ended, if it was not by a signal, and what it made.
fn square(picture: &[u8]) -> (Option<i32>, Vec<u8>) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_auth"))
        .arg("square-picture")
        .env_clear()
        .env("MIMALLOC_ARENA_RESERVE", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It may end before it has read everything.
    let _ = process.stdin.take().unwrap().write_all(picture);
    let output = process.wait_with_output().unwrap();
    (output.status.code(), output.stdout)
}

/// The most that any process took that has ended so far.
fn most_kib() -> i64 {
    getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss()
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, format).unwrap();
    out.into_inner()
}

/// A JPEG that has next to no content. `in_first_scan` of its components come in the first scan.
fn jpeg(progressive: bool, width: u16, height: u16, components: u8, in_first_scan: u8) -> Vec<u8> {
    let mut jpeg = vec![0xff, 0xd8];
    let mut segment = |marker: u8, content: &[u8]| {
        jpeg.extend([0xff, marker]);
        jpeg.extend(u16::try_from(content.len() + 2).unwrap().to_be_bytes());
        jpeg.extend(content);
    };
    segment(0xdb, &[&[0][..], &[1; 64]].concat());
    let mut frame = vec![8];
    frame.extend(height.to_be_bytes());
    frame.extend(width.to_be_bytes());
    frame.push(components);
    frame.extend((1..=components).flat_map(|id| [id, 0x11, 0]));
    segment(if progressive { 0xc2 } else { 0xc0 }, &frame);
    // One code of one bit, for "nothing"; of both kinds.
    for kind in [0x00, 0x10] {
        segment(0xc4, &[&[kind, 1][..], &[0; 15], &[0]].concat());
    }
    let mut scan = vec![in_first_scan];
    scan.extend((1..=in_first_scan).flat_map(|id| [id, 0]));
    scan.extend(if progressive { [0, 0, 0] } else { [0, 63, 0] });
    segment(0xda, &scan);
    jpeg.extend([0; 64]);
    jpeg.extend([0xff, 0xd9]);
    jpeg
}

fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut chunk = name.to_vec();
    chunk.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
    chunk.extend(content);
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    chunk
}

fn webp(chunks: &[Vec<u8>]) -> Vec<u8> {
    chunk(b"RIFF", &[&b"WEBP"[..], &chunks.concat()].concat())
}

/// A lossy picture that claims to be of this size.
fn lossy(side: u16) -> Vec<u8> {
    let mut frame = ((100_u32 << 5) | 0x10).to_le_bytes()[..3].to_vec();
    frame.extend([0x9d, 0x01, 0x2a]);
    frame.extend([side.to_le_bytes(), side.to_le_bytes()].concat());
    frame.resize(400, 0);
    chunk(b"VP8 ", &frame)
}

fn three_bytes(number: u32) -> [u8; 3] {
    let [a, b, c, _] = number.to_le_bytes();
    [a, b, c]
}

/// A canvas of 16 pixels, on which something of another size is painted.
fn webp_with_larger_frame() -> Vec<u8> {
    let canvas = [&[0, 0, 0, 0][..], &three_bytes(15), &three_bytes(15)].concat();
    webp(&[chunk(b"VP8X", &canvas), lossy(16_383)])
}

fn animation_with_larger_frame() -> Vec<u8> {
    let canvas = [&[0x02, 0, 0, 0][..], &three_bytes(15), &three_bytes(15)].concat();
    let place = [&[0; 6][..], &three_bytes(15), &three_bytes(15), &three_bytes(100), &[0]].concat();
    let frame = chunk(b"ANMF", &[place, lossy(16_383)].concat());
    webp(&[chunk(b"VP8X", &canvas), chunk(b"ANIM", &[0; 6]), frame])
}

/// Bits, the least of each byte first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    free: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        for place in 0..count {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let bit = u8::from(value >> place & 1 == 1);
            *self.bytes.last_mut().unwrap() |= bit << (8 - self.free);
            self.free -= 1;
        }
    }

    /// A code, whose bits stand the other way round.
    fn push_code(&mut self, code: u32, length: u32) {
        self.push(code.reverse_bits() >> (32 - length), length);
    }

    /// A Huffman code with one symbol.
    fn push_one_symbol(&mut self, symbol: u32) {
        self.push(0b01, 2);
        if symbol < 2 { self.push(symbol << 1, 2) } else { self.push(symbol << 1 | 1, 9) }
    }

    /// A Huffman code whose symbols are of 1 to 10 bits, so that its table has a thousand entries.
    fn push_large_table(&mut self) {
        self.push(0, 1);
        // The lengths of codes of lengths, in the order of the format: 17, 18, 0, 1 to 5, 16, 6 to 10.
        self.push(14 - 4, 4);
        for length in [0, 0, 0, 3, 3, 3, 3, 3, 0, 3, 4, 4, 4, 4] {
            self.push(length, 3);
        }
        // Eleven lengths follow.
        self.push(1, 1);
        self.push(1, 3);
        self.push(11 - 2, 4);
        for length in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10] {
            if length <= 6 { self.push_code(length - 1, 3) } else { self.push_code(12 + length - 7, 4) }
        }
    }
}

/// A lossless picture of 16 pixels that asks for 65,536 groups of five tables.
fn webp_with_many_tables() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push(0x2f, 8);
    bits.push(15, 14);
    bits.push(15, 14);
    bits.push(0, 4);
    // No transforms, no cache of colours; groups, by an image of them without a cache: red and green are the number of the group.
    bits.push(0, 1);
    bits.push(0, 1);
    bits.push(1, 1);
    bits.push(0, 3);
    bits.push(0, 1);
    for symbol in [255, 255, 0, 0, 0] {
        bits.push_one_symbol(symbol);
    }
    for _ in 0..65_536 * 5 {
        bits.push_large_table();
    }
    webp(&[chunk(b"VP8L", &bits.bytes)])
}

/// A canvas and a frame beside its left edge, each of 7,000 pixels.
fn gif_of_two_sizes() -> Vec<u8> {
    let mut gif = b"GIF89a".to_vec();
    gif.extend([7000_u16.to_le_bytes(), 7000_u16.to_le_bytes()].concat());
    gif.extend([0x80, 0, 0, 0, 0, 0, 255, 255, 255]);
    gif.push(0x2c);
    for number in [1_u16, 0, 6999, 7000] {
        gif.extend(number.to_le_bytes());
    }
    gif.extend([0, 2, 2, 0x04, 0x05, 0, 0x3b]);
    gif
}

#[test]
fn good_pictures_become_squares() {
    let picture = DynamicImage::ImageRgb8(RgbImage::from_fn(900, 300, |x, y| image::Rgb([x as u8, y as u8, 7])));
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP] {
        let (code, made) = square(&encoded(&picture, format));
        assert_eq!(code, Some(0), "{format:?}");
        let made = image::load_from_memory_with_format(&made, ImageFormat::WebP).unwrap();
        assert_eq!((made.width(), made.height()), (256, 256), "{format:?}");
    }
    // As large as is promised, and what cameras and editors write.
    assert_eq!(square(&jpeg(false, 7_000, 7_000, 3, 3)).0, Some(0), "baseline");
    assert_eq!(square(&jpeg(true, 4_000, 3_000, 3, 3)).0, Some(0), "progressive");
    assert_eq!(square(b"<svg/>").0, Some(10));
    assert_eq!(square(&jpeg(false, 9_000, 9_000, 3, 3)).0, Some(11));
    assert_eq!(square(b"\x89PNG\r\n\x1a\nnothing else").0, Some(12));
}

#[test]
fn no_picture_takes_more_memory_than_promised() {
    for (name, picture) in [
        ("progressive CMYK", jpeg(true, 7_071, 7_071, 4, 4)),
        ("progressive", jpeg(true, 7_071, 7_071, 3, 3)),
        ("a scan for each component", jpeg(false, 7_071, 7_071, 4, 1)),
        ("WebP with a larger frame", webp_with_larger_frame()),
        ("animation with a larger frame", animation_with_larger_frame()),
        ("WebP with many tables", webp_with_many_tables()),
        ("GIF of two sizes", gif_of_two_sizes()),
    ] {
        let (code, made) = square(&picture);
        assert!(code != Some(0) && made.is_empty(), "{name}: {code:?}");
        let most = most_kib();
        assert!(most < MOST_KIB, "{name}: {most} KiB");
    }
}
