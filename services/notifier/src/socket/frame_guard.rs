use std::{io, time::Instant};

use actix_web::{FromRequest, HttpRequest, dev, error::PayloadError, web::Payload};
use futures_util::{StreamExt, stream::unfold};
use tokio::time::sleep_until;

use crate::budget::Throttle;

/// The length that a control frame may have (RFC 6455, 5.5).
const LONGEST_CONTROL_FRAME: u64 = 125;

/// Looks at the head of each frame before the frame has come. The library behind it keeps what it is sent until a frame is whole, and only
/// then finds it too long.
#[derive(Debug)]
pub struct FrameGuard {
    longest: u64,
    head: Vec<u8>,
    /// What is still to come of the frame behind its head.
    rest: u64,
}

/// Why a frame is not worth waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadFrame {
    TooLong,
    Protocol,
    TooManyParts,
}

/// The bytes of a connection, up to the first frame that is no good. Whole messages are counted by who takes them; their parts are here, and
/// who sends too many of them is read more slowly.
pub async fn guarded(
    request: &HttpRequest,
    payload: Payload,
    longest: usize,
    parts: Throttle,
) -> Result<Payload, actix_web::Error> {
    let begin = Some((payload, FrameGuard::new(longest), parts));
    let checked = unfold(begin, async |state| {
        let (mut payload, mut guard, mut parts) = state?;
        let checked = match payload.next().await? {
            Ok(chunk) => guard.check(&chunk).map(|count| (chunk, count)).map_err(PayloadError::from),
            Err(error) => Err(error),
        };
        match checked {
            Ok((chunk, count)) => match pay(&mut parts, count).await {
                Ok(()) => Some((Ok(chunk), Some((payload, guard, parts)))),
                Err(bad) => Some((Err(bad.into()), None)),
            },
            // Nothing behind it is read.
            Err(error) => Some((Err(error), None)),
        }
    });
    let mut payload: dev::Payload = dev::Payload::Stream { payload: Box::pin(checked) };
    Payload::from_request(request, &mut payload).await
}

async fn pay(parts: &mut Throttle, count: u32) -> Result<(), BadFrame> {
    let now = Instant::now();
    parts.take(count, now);
    if parts.is_flooded(now) {
        return Err(BadFrame::TooManyParts);
    }
    if let Some(ready) = parts.ready_at(now) {
        sleep_until(ready.into()).await;
    }
    Ok(())
}

impl From<BadFrame> for PayloadError {
    fn from(bad: BadFrame) -> Self {
        match bad {
            BadFrame::TooLong => Self::Overflow,
            BadFrame::Protocol => Self::EncodingCorrupted,
            BadFrame::TooManyParts => Self::Io(io::ErrorKind::QuotaExceeded.into()),
        }
    }
}

impl FrameGuard {
    pub fn new(longest: usize) -> Self {
        Self { longest: longest as u64, head: Vec::with_capacity(10), rest: 0 }
    }

    /// Tells how many frames begin here that are only parts of a message.
    pub fn check(&mut self, mut bytes: &[u8]) -> Result<u32, BadFrame> {
        let mut parts = 0;
        while let Some((first, others)) = bytes.split_first() {
            if self.rest > 0 {
                let skipped = bytes.len().min(usize::try_from(self.rest).unwrap_or(usize::MAX));
                self.rest -= skipped as u64;
                bytes = &bytes[skipped..];
                continue;
            }
            self.head.push(*first);
            bytes = others;
            if let Some((length, mask)) = self.lengths() {
                parts += u32::from(self.judge(length)?);
                self.rest = length + mask;
                self.head.clear();
            }
        }
        Ok(parts)
    }

    /// How much the frame holds, and how long its mask is, once its head is whole.
    fn lengths(&self) -> Option<(u64, u64)> {
        let [_, second, long @ ..] = &self.head[..] else { return None };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        let length = match second & 0x7f {
            126 => u16::from_be_bytes(long.try_into().ok()?).into(),
            127 => u64::from_be_bytes(long.try_into().ok()?),
            short => short.into(),
        };
        Some((length, mask))
    }

    /// Whether it is a part of a message.
    fn judge(&self, length: u64) -> Result<bool, BadFrame> {
        let first = self.head.first().copied().unwrap_or_default();
        let (is_final, reserved, opcode) = (first & 0x80 != 0, first & 0x70, first & 0x0f);
        if reserved != 0 || (opcode >= 8 && (!is_final || length > LONGEST_CONTROL_FRAME)) {
            Err(BadFrame::Protocol)
        } else if length > self.longest {
            Err(BadFrame::TooLong)
        } else {
            Ok(opcode == 0 || (!is_final && opcode < 8))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A masked frame.
    fn frame(first: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match length {
            0..=125 => frame.push(0x80 | u8::try_from(length).unwrap()),
            126..=65535 => {
                frame.push(0xfe);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(0xff);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend([1, 2, 3, 4]);
        frame.resize(frame.len() + length, 0xff);
        frame
    }

    const TEXT: u8 = 0x81;
    const PING: u8 = 0x89;

    #[test]
    fn good_frames_pass_however_they_are_cut() {
        let bytes = [frame(TEXT, 0), frame(PING, 125), frame(0x01, 126), frame(0x80, 1000), frame(TEXT, 70_000)].concat();
        for size in [1, 2, 3, 7, 100, bytes.len()] {
            let mut guard = FrameGuard::new(70_000);
            let parts: u32 = bytes.chunks(size).map(|chunk| guard.check(chunk).unwrap()).sum();
            assert_eq!(parts, 2, "in chunks of {size}");
            assert!(guard.head.is_empty() && guard.rest == 0);
        }
    }

    #[test]
    fn a_head_is_enough() {
        for (first, length, bad) in [
            (TEXT, 1001, BadFrame::TooLong),
            (TEXT, usize::MAX >> 1, BadFrame::TooLong),
            (PING, 126, BadFrame::Protocol),
            (0x09, 1, BadFrame::Protocol),
            (0xc1, 1, BadFrame::Protocol),
        ] {
            let head = match length {
                0..=125 => frame(first, length)[..2].to_vec(),
                126..=65535 => frame(first, length)[..4].to_vec(),
                _ => [&[first, 0xff][..], &(length as u64).to_be_bytes()].concat(),
            };
            let mut guard = FrameGuard::new(1000);
            assert_eq!(guard.check(&frame(TEXT, 1000)), Ok(0));
            assert_eq!(guard.check(&head), Err(bad), "{first:x} {length}");
        }
    }
}
