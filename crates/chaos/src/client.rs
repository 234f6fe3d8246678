use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use tokio::time::sleep;
use zoetrope_testing::{Answer, User};

use crate::{
    hearing::{Ending, Told},
    journal::Wrong,
    provider::Order,
    stage::Stage,
};

/// Before a request without an answer is made again.
const PAUSE: Duration = Duration::from_millis(300);

/// One user in front of the gateway, who repeats every request until it is answered.
#[derive(Debug)]
pub struct Client<'a> {
    pub stage: &'a Stage<'a>,
    pub user: User,
}

impl Client<'_> {
    /// The first answer that is neither missing nor a "come back later". `None` once everything is over, or when the answer makes no
    /// sense, which is noted.
    pub async fn insist(&self, what: &str, expected: &[u16], mut request: impl AsyncFnMut() -> Result<Answer>) -> Option<Answer> {
        loop {
            match request().await {
                Ok(answer) if expected.contains(&answer.status) => return Some(answer),
                Ok(answer) if !matches!(answer.status, 502..=504) => {
                    self.stage.journal.complain(Wrong::BadAnswer, format!("{what}: {} {}", answer.status, answer.body));
                    // A server that has heard too little may hear more the next time.
                    if answer.status < 500 && answer.status != 408 {
                        return None;
                    }
                }
                Ok(_) | Err(_) => self.stage.journal.count(|counts| counts.unanswered += 1),
            }
            tokio::select! {
                () = self.stage.over.cancelled() => return None,
                () = sleep(PAUSE) => {}
            }
        }
    }

    /// Creates a task and notes that it was accepted; returns its `videoId`. `None`: the user has given up.
    pub async fn create(&self, order: &Order, key: &str) -> Option<String> {
        let body = order.body();
        let path = "/api/video/tasks";
        let answer = self.insist("create", &[201], async || self.user.post_with_key(path, &body, key).await).await;
        let Some(video_id) = answer.and_then(|answer| answer.body["data"]["videoId"].as_str().map(str::to_owned)) else {
            self.stage.journal.count(|counts| counts.given_up += 1);
            return None;
        };
        self.stage.journal.accepted(&video_id);
        Some(video_id)
    }

    /// Creates it again, as one who did not hear the first answer.
    pub async fn create_again(&self, order: &Order, key: &str, video_id: &str) {
        if let Some(again) = self.create(order, key).await.filter(|again| again != video_id) {
            self.stage.journal.complain(Wrong::TwoTasks, format!("{key}: {video_id} and {again}"));
        }
    }

    /// Cancels a task, and notes whether that was promised.
    pub async fn cancel(&self, video_id: &str) {
        let path = format!("/api/video/tasks/{video_id}/cancel");
        let Some(answer) = self.insist("cancel", &[200, 202, 409], async || self.user.post(&path, json!({})).await).await else {
            return;
        };
        self.stage.journal.count(|counts| counts.cancels += 1);
        let finished = answer.body["data"]["status"].as_str().is_some_and(|status| status.eq_ignore_ascii_case("processing"));
        if answer.status == 409 && finished {
            // The provider has finished, and the result is on its way: no longer to be cancelled, but not at its end either.
            self.stage.journal.too_late_to_cancel(video_id);
        } else if answer.status == 409 {
            let shown = self.task(video_id).await.as_ref().and_then(Told::of);
            if let Some(shown) = shown.filter(|shown| shown.ending().is_none()) {
                self.stage.journal.complain(Wrong::BrokenCancel, format!("{video_id} was refused as ended, and shows {shown}"));
            }
        } else if Told::of(&answer.body["data"]).and_then(Told::ending) == Some(Ending::Cancelled) {
            self.stage.journal.cancelled(video_id);
        }
    }

    /// The row of a task as GET shows it.
    pub async fn task(&self, video_id: &str) -> Option<Value> {
        let path = format!("/api/video/tasks/{video_id}");
        let answer = self.insist("show", &[200], async || self.user.get(&path).await).await?;
        Some(answer.body["data"].clone())
    }
}
