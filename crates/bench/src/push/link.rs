use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::socket::{setsockopt, sockopt};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
};

use super::frame::{self, Frame};

/// Connections from one source address: far fewer than it has ports, some of which an earlier connection may still hold.
const CONNECTIONS_PER_SOURCE: u32 = 4_000;
const SOURCES: u32 = 200;
/// Longest that one look at a socket takes.
const READ_BYTES: usize = 8 * 1024;
const NIBBLE_BYTES: usize = 512;
/// Longest head of an answer to a handshake.
const MOST_HEAD_BYTES: usize = 4 * 1024;
/// With these, the kernels hold some ten kilobytes of what a client does not read, and not megabytes.
const NARROW_WINDOW: u32 = 4 * 1024;
const NARROW_SEGMENT: u32 = 536;

static OPENED: AtomicU32 = AtomicU32::new(0);

/// A WebSocket in a client's hands: no more than its TCP stream, and what has come of the next frame.
#[derive(Debug)]
pub struct Link {
    stream: TcpStream,
    begun: Vec<u8>,
    closed: bool,
}

/// How much a client lets the kernels hold for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    Usual,
    Narrow,
}

/// Whether there may be more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    Something,
    /// The server has ended the connection.
    End,
}

impl Link {
    /// Connects from a loopback address of its turn, and shakes hands.
    pub async fn open(address: SocketAddr, window: Window) -> Result<Self> {
        let mut stream = connect(address, window).await.with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let begun = read_head(&stream).await?;
        Ok(Self { stream, begun, closed: false })
    }

    /// Sends frames that [`frame::text`] made.
    pub async fn send(&mut self, frames: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(frames).await?)
    }

    /// Waits until something has come, and gives away each text that is whole now. Answers pings.
    pub async fn receive(&mut self, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<Received> {
        let mut pongs = Vec::new();
        // Frames may have come together with the answer to the handshake.
        let mut received = self.give_away(&mut pongs, &mut take)?.then_some(Received::Something);
        while received.is_none() {
            self.stream.readable().await?;
            received = self.read_now(&mut pongs, &mut take)?;
        }
        if !pongs.is_empty() {
            self.send(&pongs).await?;
        }
        Ok(received.filter(|_| !self.closed).unwrap_or(Received::End))
    }

    /// None when there was nothing. Not a future: its buffer is on the stack, and not in each of the clients.
    fn read_now(&mut self, pongs: &mut Vec<u8>, take: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<Option<Received>> {
        let mut buffer = [0; READ_BYTES];
        match self.stream.try_read(&mut buffer) {
            Ok(0) => Ok(Some(Received::End)),
            Ok(length) => {
                self.begun.extend_from_slice(&buffer[..length]);
                self.give_away(pongs, take)?;
                Ok(Some(Received::Something))
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => Ok(None),
                ErrorKind::ConnectionReset => Ok(Some(Received::End)),
                _ => Err(error.into()),
            },
        }
    }

    /// Tells whether there was a whole frame.
    fn give_away(&mut self, pongs: &mut Vec<u8>, take: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<bool> {
        let mut whole = 0;
        while let Some((frame, length)) = frame::first(&self.begun[whole..])? {
            match frame {
                Frame::Text(text) => take(text)?,
                Frame::Ping(payload) => frame::pong(pongs, payload),
                Frame::Close => self.closed = true,
                Frame::Other => {}
            }
            whole += length;
        }
        if whole > 0 {
            // What is empty takes no memory.
            self.begun = self.begun.split_off(whole);
        }
        Ok(whole > 0)
    }

    /// Reads a few bytes and forgets them, as a client would that is busy with something else.
    pub fn nibble(&mut self) -> Result<Received> {
        let mut buffer = [0; NIBBLE_BYTES];
        match self.stream.try_read(&mut buffer) {
            Ok(0) => Ok(Received::End),
            Ok(_) => Ok(Received::Something),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => Ok(Received::Something),
                ErrorKind::ConnectionReset => Ok(Received::End),
                _ => Err(error.into()),
            },
        }
    }
}

async fn connect(address: SocketAddr, window: Window) -> Result<TcpStream> {
    let number = OPENED.fetch_add(1, Ordering::Relaxed) / CONNECTIONS_PER_SOURCE % SOURCES;
    let source = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + 1 + number);
    let socket = TcpSocket::new_v4()?;
    // The port is chosen when the other end is known. One that is chosen before is lost to whoever connects without such a choice, whatever
    // the address: the gateway would run out of ports.
    setsockopt(&socket, sockopt::IpBindAddressNoPort, &true)?;
    socket.bind((source, 0).into())?;
    if window == Window::Narrow {
        socket.set_recv_buffer_size(NARROW_WINDOW)?;
        setsockopt(&socket, sockopt::TcpMaxSeg, &NARROW_SEGMENT)?;
    }
    Ok(socket.connect(address).await?)
}

/// Reads the answer to the handshake. Returns what came behind it.
async fn read_head(stream: &TcpStream) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    loop {
        if let Some(end) = head.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            ensure!(head.starts_with(b"HTTP/1.1 101 "), "no handshake: {}", String::from_utf8_lossy(&head[..end]));
            return Ok(head[end + 4..].to_vec());
        }
        ensure!(head.len() < MOST_HEAD_BYTES, "no end of the answer to a handshake");
        stream.readable().await?;
        match stream.try_read_buf(&mut head) {
            Ok(0) => bail!("the server ended the connection in the handshake"),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
}
