//! Brings messages to where they leave this service.

mod answer;
mod folder;
mod smtp;

use std::{error::Error, time::Duration};

pub(super) use folder::Folder;
pub(super) use smtp::{Security, Smtp, SmtpServer};

use super::message::Message;
use crate::store::mails::Claimed;

/// The ways out.
pub(super) enum Courier {
    Smtp(Smtp),
    Folder(Folder),
}

/// Why a message was not delivered.
#[derive(Debug)]
pub(super) enum Undelivered {
    /// It was not even offered: there is no mail server, or none that takes anything from us. The error is about that alone.
    Unreachable(Box<dyn Error + Send + Sync>),
    /// Not taken this time. The reason is codes, or words of ours.
    Deferred(String),
    /// Never taken.
    Refused(String),
}

impl Courier {
    /// Gives up after `patience`, from the connecting to the answer.
    pub(super) async fn deliver(&self, mail: &Claimed, message: &Message, patience: Duration) -> Result<(), Undelivered> {
        match self {
            Self::Smtp(smtp) => smtp.deliver(message, patience).await,
            Self::Folder(folder) => folder.deliver(mail, message).await,
        }
    }
}
