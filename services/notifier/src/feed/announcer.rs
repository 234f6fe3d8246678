use std::sync::Arc;

use zoetrope_bus::{HandleError, Handler, IncomingMessage};
use zoetrope_service::trace::current_traceparent;

use super::read;
use crate::{hub::Hub, metrics, task::Update};

/// Tells open connections.
pub struct Announcer {
    pub hub: Arc<Hub>,
}

impl Handler for Announcer {
    async fn handle(&self, message: IncomingMessage) -> Result<(), HandleError> {
        let task = read(&message)?;
        metrics::heard();
        // A push is a part of the handling of this message.
        let traceparent = current_traceparent().or(message.traceparent);
        self.hub.publish(&Arc::new(Update::new(task, traceparent)));
        Ok(())
    }
}
