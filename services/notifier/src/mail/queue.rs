use std::fmt;

use chrono::{DateTime, Utc};
use zoetrope_domain::{Language, UserId};
use zoetrope_postgres::{Connection, DatabaseError};

use super::{Content, MailId};
use crate::store::mails;

/// A mail to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Of two mails with the same id, only the first is sent.
    pub id: MailId,
    /// Whom it is about, if anybody.
    pub user_id: Option<UserId>,
    /// The address.
    pub recipient: String,
    pub language: Language,
    /// It is not sent after this moment.
    pub expires_at: Option<DateTime<Utc>>,
    pub content: Content,
}

/// How a user is reached.
#[derive(Clone, PartialEq, Eq)]
pub struct Contact {
    pub user_id: UserId,
    pub email: String,
    pub language: Language,
    pub wants_ready_mail: bool,
}

/// Asks for a mail, within the transaction of `connection`. False if one of this id was asked for before.
pub async fn enqueue(connection: &mut Connection, mail: &Mail) -> Result<bool, DatabaseError> {
    let added = mails::insert(connection, mail).await?;
    if added {
        tracing::debug!(mail_id = %mail.id, template = mail.content.template(), "a mail is to be sent");
    }
    Ok(added)
}

impl Contact {
    /// A mail to this user.
    pub fn mail(self, id: MailId, content: Content) -> Mail {
        let Self { user_id, email, language, .. } = self;
        Mail { id, user_id: Some(user_id), recipient: email, language, expires_at: None, content }
    }
}

/// Without the address.
impl fmt::Debug for Mail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Mail")
            .field("id", &self.id)
            .field("user_id", &self.user_id)
            .field("content", &self.content)
            .finish_non_exhaustive()
    }
}

/// Without the address.
impl fmt::Debug for Contact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Contact").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}
