use std::{sync::Arc, time::Duration};

use prost::{Message, Name};
use zoetrope_bus::{HandleError, Handler, IncomingMessage};
use zoetrope_contracts::jobs::v1::{CancelJob, SubmitJob};
use zoetrope_domain::TaskId;
use zoetrope_outbox::Relay;
use zoetrope_postgres::Database;
use zoetrope_service::trace;

use crate::{
    error::StoreError,
    job::{CancelOrder, Work},
    order::Order,
    scheduler::Alarms,
    store::{self, Admission},
};

/// Takes task-api's commands from the bus. The task's id is the key of all of them, so a repeated delivery has no effect.
pub(crate) struct Commands {
    pub(crate) database: Database,
    pub(crate) relay: Relay,
    pub(crate) alarms: Arc<Alarms>,
    /// How long jobs are remembered.
    pub(crate) keep_days: u16,
    /// Length of a lease.
    pub(crate) lease: Duration,
}

/// A message that will never make sense.
#[derive(Debug, thiserror::Error)]
enum Senseless {
    #[error("the message type {0:?} is not known here")]
    Type(String),
    #[error("the message cannot be decoded")]
    Encoding(#[from] prost::DecodeError),
    #[error("the message has no valid task id")]
    TaskId(#[from] zoetrope_domain::InvalidId),
}

impl Handler for Commands {
    async fn handle(&self, message: IncomingMessage) -> Result<(), HandleError> {
        if message.message_type == SubmitJob::full_name() {
            let command = decode::<SubmitJob>(&message)?;
            self.submit(task_id(&command.task_id)?, command).await.map_err(store_error)
        } else if message.message_type == CancelJob::full_name() {
            let command = decode::<CancelJob>(&message)?;
            let order = if command.confirm { CancelOrder::Confirm } else { CancelOrder::TaskEnded };
            self.cancel(task_id(&command.task_id)?, order).await.map_err(store_error)
        } else {
            Err(poison(Senseless::Type(message.message_type)))
        }
    }
}

impl Commands {
    async fn submit(&self, task_id: TaskId, command: SubmitJob) -> Result<(), StoreError> {
        let order = Order::new(task_id, command);
        let provider = order.provider.clone();
        let (traceparent, keep_days) = (trace::current_traceparent(), self.keep_days);
        let admission = self
            .database
            .transaction("admit_job", async move |conn| store::admit(conn, order.clone(), traceparent.clone(), keep_days).await)
            .await?;
        match admission {
            Admission::New => {
                tracing::info!(%task_id, provider, "job taken on");
                self.alarms.ring(&provider, Work::Submit, Duration::ZERO);
            }
            Admission::Known => tracing::debug!(%task_id, "job is known already"),
            Admission::TooOld => {
                tracing::warn!(%task_id, keep_days, "an order older than what is remembered was not submitted");
                self.relay.wake();
            }
        }
        Ok(())
    }

    async fn cancel(&self, task_id: TaskId, order: CancelOrder) -> Result<(), StoreError> {
        let lease = self.lease;
        let done = self.database.transaction("cancel_job", async |conn| store::cancel(conn, task_id, order, lease).await).await?;
        let Some((provider, step)) = done else {
            tracing::debug!(%task_id, ?order, "nothing to cancel");
            return Ok(());
        };
        tracing::info!(%task_id, ?order, state = step.job.state.as_str(), "job cancelled");
        if step.event.is_some() {
            metrics::counter!("zoetrope_poller_jobs_ended_total", "outcome" => "CANCELLED").increment(1);
            self.relay.wake();
        }
        if let (Some(work), Some(due)) = (step.job.state.work(), step.due) {
            self.alarms.ring(&provider, work, due);
        }
        Ok(())
    }
}

fn decode<M: Message + Default>(message: &IncomingMessage) -> Result<M, HandleError> {
    M::decode(message.payload.as_slice()).map_err(|error| poison(error.into()))
}

fn task_id(text: &str) -> Result<TaskId, HandleError> {
    text.parse().map_err(|error: zoetrope_domain::InvalidId| poison(error.into()))
}

fn poison(error: Senseless) -> HandleError {
    HandleError::Poison(error.into())
}

fn store_error(error: StoreError) -> HandleError {
    if error.is_unavailable() { HandleError::Unavailable(error.into()) } else { HandleError::Failed(error.into()) }
}
