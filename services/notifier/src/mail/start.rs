use std::{sync::Arc, time::Duration};

use chrono::{TimeDelta, Utc};
use tokio::{sync::Notify, time::sleep};
use zoetrope_bus::{BusSettings, ConsumeFrom, consume, topology::NOTIFIER_MAIL};
use zoetrope_postgres::{Database, DatabaseError};
use zoetrope_service::Process;

use super::{MailSettings, commands::Commands, delivery::Delivery, line::Line, metrics, sender::Sender};
use crate::store::mails;

const MEASURE_INTERVAL: Duration = Duration::from_secs(10);
const PRUNE_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Starts everything about mail. The mail server may be away, and whether it is makes no difference to readiness: requests do not need it.
pub fn start(process: &Process, database: &Database, bus: &BusSettings, settings: &MailSettings) -> anyhow::Result<()> {
    metrics::describe();
    let wake = Arc::new(Notify::new());
    let delivery = Delivery {
        database: database.clone(),
        courier: settings.courier()?,
        writer: settings.writer()?,
        policy: settings.retry_policy(),
        line: Line::new(),
        timeout: settings.timeout(),
        stopping: process.stopping(),
    };
    let sender = Sender { delivery: Arc::new(delivery), concurrency: settings.concurrency(), wake: Arc::clone(&wake) };
    process.spawn("mail-sender", sender.run());

    let commands = Commands { database: database.clone(), wake };
    consume(process, bus, ConsumeFrom::Shared(NOTIFIER_MAIL), commands);

    let kept = TimeDelta::days(settings.keep_days().into());
    database.keep_pruned(process, "mails", PRUNE_INTERVAL, move |connection| {
        Box::pin(mails::forget_ended(connection, Utc::now() - kept))
    });
    let (database, stopping) = (database.clone(), process.stopping());
    process.spawn("mail-measuring", async move {
        stopping.run_until_cancelled(keep_measuring(database)).await;
        Ok(())
    });
    Ok(())
}

async fn keep_measuring(database: Database) {
    loop {
        // A failure is of no consequence: there is a next time.
        if let Err(error) = measure(&database).await {
            tracing::debug!(%error, "the waiting mails were not counted");
        }
        sleep(MEASURE_INTERVAL).await;
    }
}

async fn measure(database: &Database) -> Result<(), DatabaseError> {
    let backlog = mails::backlog(&mut *database.connection().await?).await?;
    metrics::waiting(backlog.pending, backlog.oldest_seconds);
    Ok(())
}
