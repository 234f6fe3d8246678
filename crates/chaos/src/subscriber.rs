use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    time::Duration,
};

use anyhow::Result;
use rand::rngs::StdRng;
use tokio::{
    sync::mpsc,
    time::{interval, sleep},
};
use zoetrope_testing::Frame;

use crate::{client::Client, eyes::Eyes, hearing::Told, journal::Wrong, resuming::Reader, stage::Stage};

/// Seconds after which a connection is dropped without a word, as by a phone in a tunnel.
pub const DROPPED_AFTER: Range<f64> = 2.0..20.0;
/// Seconds between two connections.
const AWAY: Range<f64> = 0.1..3.0;
/// How often a refused subscription is tried again: a task that was just created may not have arrived yet.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// What one user knows of the tasks whose end the socket has not told.
#[derive(Debug, Default)]
pub struct Ears {
    open: HashSet<String>,
    eyes: Eyes,
}

/// How a subscriber follows its user's tasks.
#[derive(Debug)]
pub enum Way {
    /// Each by itself, and anew on each connection.
    OneByOne(Ears),
    /// All of them, from what it has seen.
    Resuming(Reader),
}

/// Follows a user's tasks to their ends, on one connection after the other.
pub async fn listen(client: &Client<'_>, mut way: Way, mut news: mpsc::Receiver<String>, mut dice: StdRng) {
    let stage = client.stage;
    if matches!(way, Way::Resuming(_)) {
        news.close();
    }
    loop {
        let connection = async {
            match &mut way {
                Way::OneByOne(ears) => connection(client, ears, &mut news, &mut dice).await,
                Way::Resuming(reader) => reader.connection(client, &mut dice).await,
            }
        };
        tokio::select! {
            () = stage.over.cancelled() => return,
            // Whatever ended the connection, there will be another.
            _ = connection => {}
        }
        tokio::select! {
            () = stage.over.cancelled() => return,
            () = Stage::rest(&mut dice, AWAY) => {}
        }
    }
}

async fn connection(client: &Client<'_>, ears: &mut Ears, news: &mut mpsc::Receiver<String>, dice: &mut StdRng) -> Result<()> {
    let stage = client.stage;
    let mut socket = client.user.socket().await?;
    stage.journal.count(|counts| counts.connections += 1);
    for video_id in &ears.open {
        socket.subscribe(video_id).await?;
    }
    let mut told: HashMap<String, Told> = HashMap::new();
    let mut refused: Vec<String> = Vec::new();
    let mut again = interval(TRY_AGAIN);
    let dropped = sleep(Stage::seconds(dice, DROPPED_AFTER));
    tokio::pin!(dropped);
    loop {
        tokio::select! {
            () = &mut dropped, if !stage.calm.is_cancelled() => return Ok(()),
            Some(video_id) = news.recv() => {
                // Before anything can fail: the next connection asks for it as well.
                ears.open.insert(video_id.clone());
                socket.subscribe(&video_id).await?;
            }
            _ = again.tick(), if !refused.is_empty() => {
                for video_id in refused.drain(..).collect::<HashSet<_>>() {
                    socket.subscribe(&video_id).await?;
                }
            }
            frame = socket.next() => hear(client, ears, &mut told, &mut refused, &frame?).await,
        }
    }
}

async fn hear(client: &Client<'_>, ears: &mut Ears, told: &mut HashMap<String, Told>, refused: &mut Vec<String>, frame: &Frame) {
    let journal = &client.stage.journal;
    let video_id = frame.payload["videoId"].as_str().unwrap_or_default();
    match frame.kind.as_str() {
        // The replica stops: it hangs up after this.
        "subscribeSuccess" | "reconnect" => {}
        "error" if matches!(frame.payload["code"].as_str(), Some("NOT_FOUND" | "UNAVAILABLE")) => {
            refused.push(video_id.to_owned())
        }
        kind if kind.starts_with("task") => match Told::of(&frame.payload) {
            Some(heard) => {
                if let Some(before) = told.insert(video_id.to_owned(), heard).filter(|before| !heard.may_follow(*before)) {
                    journal.complain(Wrong::RanBackwards, format!("{video_id}: heard {before}, then {heard}"));
                }
                if ears.eyes.check(client, video_id, heard).await.is_some() {
                    ears.open.remove(video_id);
                }
            }
            None => journal.complain(Wrong::BadAnswer, format!("frame {}", frame.raw)),
        },
        _ => journal.complain(Wrong::BadAnswer, format!("frame {}", frame.raw)),
    }
}
