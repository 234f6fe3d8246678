//! The bus on a real RabbitMQ.

mod broker;
mod commands;
mod consuming;
mod dead_letters;
mod giving_up;
mod outages;
mod private;
mod proxy;
mod publishing;
mod recorder;
mod station;

use std::time::Duration;

use anyhow::{Result, ensure};
use uuid::Uuid;
use zoetrope_bus::{OutgoingMessage, topology};
use zoetrope_service::Process;

/// A message that `tasks.user-events` takes.
fn message() -> OutgoingMessage {
    OutgoingMessage {
        message_id: Uuid::now_v7(),
        exchange: topology::EVENTS.to_owned(),
        routing_key: "user.registered".to_owned(),
        message_type: "zoetrope.users.v1.UserRegistered".to_owned(),
        mandatory: true,
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        payload: b"somebody".to_vec(),
    }
}

async fn stop(process: Process) -> Result<()> {
    ensure!(process.stop(Duration::from_secs(10)).await, "the process did not stop cleanly");
    Ok(())
}
