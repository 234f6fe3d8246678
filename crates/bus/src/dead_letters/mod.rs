//! What was set aside: messages that no consumer could handle, each with the reason.
//!
//! A consumer publishes such a message to the dead-letter queue by itself, with its reason in headers, and acknowledges the original only when the
//! broker has confirmed the copy. So it is never lost; if the connection breaks in between, the same message (by its id) is there twice. What the
//! broker moves by itself, because a consumer died too often over it, is there without an error.
//!
//! [`DeadLetters`] is for operators: it looks at dead letters, puts them back into the queue that gave them up, or drops them; [`DeadLettersCommand`]
//! is its command line. Bodies and prompts are never part of a reason.
//!
//! Limits: RabbitMQ cannot be asked for one message, so whatever looks for one takes all out in turn, one body at a time, and gives back what stays.
//! That takes a few milliseconds a message; meanwhile other commands do not see it, and afterwards the broker's order may be another. A list
//! looks at [`DeadLetters::MAX_LISTED`] messages of a queue at most.

mod command;
mod hex;
mod letter;
mod properties;
mod table;
mod walk;

use std::collections::{BTreeSet, HashSet};

use lapin::{message::Delivery, options::ConfirmSelectOptions};

use self::walk::{Fate, walk};
pub use self::{
    command::{CommandError, DeadLettersCommand},
    letter::DeadLetter,
};
pub(crate) use self::{
    properties::{Death, dead},
    walk::count,
};
use crate::{
    BoxError, BusSettings,
    confirmed::{Receipt, publish_confirmed},
    error::LinkError,
    link::{Link, within},
};

/// The dead letters of all queues, over a connection of its own. [Close](Self::close) it in the end.
///
/// The methods take the name of the queue that gave the messages up. They must not be used at the same time. When one of their futures is dropped,
/// what it holds goes back with the end of the connection.
pub struct DeadLetters {
    link: Link,
}

/// Why dead letters were not dealt with. What had been dealt with before stays so; the rest stays where it is.
#[derive(Debug, thiserror::Error)]
pub enum DeadLettersError {
    /// RabbitMQ cannot be reached, or stopped answering.
    #[error("RabbitMQ is away")]
    Broker(#[source] BoxError),
    /// A queue is missing or full.
    #[error("the queue {0} takes no messages")]
    Refused(String),
}

impl From<LinkError> for DeadLettersError {
    fn from(error: LinkError) -> Self {
        Self::Broker(error.into())
    }
}

/// Which dead letters are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All that are there at the start.
    All,
    /// Those with these message ids.
    Ids(BTreeSet<String>),
}

impl Selection {
    fn includes(&self, letter: &Delivery) -> bool {
        match self {
            Self::All => true,
            Self::Ids(ids) => id(letter).is_some_and(|id| ids.contains(id)),
        }
    }
}

/// Some dead letters of a queue, the longest dead first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    pub letters: Vec<DeadLetter>,
    /// How many the queue has.
    pub total: u64,
}

/// What was dealt with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// Dead letters that are gone.
    pub count: u64,
    /// The ids that they had.
    pub ids: HashSet<String>,
}

impl DeadLetters {
    /// Most dead letters of a queue that a list looks at.
    pub const MAX_LISTED: u64 = 10_000;

    /// Connects, and declares the topology. `service` is who the broker sees.
    ///
    /// # Errors
    ///
    /// When there is no connection within about 5 s.
    pub async fn open(settings: &BusSettings, service: &str) -> Result<Self, DeadLettersError> {
        let link = Link::open(settings, &format!("zoetrope-{service} dead-letters")).await?;
        within("ask for confirms", link.channel.confirm_select(ConfirmSelectOptions::default())).await?;
        Ok(Self { link })
    }

    /// The `limit` that are dead the longest. Of more than [`Self::MAX_LISTED`], it looks only at so many, which may not be the oldest.
    ///
    /// # Errors
    ///
    /// When the broker is away.
    pub async fn list(&self, queue: &str, limit: usize) -> Result<Listing, DeadLettersError> {
        let mut letters = Vec::new();
        let total = walk(&self.link.channel, queue, Self::MAX_LISTED, async |delivery| {
            letters.push(DeadLetter::read(queue, delivery));
            Ok(Fate::Stays)
        })
        .await?;
        // Ids of the platform grow with time.
        letters.sort_by(|a, b| (a.died_at, &a.message_id).cmp(&(b.died_at, &b.message_id)));
        letters.truncate(limit);
        Ok(Listing { letters, total })
    }

    /// The dead letter with this message id, and its body.
    ///
    /// # Errors
    ///
    /// When the broker is away.
    pub async fn find(&self, queue: &str, message_id: &str) -> Result<Option<(DeadLetter, Vec<u8>)>, DeadLettersError> {
        let mut found = None;
        walk(&self.link.channel, queue, u64::MAX, async |delivery| {
            if id(delivery) != Some(message_id) {
                return Ok(Fate::Stays);
            }
            found = Some((DeadLetter::read(queue, delivery), delivery.data.clone()));
            Ok(Fate::StaysAsTheLast)
        })
        .await?;
        Ok(found)
    }

    /// Puts messages back into the queue that gave them up, and no other one, as they were before. A message that is there twice is put back once.
    ///
    /// # Errors
    ///
    /// When the broker is away, or the queue takes no messages.
    pub async fn replay(&self, queue: &str, selection: &Selection) -> Result<Settled, DeadLettersError> {
        let channel = &self.link.channel;
        let mut settled = Settled::default();
        walk(channel, queue, u64::MAX, async |delivery| {
            if !selection.includes(delivery) {
                return Ok(Fate::Stays);
            }
            if id(delivery).is_none_or(|id| !settled.ids.contains(id)) {
                // Through the default exchange, which leads to this queue alone: others that heard the message must not hear it again.
                match publish_confirmed(channel, "", queue, properties::alive(&delivery.properties), &delivery.data).await? {
                    Receipt::Taken => {}
                    Receipt::Refused | Receipt::Unroutable => return Err(DeadLettersError::Refused(queue.to_owned())),
                }
            }
            settled.add(delivery);
            Ok(Fate::Goes)
        })
        .await?;
        Ok(settled)
    }

    /// Deletes messages for good.
    ///
    /// # Errors
    ///
    /// When the broker is away.
    pub async fn discard(&self, queue: &str, selection: &Selection) -> Result<Settled, DeadLettersError> {
        let mut settled = Settled::default();
        walk(&self.link.channel, queue, u64::MAX, async |delivery| {
            if !selection.includes(delivery) {
                return Ok(Fate::Stays);
            }
            settled.add(delivery);
            Ok(Fate::Goes)
        })
        .await?;
        Ok(settled)
    }

    /// How many a queue has, apart from those that somebody is looking at, or was a moment ago.
    ///
    /// # Errors
    ///
    /// When the broker is away.
    pub async fn count(&self, queue: &str) -> Result<u64, DeadLettersError> {
        Ok(count(&self.link.channel, queue).await?)
    }

    /// Says good-bye to the broker.
    pub async fn close(self) {
        self.link.close().await;
    }
}

impl Settled {
    fn add(&mut self, letter: &Delivery) {
        self.count += 1;
        self.ids.extend(id(letter).map(str::to_owned));
    }
}

impl std::fmt::Debug for DeadLetters {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DeadLetters").finish_non_exhaustive()
    }
}

fn id(letter: &Delivery) -> Option<&str> {
    letter.properties.message_id().as_ref().map(|id| id.as_str())
}
