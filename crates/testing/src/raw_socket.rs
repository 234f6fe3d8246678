use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use url::Url;

const PATIENCE: Duration = Duration::from_secs(10);
/// With it, a payload travels as it is.
const MASK: [u8; 4] = [0; 4];

/// A WebSocket client that sends whatever bytes it is told to.
#[derive(Debug)]
pub struct RawSocket {
    stream: TcpStream,
    /// What the server answered to the handshake.
    pub handshake: String,
}

impl RawSocket {
    pub const TEXT: u8 = 0x1;
    pub const CLOSE: u8 = 0x8;
    pub const PING: u8 = 0x9;
    pub const PONG: u8 = 0xa;
    /// The bit of the last, or only, part of a message.
    pub const FINAL: u8 = 0x80;

    pub async fn open(base_url: &str) -> Result<Self> {
        Self::open_with(base_url, "").await
    }

    /// Offers these subprotocols, a header's value.
    pub async fn offering(base_url: &str, subprotocols: &str) -> Result<Self> {
        Self::open_with(base_url, &format!("Sec-WebSocket-Protocol: {subprotocols}\r\n")).await
    }

    async fn open_with(base_url: &str, headers: &str) -> Result<Self> {
        let url = Url::parse(base_url)?;
        let (host, port) = (url.host_str().context("host")?, url.port().context("port")?);
        let mut stream = TcpStream::connect((host, port)).await?;
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut handshake = Vec::new();
        while !handshake.ends_with(b"\r\n\r\n") {
            handshake.push(timeout(PATIENCE, stream.read_u8()).await.context("no handshake")??);
        }
        let handshake = String::from_utf8(handshake)?;
        ensure!(handshake.starts_with("HTTP/1.1 101"), "{handshake}");
        Ok(Self { stream, handshake })
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// Sends a masked frame with this first byte.
    pub async fn send(&mut self, first: u8, payload: &[u8]) -> Result<()> {
        self.send_bytes(&[&Self::head(first, payload.len() as u64)[..], payload].concat()).await
    }

    /// The beginning of a masked frame of this length.
    pub fn head(first: u8, length: u64) -> Vec<u8> {
        let mut head = vec![first];
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short @ 0..=125), _) => head.push(0x80 | short),
            (_, Ok(long)) => {
                head.push(0x80 | 126);
                head.extend(long.to_be_bytes());
            }
            (_, Err(_)) => {
                head.push(0x80 | 127);
                head.extend(length.to_be_bytes());
            }
        }
        head.extend(MASK);
        head
    }

    /// The next frame: its opcode and what it holds.
    pub async fn next(&mut self) -> Result<(u8, Vec<u8>)> {
        timeout(PATIENCE, self.read()).await.context("no frame came")?
    }

    async fn read(&mut self) -> Result<(u8, Vec<u8>)> {
        let first = self.stream.read_u8().await?;
        ensure!(first & Self::FINAL != 0, "the server sends whole messages");
        let length: usize = match self.stream.read_u8().await? {
            126 => self.stream.read_u16().await?.into(),
            short @ 0..=125 => short.into(),
            other => anyhow::bail!("a frame of length {other}"),
        };
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await?;
        Ok((first & 0xf, payload))
    }

    /// Waits for the closing frame, and returns its code, none when it has none.
    pub async fn closed(&mut self) -> Result<Option<u16>> {
        loop {
            let (opcode, payload) = self.next().await?;
            if opcode == Self::CLOSE {
                return Ok(payload.first_chunk().map(|code| u16::from_be_bytes(*code)));
            }
        }
    }
}
