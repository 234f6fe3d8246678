use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use zoetrope_domain::backoff;
use zoetrope_postgres::{Database, DatabaseError};
use zoetrope_service::trace::continue_from;

use super::{
    courier::{Courier, Undelivered},
    line::Line,
    message::Writer,
    metrics,
    retry::{Next, RetryPolicy},
};
use crate::store::mails::{self, Claimed};

/// Pauses while what became of a mail cannot be written down.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How a mail ends that is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was refused for good, or for too long.
    Failed,
    /// It came too late.
    Expired,
}

impl Ended {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
}

/// What became of one try, to be written down.
enum Fate {
    Sent,
    Ended(Ended, String),
    Deferred(Duration, String),
    /// As if it had never been claimed.
    Released,
}

/// Delivers claimed mails, one at a time, and writes down what became of each.
pub(super) struct Delivery {
    pub(super) database: Database,
    pub(super) courier: Courier,
    pub(super) writer: Writer,
    pub(super) policy: RetryPolicy,
    pub(super) line: Line,
    /// For one try.
    pub(super) timeout: Duration,
    pub(super) stopping: CancellationToken,
}

impl Delivery {
    pub(super) async fn work(self: Arc<Self>, mail: Claimed) {
        let span = tracing::info_span!("mail", mail_id = %mail.id, template = mail.template, user_id = tracing::field::Empty);
        if let Some(user) = mail.user_id {
            span.record("user_id", tracing::field::display(user));
        }
        continue_from(&span, mail.traceparent.as_deref());
        async {
            let fate = self.try_once(&mail).await;
            self.write_down(&mail, &fate).await;
        }
        .instrument(span)
        .await;
    }

    async fn try_once(&self, mail: &Claimed) -> Fate {
        let message = match self.writer.write(mail) {
            Ok(message) => message,
            Err(unwritable) => return self.given_up(mail, Ended::Failed, unwritable.to_string()),
        };
        let started = Instant::now();
        let delivered = self.courier.deliver(mail, &message, self.timeout).await;
        let (outcome, fate) = match delivered {
            Ok(()) => {
                self.line.worked();
                tracing::info!(tries = mail.attempts + 1, "a mail was sent");
                metrics::ended(mail.template.clone(), "sent");
                ("sent", Fate::Sent)
            }
            Err(Undelivered::Refused(reason)) => {
                self.line.worked();
                ("refused", self.given_up(mail, Ended::Failed, reason))
            }
            Err(Undelivered::Deferred(reason)) => {
                self.line.worked();
                ("deferred", self.put_off(mail, started.elapsed(), reason))
            }
            Err(Undelivered::Unreachable(error)) => {
                self.line.failed(&*error as &(dyn Error + 'static));
                metrics::ended(mail.template.clone(), "unreachable");
                ("unreachable", Fate::Released)
            }
        };
        metrics::tried(outcome, started.elapsed());
        fate
    }

    fn put_off(&self, mail: &Claimed, took: Duration, reason: String) -> Fate {
        let left = mail.left.map(|left| left.saturating_sub(took));
        match self.policy.after(mail.attempts + 1, mail.age + took, left, rand::random()) {
            Next::Try(wait) => {
                tracing::info!(
                    tries = mail.attempts + 1,
                    answer = reason,
                    retry_seconds = wait.as_secs_f64(),
                    "a mail was not taken yet"
                );
                metrics::ended(mail.template.clone(), "deferred");
                Fate::Deferred(wait, reason)
            }
            Next::GiveUp => self.given_up(mail, Ended::Failed, reason),
            Next::Expire => self.given_up(mail, Ended::Expired, reason),
        }
    }

    fn given_up(&self, mail: &Claimed, ended: Ended, reason: String) -> Fate {
        tracing::warn!(tries = mail.attempts + 1, answer = reason, outcome = ended.as_str(), "a mail is given up");
        metrics::ended(mail.template.clone(), ended.as_str());
        Fate::Ended(ended, reason)
    }

    /// Until it works: a mail that was sent and not written down would be sent again.
    async fn write_down(&self, mail: &Claimed, fate: &Fate) {
        let mut failures = 0;
        while let Err(error) = self.try_write_down(mail, fate).await {
            if failures == 0 {
                tracing::warn!(error = &error as &dyn Error, "what became of a mail cannot be written down for now");
            }
            let pause = backoff::exponential(failures, FIRST_PAUSE, LONGEST_PAUSE, rand::random());
            if self.stopping.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
            failures = failures.saturating_add(1);
        }
    }

    async fn try_write_down(&self, mail: &Claimed, fate: &Fate) -> Result<(), DatabaseError> {
        let mut connection = self.database.connection().await?;
        let ours = match fate {
            Fate::Sent => {
                mails::sent(&mut connection, &mail.id).await?;
                true
            }
            Fate::Ended(ended, reason) => mails::end(&mut connection, &mail.id, mail.token, *ended, reason).await?,
            Fate::Deferred(wait, reason) => mails::defer(&mut connection, &mail.id, mail.token, *wait, reason).await?,
            Fate::Released => {
                mails::release(&mut connection, &mail.id, mail.token).await?;
                true
            }
        };
        if !ours {
            tracing::info!("the lease of a mail was lost: another replica has it now");
        }
        Ok(())
    }
}
