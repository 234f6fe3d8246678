use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use serde_json::json;
use uuid::Uuid;
use zoetrope_contracts::{
    Message,
    tasks::v1::{TaskResult, TaskStatus, TaskStep, TaskUpdated},
    timestamp,
};
use zoetrope_testing::Platform;

use super::news::{Clock, Moment};

const PASSWORD: &str = "correct horse battery staple";
/// As the outbox publishes: it survives a restart of the broker.
const PERSISTENT: u8 = 2;
const VIDEO_BYTES: u64 = 1_234_567;

/// Somebody who follows tasks.
#[derive(Debug, Clone)]
pub struct Owner {
    pub id: String,
    pub token: String,
    /// Place of the last change in the feed of changes.
    position: Arc<AtomicU64>,
}

impl Owner {
    /// Registers, as everybody does.
    pub async fn register(platform: &Platform) -> Result<Self> {
        let name = Uuid::new_v4().simple().to_string();
        let form = json!({ "username": format!("user-{}", &name[..12]), "password": PASSWORD });
        let answer = platform.nobody().post("/api/auth/register", form).await?.ok()?;
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let id = text(&answer["data"]["user"]["id"]).context("register told no id")?;
        let token = text(&answer["data"]["token"]).context("register gave no token")?;
        Ok(Self { id, token, position: Arc::default() })
    }
}

/// A task that nobody works on; its changes are made up here.
#[derive(Debug, Clone)]
pub struct Task {
    pub id: Uuid,
    pub owner: Owner,
    version: u64,
    created_at: DateTime<Utc>,
}

impl Task {
    pub fn new(owner: &Owner) -> Self {
        Self { id: Uuid::now_v7(), owner: owner.clone(), version: 0, created_at: Utc::now() }
    }

    pub fn video_id(&self) -> String {
        format!("video_{}", self.id)
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    /// The next change of a running task.
    fn progress(&mut self, external_id: String) -> TaskUpdated {
        self.version += 1;
        let now = timestamp(Utc::now());
        TaskUpdated {
            task_id: self.id.to_string(),
            user_id: self.owner.id.clone(),
            version: self.version,
            status: TaskStatus::Processing.into(),
            progress: u32::try_from(self.version.min(99)).unwrap_or(99),
            step: TaskStep::Generating.into(),
            kind: "text_to_video".to_owned(),
            model: "sora-2".to_owned(),
            external_id,
            seconds: 8,
            size: "1280x720".to_owned(),
            created_at: Some(timestamp(self.created_at)),
            started_at: Some(timestamp(self.created_at)),
            updated_at: Some(now),
            feed_position: self.owner.position.fetch_add(1, Ordering::Relaxed) + 1,
            ..TaskUpdated::default()
        }
    }

    /// The change that ends it.
    fn completion(&mut self, external_id: String) -> TaskUpdated {
        let last = self.progress(external_id);
        TaskUpdated {
            status: TaskStatus::Completed.into(),
            progress: 100,
            step: TaskStep::Stored.into(),
            result: Some(TaskResult { video_size: VIDEO_BYTES, has_thumbnail: true }),
            completed_at: last.updated_at,
            ..last
        }
    }
}

/// Publishes changes of tasks as task-api's outbox does: the same exchange, routing key and properties, persistent and confirmed.
pub struct Bus {
    /// Lives as long as its channel is used.
    _connection: Connection,
    channel: Channel,
    clock: Clock,
}

impl Bus {
    pub async fn connect(platform: &Platform, clock: Clock) -> Result<Self> {
        let connection = Connection::connect(platform.amqp_url().as_str(), ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self { _connection: connection, channel, clock })
    }

    /// Publishes a change, with the moment of it as the external id, and `padding` behind that. Returns before the broker confirms it.
    pub async fn progress(&self, task: &mut Task, padding: &str) -> Result<Moment> {
        let moment = self.clock.now();
        self.publish(&task.progress(moment.stamp() + padding)).await?;
        Ok(moment)
    }

    /// Publishes the change that ends a task.
    pub async fn complete(&self, task: &mut Task) -> Result<()> {
        self.publish(&task.completion(self.clock.now().stamp())).await
    }

    async fn publish<M: Message>(&self, message: &M) -> Result<()> {
        let properties = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_content_type("application/protobuf".into())
            .with_message_id(Uuid::now_v7().to_string().into())
            .with_type(M::full_name().into());
        let options = BasicPublishOptions { mandatory: M::MANDATORY, ..BasicPublishOptions::default() };
        let payload = message.encode_to_vec();
        // A confirm that nobody waits for is counted by the channel.
        drop(self.channel.basic_publish(M::EXCHANGE.into(), M::ROUTING_KEY.into(), options, &payload, properties).await?);
        Ok(())
    }

    /// Waits until the broker has confirmed everything.
    pub async fn confirmed(&self) -> Result<()> {
        let returned = self.channel.wait_for_confirms().await?;
        ensure!(returned.is_empty(), "no queue takes {} changes of tasks", returned.len());
        Ok(())
    }
}
