//! As much of the WebSocket protocol (RFC 6455) as a client needs that receives whole frames and sends short ones.

use anyhow::{Result, bail, ensure};

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// What a server sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    Text(&'a [u8]),
    Ping(&'a [u8]),
    Close,
    /// Nothing to be answered.
    Other,
}

/// The frame that these bytes begin with, and how many of them it takes. None: there is more to come.
pub fn first(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>> {
    let [head, short, ..] = *bytes else { return Ok(None) };
    ensure!(head & FINAL != 0, "a frame in parts");
    ensure!(short & MASKED == 0, "a server that masks");
    let (header, length) = match short {
        126 => match bytes.get(2..4).map(TryInto::try_into) {
            Some(Ok(length)) => (4, usize::from(u16::from_be_bytes(length))),
            _ => return Ok(None),
        },
        127 => match bytes.get(2..10).map(TryInto::try_into) {
            Some(Ok(length)) => (10, usize::try_from(u64::from_be_bytes(length))?),
            _ => return Ok(None),
        },
        length => (2, usize::from(length)),
    };
    let end = header + length;
    let Some(payload) = bytes.get(header..end) else { return Ok(None) };
    let frame = match head & 0xF {
        TEXT => Frame::Text(payload),
        PING => Frame::Ping(payload),
        CLOSE => Frame::Close,
        PONG => Frame::Other,
        other => bail!("a frame of kind {other}"),
    };
    Ok(Some((frame, end)))
}

/// Appends a text frame of a client.
pub fn text(to: &mut Vec<u8>, text: &str) {
    append(to, TEXT, text.as_bytes());
}

/// Appends the answer to a ping.
pub fn pong(to: &mut Vec<u8>, payload: &[u8]) {
    append(to, PONG, payload);
}

fn append(to: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    to.push(FINAL | kind);
    match u16::try_from(payload.len()) {
        Ok(length @ 0..=125) => to.push(MASKED | length.to_be_bytes()[1]),
        length => {
            // Requests and pongs are never as long as that.
            to.push(MASKED | 126);
            to.extend(length.unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    // A mask of zeros leaves the payload as it is.
    to.extend([0; 4]);
    to.extend(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![FINAL | kind];
        match payload.len() {
            length @ 0..=125 => bytes.push(u8::try_from(length).unwrap()),
            length if length < 1 << 16 => {
                bytes.push(126);
                bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            length => {
                bytes.push(127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn frames_of_all_lengths_are_read_when_they_are_whole() {
        for length in [0, 5, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let mut bytes = server(TEXT, &payload);
            let end = bytes.len();
            for part in [0, 1, 2, 3, 9, end - 1] {
                assert_eq!(first(&bytes[..part.min(end - 1)]).unwrap(), None, "{part} of {length}");
            }
            bytes.extend(server(CLOSE, b""));
            assert_eq!(first(&bytes).unwrap(), Some((Frame::Text(&payload), end)));
            assert_eq!(first(&bytes[end..]).unwrap(), Some((Frame::Close, 2)));
        }
    }

    #[test]
    fn what_no_server_of_ours_sends_is_refused() {
        assert!(first(&[TEXT, 0]).is_err(), "a part");
        assert!(first(&[FINAL | TEXT, MASKED]).is_err(), "a mask");
        assert!(first(&[FINAL | 0x2, 0]).is_err(), "bytes");
        assert_eq!(first(&server(PING, b"x")).unwrap(), Some((Frame::Ping(b"x"), 3)));
    }

    #[test]
    fn a_client_masks() {
        let mut bytes = Vec::new();
        text(&mut bytes, "hi");
        pong(&mut bytes, b"");
        assert_eq!(bytes, [0x81, 0x82, 0, 0, 0, 0, b'h', b'i', 0x8A, 0x80, 0, 0, 0, 0]);
        bytes.clear();
        text(&mut bytes, &"x".repeat(300));
        assert_eq!((bytes[..4].to_vec(), bytes.len()), (vec![0x81, 0xFE, 1, 44], 308));
    }
}
