use anyhow::{Context, Result};
use reqwest::Client;
use serde_json::{Value, json};

/// What opens the simulated provider.
pub const KEY: &str = "sk-bench";

/// A client of the simulated provider.
#[derive(Debug, Clone)]
pub struct Simulator {
    http: Client,
    url: String,
}

impl Simulator {
    pub fn new(url: String) -> Self {
        Self { http: Client::new(), url }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Submits a video and returns its id.
    pub async fn submit(&self, prompt: &str, idempotency_key: &str) -> Result<String> {
        let body = json!({ "model": "sora-2", "prompt": prompt, "seconds": "4", "size": "720x1280" });
        let request =
            self.http.post(format!("{}/v1/videos", self.url)).bearer_auth(KEY).header("Idempotency-Key", idempotency_key);
        let video: Value = request.json(&body).send().await?.error_for_status()?.json().await?;
        Ok(video["id"].as_str().context("the video has no id")?.to_owned())
    }

    /// Has the one clip made that all cheap videos share, so that it does not fall into what is measured.
    pub async fn make_clip(&self) -> Result<()> {
        let id = self.submit("a clip [sim:duration=0]", "clip").await?;
        for variant in ["video", "thumbnail"] {
            let url = format!("{}/v1/videos/{id}/content?variant={variant}", self.url);
            self.http.get(url).bearer_auth(KEY).send().await?.error_for_status()?.bytes().await?;
        }
        Ok(())
    }

    /// Polls that it has answered so far.
    pub async fn polls(&self) -> Result<u64> {
        let totals: Value =
            self.http.get(format!("{}/simulation/totals", self.url)).send().await?.error_for_status()?.json().await?;
        totals["polls"].as_u64().context("no total of polls")
    }

    /// Has every call answered this much later.
    pub async fn slow_down(&self, seconds: f64) -> Result<()> {
        let change = json!({ "directives": format!("[sim:slow={seconds}]") });
        self.http.put(format!("{}/simulation", self.url)).json(&change).send().await?.error_for_status()?;
        Ok(())
    }
}
