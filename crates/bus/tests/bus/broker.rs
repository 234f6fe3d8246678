//! A RabbitMQ virtual host of a test's own.

use std::{env, time::Duration};

use anyhow::{Context, Result};
use lapin::{
    Channel, Connection, ConnectionProperties,
    message::BasicGetMessage,
    options::{BasicGetOptions, BasicRejectOptions},
};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use url::Url;
use uuid::Uuid;
use zoetrope_bus::BusSettings;

use crate::proxy::Proxy;

const PATIENCE: Duration = Duration::from_secs(30);

pub struct Broker {
    http: Client,
    management: Url,
    vhost: String,
    amqp: Url,
}

impl Broker {
    /// Makes a virtual host on the test servers.
    pub async fn new() -> Result<Self> {
        let mut amqp = url_from("ZOETROPE_TEST_AMQP_URL")?;
        let vhost = format!("bus-{}", Uuid::new_v4().simple());
        amqp.set_path(&format!("/{vhost}"));
        let broker = Self { http: Client::new(), management: url_from("ZOETROPE_TEST_RABBITMQ_MANAGEMENT_URL")?, vhost, amqp };

        let everything = json!({ "configure": ".*", "write": ".*", "read": ".*" });
        send(broker.request(Method::PUT, &format!("vhosts/{}", broker.vhost))?.json(&json!({}))).await?;
        let user = broker.amqp.username();
        send(broker.request(Method::PUT, &format!("permissions/{}/{user}", broker.vhost))?.json(&everything)).await?;
        Ok(broker)
    }

    /// Settings with which a service uses it.
    pub fn settings(&self) -> Result<BusSettings> {
        Ok(BusSettings::new(self.amqp.as_str().parse()?))
    }

    /// Lowers the delivery limit of all queues.
    pub async fn limit_deliveries(&self, limit: u32) -> Result<()> {
        self.rule(".*", json!({ "delivery-limit": limit })).await
    }

    /// Sets the policy of the queues whose names match a pattern.
    pub async fn rule(&self, pattern: &str, definition: Value) -> Result<()> {
        let policy = json!({ "pattern": pattern, "apply-to": "queues", "definition": definition });
        send(self.request(Method::PUT, &format!("policies/{}/rule", self.vhost))?.json(&policy)).await
    }

    pub async fn delete_queue(&self, queue: &str) -> Result<()> {
        send(self.request(Method::DELETE, &format!("queues/{}/{queue}", self.vhost))?).await
    }

    /// A network on the way to it, and settings that lead through there.
    pub async fn behind_proxy(&self) -> Result<(Proxy, BusSettings)> {
        let proxy = Proxy::new(&self.amqp).await?;
        let mut url = self.amqp.clone();
        proxy.redirect(&mut url);
        Ok((proxy, BusSettings::new(url.as_str().parse()?)))
    }

    /// Takes a message out of a queue, waiting for it.
    pub async fn take(&self, queue: &str) -> Result<BasicGetMessage> {
        let (_connection, channel) = self.channel().await?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(message) = channel.basic_get(queue.into(), BasicGetOptions { no_ack: true }).await? {
                return Ok(message);
            }
            anyhow::ensure!(Instant::now() < deadline, "nothing came into {queue}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until there is something in a queue, and leaves it there.
    pub async fn wait_for(&self, queue: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.is_empty(queue).await? {
            anyhow::ensure!(Instant::now() < deadline, "nothing came into {queue}");
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Takes the next message of a queue and gives it back, so many times.
    pub async fn hand_back(&self, queue: &str, times: u32) -> Result<()> {
        let (_connection, channel) = self.channel().await?;
        for _ in 0..times {
            let message =
                channel.basic_get(queue.into(), BasicGetOptions { no_ack: false }).await?.context("nothing is there")?;
            message.reject(BasicRejectOptions { requeue: true }).await?;
        }
        Ok(())
    }

    /// Whether a queue holds nothing that could be delivered now.
    pub async fn is_empty(&self, queue: &str) -> Result<bool> {
        let (_connection, channel) = self.channel().await?;
        Ok(channel.basic_get(queue.into(), BasicGetOptions { no_ack: false }).await?.is_none())
    }

    async fn channel(&self) -> Result<(Connection, Channel)> {
        let connection = Connection::connect(self.amqp.as_str(), ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        Ok((connection, channel))
    }

    /// Deletes the virtual host.
    pub async fn remove(self) -> Result<()> {
        send(self.request(Method::DELETE, &format!("vhosts/{}", self.vhost))?).await?;
        Ok(())
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder> {
        Ok(self.http.request(method, self.management.join("/api/")?.join(path)?))
    }
}

async fn send(request: RequestBuilder) -> Result<()> {
    request.send().await?.error_for_status()?;
    Ok(())
}

pub fn url_from(variable: &str) -> Result<Url> {
    let url = env::var(variable).with_context(|| format!("{variable} is not set: run the tests with scripts/test"))?;
    Url::parse(&url).with_context(|| format!("{variable} is not a URL"))
}
