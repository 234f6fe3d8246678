use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use zoetrope_postgres::DatabaseError;

use super::{delivery::Delivery, metrics};
use crate::{outage::Outage, store::mails};

/// Between two looks for due mails that nobody told of: later tries, and what a dead replica had in hand.
const SWEEP: Duration = Duration::from_secs(1);
/// For the mails in hand when the process stops. What takes longer is sent by another replica when its lease has ended.
const DRAIN: Duration = Duration::from_secs(20);

/// Claims due mails and has them delivered. Any number of replicas do so side by side.
pub(super) struct Sender {
    pub(super) delivery: Arc<Delivery>,
    /// Mails at the same time.
    pub(super) concurrency: usize,
    /// Tells of new mails.
    pub(super) wake: Arc<Notify>,
}

impl Sender {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let stopping = &self.delivery.stopping;
        let permits = Arc::new(Semaphore::new(self.concurrency));
        let mut outage = Outage::new("look for mails to send");
        while let Some(Ok(free)) = stopping.run_until_cancelled(Arc::clone(&permits).acquire_owned()).await {
            let more = match self.look(&permits, free).await {
                Ok(more) => {
                    outage.worked();
                    more
                }
                Err(error) => {
                    outage.failed(&error);
                    false
                }
            };
            // Nothing that is told would bring the mail server back.
            let pause = self.delivery.line.pause(rand::random());
            let rest = async {
                match pause {
                    Some(pause) => sleep(pause).await,
                    None if more => {}
                    None => _ = timeout(SWEEP, self.wake.notified()).await,
                }
            };
            stopping.run_until_cancelled(rest).await;
        }
        let all = u32::try_from(self.concurrency).unwrap_or(u32::MAX);
        let _ = timeout(DRAIN, permits.acquire_many(all)).await;
        Ok(())
    }

    /// Starts on due mails; true when there may be more of them.
    async fn look(&self, permits: &Arc<Semaphore>, mut free: OwnedSemaphorePermit) -> Result<bool, DatabaseError> {
        let delivery = &self.delivery;
        // While the mail server is away, one mail finds out whether it is back.
        if delivery.line.pause(0.0).is_none() {
            let rest = u32::try_from(permits.available_permits()).unwrap_or(u32::MAX);
            if let Ok(rest) = Arc::clone(permits).try_acquire_many_owned(rest) {
                free.merge(rest);
            }
        }
        let limit = free.num_permits();
        let mut connection = delivery.database.connection().await?;
        let late = mails::expire(&mut connection).await?;
        let claimed = mails::claim(&mut connection, limit, delivery.timeout * 2).await?;
        drop(connection);
        if !late.is_empty() {
            tracing::warn!(mails = late.len(), "mails came too late and were not sent");
        }
        for template in late {
            metrics::ended(template, "expired");
        }
        let more = claimed.len() == limit;
        for mail in claimed {
            let Some(permit) = free.split(1) else { break };
            let delivery = Arc::clone(delivery);
            zoetrope_service::spawn("mail", async move {
                delivery.work(mail).await;
                drop(permit);
            });
        }
        Ok(more)
    }
}
