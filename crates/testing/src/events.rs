use std::{str::FromStr, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use reqwest::{RequestBuilder, Response, header::HeaderMap};
use serde_json::Value;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

/// A stream of server-sent events, read as a browser reads it.
#[derive(Debug)]
pub struct Events {
    response: Response,
    unread: Vec<u8>,
    /// What a browser would send as `Last-Event-ID`; stays until another comes.
    pub last_id: Option<String>,
    /// How long the server wants a client to wait before it comes back.
    pub retry: Option<Duration>,
    comments: usize,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// `message` when it has no name.
    pub name: String,
    /// Its own id, if it brought one.
    pub id: Option<String>,
    pub data: Value,
}

impl Events {
    /// Sends a request that must be answered with a stream.
    pub async fn open(request: RequestBuilder) -> Result<Self> {
        let response = timeout(PATIENCE, request.send()).await.context("no answer came")??;
        let status = response.status().as_u16();
        if status != 200 {
            bail!("{status}: {}", response.text().await?);
        }
        let events = Self { response, unread: Vec::new(), last_id: None, retry: None, comments: 0 };
        let kind = events.headers().get("content-type").and_then(|value| value.to_str().ok());
        ensure!(kind == Some("text/event-stream"), "{kind:?} is no stream");
        Ok(events)
    }

    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The next event; `None` when the stream has ended in order. One that breaks off, or half a minute without any event, is an error.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        timeout(PATIENCE, self.read(|_| false)).await.context("no event came")?
    }

    /// The data of the next event with this name; those before it are dropped.
    pub async fn until(&mut self, name: &str) -> Result<Event> {
        loop {
            let event = self.next().await?.with_context(|| format!("the stream ended before {name:?}"))?;
            if event.name == name {
                return Ok(event);
            }
        }
    }

    /// All events until the orderly end.
    pub async fn rest(&mut self) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await? {
            events.push(event);
        }
        Ok(events)
    }

    /// Waits for a comment, as one that keeps proxies awake.
    pub async fn comment(&mut self) -> Result<()> {
        let before = self.comments;
        timeout(PATIENCE, self.read(|events| events.comments > before)).await.context("no comment came")??;
        Ok(())
    }

    async fn read(&mut self, enough: impl Fn(&Self) -> bool) -> Result<Option<Event>> {
        loop {
            while let Some(block) = self.next_block()? {
                let event = self.take(&block)?;
                if event.is_some() || enough(self) {
                    return Ok(event);
                }
            }
            match self.response.chunk().await.context("the stream broke off")? {
                Some(bytes) => self.unread.extend_from_slice(&bytes),
                None => {
                    ensure!(self.unread.is_empty(), "the stream ended within an event");
                    return Ok(None);
                }
            }
        }
    }

    fn next_block(&mut self) -> Result<Option<String>> {
        let Some(end) = self.unread.windows(2).position(|pair| pair == b"\n\n") else { return Ok(None) };
        let rest = self.unread.split_off(end + 2);
        let block = std::mem::replace(&mut self.unread, rest);
        Ok(Some(String::from_utf8(block)?))
    }

    fn take(&mut self, block: &str) -> Result<Option<Event>> {
        let (mut name, mut id, mut data) = (None, None, Vec::new());
        for line in block.lines().filter(|line| !line.is_empty()) {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" => self.comments += 1,
                "event" => name = Some(value.to_owned()),
                "id" => id = Some(value.to_owned()),
                "data" => data.push(value),
                "retry" => self.retry = Some(Duration::from_millis(u64::from_str(value)?)),
                _ => bail!("a browser knows no field {field:?}"),
            }
        }
        self.last_id = id.clone().or(self.last_id.take());
        if data.is_empty() {
            return Ok(None);
        }
        Ok(Some(Event { name: name.unwrap_or_else(|| "message".to_owned()), id, data: serde_json::from_str(&data.join("\n"))? }))
    }
}
