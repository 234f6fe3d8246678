use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::json;
use tokio::{sync::watch, time::sleep};
use uuid::Uuid;

use super::{
    frame,
    link::{Link, Received, Window},
    news::Moment,
};

/// Before a connection that was refused is tried again.
const AGAIN: Duration = Duration::from_millis(500);

/// A client that follows all tasks of its user, comes back whenever its connection ends, and goes on from the last event that it has seen.
pub struct Follower {
    address: SocketAddr,
    token: String,
    tally: Arc<Tally>,
    last_event_id: Option<String>,
    is_subscribed: bool,
    retry_after: Duration,
    shown: HashMap<Uuid, Moment>,
    ended: HashSet<Uuid>,
}

/// What all followers have met together.
#[derive(Default)]
pub struct Tally {
    /// Followers that hear their tasks now.
    pub connected: AtomicUsize,
    /// Ends of tasks, counted for each follower that was told.
    pub ends: AtomicUsize,
    /// Changes that a follower had been told of before.
    pub duplicates: AtomicUsize,
    /// Times that a follower had to forget what it knew.
    pub resyncs: AtomicUsize,
    /// Connections that did not come about.
    pub refused: AtomicUsize,
    absences: Mutex<Vec<Absence>>,
}

/// A follower was away.
#[derive(Debug, Clone, Copy)]
pub struct Absence {
    pub seconds: f64,
    pub back_at: Instant,
}

impl Tally {
    pub fn take_absences(&self) -> Vec<Absence> {
        std::mem::take(&mut *self.absences.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn came_back(&self, since: Instant) {
        let back_at = Instant::now();
        let absence = Absence { seconds: (back_at - since).as_secs_f64(), back_at };
        self.absences.lock().unwrap_or_else(PoisonError::into_inner).push(absence);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    #[serde(rename = "type")]
    kind: String,
    event_id: Option<String>,
    #[serde(default)]
    payload: Payload,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Payload {
    last_event_id: Option<String>,
    retry_after_ms: Option<u64>,
    #[serde(flatten)]
    state: State,
    tasks: Vec<State>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct State {
    video_id: Option<String>,
    external_video_id: Option<String>,
    status: Option<String>,
}

impl Follower {
    pub fn new(address: SocketAddr, token: String, tally: Arc<Tally>) -> Self {
        Self {
            address,
            token,
            tally,
            last_event_id: None,
            is_subscribed: false,
            retry_after: Duration::ZERO,
            shown: HashMap::new(),
            ended: HashSet::new(),
        }
    }

    /// Follows until it is told to stop. Returns the tasks whose end it was told of.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<HashSet<Uuid>> {
        tokio::select! {
            failed = self.live() => failed?,
            _ = stop.wait_for(|stop| *stop) => {}
        }
        Ok(self.ended)
    }

    /// Returns only when a server said what none may say.
    async fn live(&mut self) -> Result<()> {
        let mut away_since = None;
        loop {
            let Ok(mut link) = self.resume().await else {
                self.tally.refused.fetch_add(1, Ordering::Relaxed);
                sleep(AGAIN).await;
                continue;
            };
            if let Some(since) = away_since {
                self.tally.came_back(since);
            }
            self.tally.connected.fetch_add(1, Ordering::Relaxed);
            // A connection that breaks ends like one that is closed.
            while let Ok(Received::Something) = link.receive(|text| self.read(text)).await {}
            drop(link);
            away_since = Some(Instant::now());
            self.tally.connected.fetch_sub(1, Ordering::Relaxed);
            sleep(std::mem::take(&mut self.retry_after)).await;
        }
    }

    /// Connects, and hears what it has missed.
    async fn resume(&mut self) -> Result<Link> {
        let mut link = Link::open(self.address, Window::Usual).await?;
        let mut frames = Vec::new();
        frame::text(&mut frames, &json!({ "type": "auth", "payload": { "token": self.token } }).to_string());
        let request = json!({ "type": "subscribe_user", "payload": { "lastEventId": self.last_event_id } });
        frame::text(&mut frames, &request.to_string());
        link.send(&frames).await?;
        self.is_subscribed = false;
        while !self.is_subscribed {
            let received = link.receive(|text| self.read(text)).await?;
            ensure!(received == Received::Something, "the server ended a connection that had just begun");
        }
        Ok(link)
    }

    fn read(&mut self, text: &[u8]) -> Result<()> {
        let told: Told = serde_json::from_slice(text).with_context(|| String::from_utf8_lossy(text).into_owned())?;
        match told.kind.as_str() {
            "subscribeSuccess" => {
                self.is_subscribed = true;
                self.last_event_id = told.payload.last_event_id.or(self.last_event_id.take());
            }
            "taskStatus" | "taskProgress" | "taskCompleted" | "taskFailed" | "taskCancelled" => {
                let is_news = self.show(told.payload.state)?;
                self.tally.duplicates.fetch_add(usize::from(!is_news), Ordering::Relaxed);
            }
            "resync" => {
                self.tally.resyncs.fetch_add(1, Ordering::Relaxed);
                for state in told.payload.tasks {
                    self.show(state)?;
                }
            }
            "reconnect" => self.retry_after = Duration::from_millis(told.payload.retry_after_ms.unwrap_or_default()),
            "error" | "authFailed" => bail!("a follower was refused: {}", String::from_utf8_lossy(text)),
            _ => {}
        }
        if told.event_id.is_some() {
            self.last_event_id = told.event_id;
        }
        Ok(())
    }

    /// False for what it has shown before.
    fn show(&mut self, state: State) -> Result<bool> {
        let video = state.video_id.as_deref().and_then(|id| id.strip_prefix("video_")?.parse().ok()).context("no video id")?;
        let moment = state.external_video_id.as_deref().and_then(Moment::find).context("a task that is not of this run")?;
        let is_news = self.shown.get(&video).is_none_or(|shown| *shown < moment);
        if is_news {
            self.shown.insert(video, moment);
        }
        if matches!(state.status.as_deref(), Some("completed" | "failed" | "cancelled")) && self.ended.insert(video) {
            self.tally.ends.fetch_add(1, Ordering::Relaxed);
        }
        Ok(is_news)
    }
}
