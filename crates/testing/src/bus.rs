use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Client;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;
use zoetrope_contracts::Message;

/// A stranger at the platform's bus: repeats messages, sends late ones and nonsense.
#[derive(Debug)]
pub struct Bus {
    http: Client,
    management: Url,
    virtual_host: String,
}

impl Bus {
    pub(crate) fn new(management: Url, virtual_host: String) -> Self {
        Self { http: Client::new(), management, virtual_host }
    }

    /// Publishes as a service would.
    pub async fn publish<M: Message>(&self, message: &M) -> Result<()> {
        self.publish_bytes(M::EXCHANGE, M::ROUTING_KEY, &M::full_name(), &message.encode_to_vec()).await
    }

    /// Publishes bytes that may be no message at all.
    pub async fn publish_bytes(&self, exchange: &str, routing_key: &str, kind: &str, body: &[u8]) -> Result<()> {
        let url = self.management.join(&format!("/api/exchanges/{}/{exchange}/publish", self.virtual_host))?;
        let request = json!({
            "properties": { "message_id": Uuid::now_v7(), "type": kind, "delivery_mode": 2 },
            "routing_key": routing_key,
            "payload": STANDARD.encode(body),
            "payload_encoding": "base64",
        });
        let answer: Value = self.http.post(url).json(&request).send().await?.error_for_status()?.json().await?;
        ensure!(answer["routed"] == true, "no queue takes {routing_key}");
        Ok(())
    }

    /// The shared queues and how many messages each holds, delivered ones included. The broker counts every few seconds.
    pub async fn depths(&self) -> Result<Vec<(String, u64)>> {
        let url = self.management.join(&format!("/api/queues/{}", self.virtual_host))?;
        let answer: Value = self.http.get(url).send().await?.error_for_status()?.json().await?;
        let queues = answer.as_array().context("queues")?.iter();
        let depth = |queue: &Value| Some((queue["name"].as_str()?.to_owned(), queue["messages"].as_u64().unwrap_or_default()));
        Ok(queues.filter(|queue| queue["durable"] == true).filter_map(depth).collect())
    }

    /// Takes the messages out of a queue and returns their bodies, at most 100.
    pub async fn drain(&self, queue: &str) -> Result<Vec<Vec<u8>>> {
        let url = self.management.join(&format!("/api/queues/{}/{queue}/get", self.virtual_host))?;
        let request = json!({ "count": 100, "ackmode": "ack_requeue_false", "encoding": "base64" });
        let answer: Value = self.http.post(url).json(&request).send().await?.error_for_status()?.json().await?;
        let messages = answer.as_array().context("messages")?;
        messages.iter().map(|message| Ok(STANDARD.decode(message["payload"].as_str().context("payload")?)?)).collect()
    }
}
