use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::Options;
use crate::samples::Samples;

/// About as long as prompts are that people write.
pub const PROMPT: &str = "A paper boat on a mountain lake at dawn: mist over still water, the first light on the snow of the peaks behind, \
    slow dolly shot from the shore, soft colours, no people, shallow depth of field, 35 mm.";

/// What was accepted in the time that was counted.
#[derive(Debug, Clone)]
pub struct Accepted {
    pub seconds: f64,
    /// Seconds from request to answer.
    pub latencies: Samples,
}

/// Has each client create one task after the other on a connection that is kept, for the users of its tokens in turn.
pub async fn create(base_url: &str, tokens: &[Vec<String>], options: &Options) -> Result<Accepted> {
    let http = Client::builder().pool_max_idle_per_host(tokens.len()).build()?;
    let url = format!("{base_url}/api/video/tasks");
    let body: Arc<str> = json!({ "prompt": PROMPT, "model": "sora-2" }).to_string().into();
    let from = Instant::now() + Duration::from_secs_f64(options.warm_up);
    let until = from + Duration::from_secs_f64(options.seconds);
    let mut clients = JoinSet::new();
    for tokens in tokens {
        let client = OneClient { http: http.clone(), url: url.clone(), body: Arc::clone(&body), tokens: tokens.clone() };
        clients.spawn(async move { client.run(from, until).await });
    }
    let mut latencies = Vec::new();
    while let Some(client) = clients.join_next().await {
        latencies.extend(client??);
    }
    Ok(Accepted { seconds: options.seconds, latencies: Samples::new(latencies) })
}

struct OneClient {
    http: Client,
    url: String,
    body: Arc<str>,
    tokens: Vec<String>,
}

impl OneClient {
    /// The latencies of the creates that were answered within the time.
    async fn run(&self, from: Instant, until: Instant) -> Result<Vec<f64>> {
        let mut latencies = Vec::new();
        for token in self.tokens.iter().cycle() {
            let started = Instant::now();
            self.create(token).await?;
            let ended = Instant::now();
            if ended >= until {
                break;
            }
            if ended >= from {
                latencies.push((ended - started).as_secs_f64());
            }
        }
        Ok(latencies)
    }

    async fn create(&self, token: &str) -> Result<()> {
        let request = self.http.post(&self.url).bearer_auth(token).header("content-type", "application/json");
        let answer = request.body(self.body.to_string()).send().await?;
        let (status, body) = (answer.status(), answer.bytes().await?);
        ensure!(status == StatusCode::CREATED, "a create was answered with {status}: {}", String::from_utf8_lossy(&body));
        let body: Value = serde_json::from_slice(&body)?;
        body["data"]["videoId"].as_str().context("a create without a video id")?;
        Ok(())
    }
}
