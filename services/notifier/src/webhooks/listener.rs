use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use prost::{Message as _, Name};
use tokio::sync::Notify;
use zoetrope_bus::{HandleError, Handler, IncomingMessage};
use zoetrope_contracts::tasks::v1::TaskUpdated;
use zoetrope_postgres::{Database, DatabaseError};
use zoetrope_service::trace::current_traceparent;

use super::{EventType, Secret};
use crate::{
    store::{
        owners,
        webhooks::{
            events::{self, TaskEvent},
            secrets,
        },
    },
    task::TaskSnapshot,
};

/// Hears of tasks, and writes down who is to be told.
pub struct Listener {
    pub database: Database,
    /// How long deliveries are remembered. What is older would be told twice.
    pub kept: TimeDelta,
    /// Wakes the dispatcher.
    pub work: Arc<Notify>,
}

impl Handler for Listener {
    async fn handle(&self, message: IncomingMessage) -> Result<(), HandleError> {
        if message.message_type != TaskUpdated::full_name() {
            return Err(HandleError::poison(format!("not a {}", TaskUpdated::full_name())));
        }
        let update = TaskUpdated::decode(message.payload.as_slice()).map_err(HandleError::poison)?;
        let callback = Some(update.callback_url.clone()).filter(|url| !url.is_empty());
        let task = TaskSnapshot::try_from(update).map_err(HandleError::poison)?;
        if task.updated_at < Utc::now() - self.kept {
            return Ok(());
        }
        let traceparent = current_traceparent().or(message.traceparent);
        let event = TaskEvent { event: EventType::of(&task), task: &task, payload: &message.payload, traceparent };
        let written = self
            .write_down(&event, callback.as_deref())
            .await
            .map_err(|error| if error.is_unavailable() { HandleError::unavailable(error) } else { HandleError::failed(error) })?;
        if written {
            self.work.notify_one();
        }
        Ok(())
    }
}

impl Listener {
    /// Each statement is complete in itself, and harmless when it is repeated. Most users have nobody to be told: they cost one look.
    async fn write_down(&self, event: &TaskEvent<'_>, callback: Option<&str>) -> Result<bool, DatabaseError> {
        // The first sign of a new owner, perhaps: whom those before have named must not hear of the task.
        if !event.task.owner_generation.is_first() {
            let enter = async |connection: &mut _| owners::enter(connection, event.task.owner()).await;
            self.database.transaction("enter_owner", enter).await?;
        }
        let mut connection = self.database.connection().await?;
        let told = events::tell_endpoints(&mut connection, event).await?;
        if told && event.task.version > 1 {
            events::supersede(&mut connection, event).await?;
        }
        let Some(url) = callback.filter(|_| event.task.has_ended()) else { return Ok(told) };
        drop(connection);
        let tell = async |connection: &mut _| {
            // A task of an owner before calls nowhere any more.
            let Some(present) = owners::enter(connection, event.task.owner()).await? else { return Ok(false) };
            // First, since the message cannot leave without it.
            secrets::ensure(connection, &present, &Secret::generate()).await?;
            events::tell_callback(connection, event, url).await
        };
        let called = self.database.transaction("tell_callback", tell).await?;
        Ok(told || called)
    }
}
