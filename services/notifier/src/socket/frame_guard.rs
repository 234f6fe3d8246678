use actix_web::{
    FromRequest, HttpRequest, dev,
    error::PayloadError,
    web::{Bytes, Payload},
};
use futures_util::{StreamExt, future::ready};

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
}

/// The bytes of a connection, up to the first frame that is no good.
pub async fn guarded(request: &HttpRequest, payload: Payload, longest: usize) -> Result<Payload, actix_web::Error> {
    let mut guard = FrameGuard::new(longest);
    let checked = payload.map(move |chunk: Result<Bytes, PayloadError>| {
        let chunk = chunk?;
        match guard.check(&chunk) {
            Ok(()) => Ok(chunk),
            Err(bad) => Err(bad.into()),
        }
    });
    // Nothing behind it is read.
    let mut is_good = true;
    let until_bad = checked.take_while(move |chunk| ready(std::mem::replace(&mut is_good, chunk.is_ok())));
    let mut payload: dev::Payload = dev::Payload::Stream { payload: Box::pin(until_bad) };
    Payload::from_request(request, &mut payload).await
}

impl From<BadFrame> for PayloadError {
    fn from(bad: BadFrame) -> Self {
        match bad {
            BadFrame::TooLong => Self::Overflow,
            BadFrame::Protocol => Self::EncodingCorrupted,
        }
    }
}

impl FrameGuard {
    pub fn new(longest: usize) -> Self {
        Self { longest: longest as u64, head: Vec::with_capacity(10), rest: 0 }
    }

    pub fn check(&mut self, mut bytes: &[u8]) -> Result<(), BadFrame> {
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
                self.judge(length)?;
                self.rest = length + mask;
                self.head.clear();
            }
        }
        Ok(())
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

    fn judge(&self, length: u64) -> Result<(), BadFrame> {
        let first = self.head.first().copied().unwrap_or_default();
        let (is_final, reserved, opcode) = (first & 0x80 != 0, first & 0x70, first & 0x0f);
        if reserved != 0 || (opcode >= 8 && (!is_final || length > LONGEST_CONTROL_FRAME)) {
            Err(BadFrame::Protocol)
        } else if length > self.longest {
            Err(BadFrame::TooLong)
        } else {
            Ok(())
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
            for chunk in bytes.chunks(size) {
                assert_eq!(guard.check(chunk), Ok(()), "in chunks of {size}");
            }
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
            assert_eq!(guard.check(&frame(TEXT, 1000)), Ok(()));
            assert_eq!(guard.check(&head), Err(bad), "{first:x} {length}");
        }
    }
}
