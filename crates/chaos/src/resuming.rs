//! A subscriber who follows everything of a user, and says on each connection what it has seen on the ones before.

use std::collections::HashMap;

use anyhow::{Result, bail};
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio::time::sleep;
use zoetrope_testing::Frame;

use crate::{client::Client, eyes::Eyes, hearing::Told, journal::Wrong, stage::Stage, subscriber::DROPPED_AFTER};

/// What it knows, over all its connections.
#[derive(Debug)]
pub struct Reader {
    /// The id of the last event.
    place: String,
    told: HashMap<String, Told>,
    eyes: Eyes,
}

impl Reader {
    /// Has seen nothing, and wants all of it.
    pub fn new() -> Self {
        Self { place: "0".to_owned(), told: HashMap::new(), eyes: Eyes::default() }
    }

    pub async fn connection(&mut self, client: &Client<'_>, dice: &mut StdRng) -> Result<()> {
        let stage = client.stage;
        let mut socket = client.user.socket().await?;
        stage.journal.count(|counts| {
            counts.connections += 1;
            counts.resumed += u64::from(self.place != "0");
        });
        socket.send("subscribe_user", json!({ "lastEventId": self.place })).await?;
        let dropped = sleep(Stage::seconds(dice, DROPPED_AFTER));
        tokio::pin!(dropped);
        loop {
            tokio::select! {
                () = &mut dropped, if !stage.calm.is_cancelled() => return Ok(()),
                frame = socket.next() => self.hear(client, &frame?).await?,
            }
        }
    }

    async fn hear(&mut self, client: &Client<'_>, frame: &Frame) -> Result<()> {
        match frame.kind.as_str() {
            "subscribeSuccess" | "reconnect" => {}
            "error" if frame.payload["code"] == "UNAVAILABLE" => bail!("there is nothing to resume from at the moment"),
            "resync" => {
                self.told.clear();
                for state in frame.payload["tasks"].as_array().into_iter().flatten() {
                    self.hear_state(client, state, frame).await;
                }
            }
            kind if kind.starts_with("task") => self.hear_state(client, &frame.payload, frame).await,
            _ => client.stage.journal.complain(Wrong::BadAnswer, format!("frame {}", frame.raw)),
        }
        if let Some(id) = &frame.event_id {
            self.place.clone_from(id);
        }
        Ok(())
    }

    async fn hear_state(&mut self, client: &Client<'_>, state: &Value, frame: &Frame) {
        let journal = &client.stage.journal;
        let (Some(video_id), Some(heard)) = (state["videoId"].as_str(), Told::of(state)) else {
            return journal.complain(Wrong::BadAnswer, format!("frame {}", frame.raw));
        };
        let before = self.told.insert(video_id.to_owned(), heard);
        if let Some(before) = before.filter(|before| !heard.may_follow(*before)) {
            journal.complain(Wrong::RanBackwards, format!("{video_id}: heard {before}, then {heard}, over all connections"));
        }
        self.eyes.check(client, video_id, heard).await;
    }
}
