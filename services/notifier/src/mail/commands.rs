use std::sync::Arc;

use prost::{Message as _, Name};
use tokio::sync::Notify;
use url::Url;
use zoetrope_bus::{HandleError, Handler, IncomingMessage};
use zoetrope_contracts::{
    datetime,
    mail::v1::{SendMail, send_mail},
};
use zoetrope_domain::Language;
use zoetrope_postgres::{Database, DatabaseError};

use super::{Content, Mail, MailId, enqueue, id::InvalidMailId};

/// Takes commands from the bus into the table.
pub(super) struct Commands {
    pub(super) database: Database,
    /// Wakes the sender.
    pub(super) wake: Arc<Notify>,
}

impl Handler for Commands {
    async fn handle(&self, message: IncomingMessage) -> Result<(), HandleError> {
        if message.message_type != SendMail::full_name() {
            return Err(HandleError::poison(format!("not a {}", SendMail::full_name())));
        }
        let command = SendMail::decode(message.payload.as_slice()).map_err(HandleError::poison)?;
        let mail = Mail::try_from(command).map_err(HandleError::poison)?;
        if self.keep(&mail).await.map_err(handle_error)? {
            self.wake.notify_one();
        }
        Ok(())
    }
}

impl Commands {
    async fn keep(&self, mail: &Mail) -> Result<bool, DatabaseError> {
        enqueue(&mut *self.database.connection().await?, mail).await
    }
}

fn handle_error(error: DatabaseError) -> HandleError {
    if error.is_unavailable() { HandleError::unavailable(error) } else { HandleError::failed(error) }
}

/// A command that asks for nothing that could be sent. It quotes nothing of it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCommand {
    #[error("SendMail without a valid mail_id")]
    Id(#[source] InvalidMailId),
    #[error("SendMail without a valid {0}")]
    Field(&'static str),
}

impl TryFrom<SendMail> for Mail {
    type Error = InvalidCommand;

    /// An address that nobody could write to is no reason to refuse the command, which would stay in the dead letters with the address and
    /// all: the mail fails, and is erased.
    fn try_from(command: SendMail) -> Result<Self, InvalidCommand> {
        let invalid = InvalidCommand::Field;
        let user_id = Some(command.user_id).filter(|id| !id.is_empty()).map(|id| id.parse()).transpose();
        let expires_at = match &command.expires_at {
            Some(moment) => Some(datetime(Some(moment)).ok_or(invalid("expires_at"))?),
            None => None,
        };
        Ok(Self {
            id: MailId::parse(&command.mail_id).map_err(InvalidCommand::Id)?,
            user_id: user_id.map_err(|_| invalid("user_id"))?,
            recipient: present(command.recipient).ok_or(invalid("recipient"))?,
            language: Language::from_tag(&command.language).unwrap_or_default(),
            expires_at,
            content: content(command.content.ok_or(invalid("content"))?)?,
        })
    }
}

fn content(content: send_mail::Content) -> Result<Content, InvalidCommand> {
    use send_mail::Content as Wire;

    let invalid = InvalidCommand::Field;
    Ok(match content {
        Wire::SignInCode(it) => {
            Content::SignInCode { code: present(it.code).ok_or(invalid("code"))?, valid_minutes: it.valid_minutes }
        }
        Wire::PasswordReset(it) => Content::PasswordReset {
            link: Some(it.link).filter(|link| is_web_address(link)).ok_or(invalid("link"))?,
            valid_minutes: it.valid_minutes,
        },
        Wire::PasswordChanged(_) => Content::PasswordChanged,
        Wire::Receipt(it) => Content::Receipt {
            order_number: present(it.order_number).ok_or(invalid("order_number"))?,
            credits: it.credits,
            amount: it.amount,
            currency: present(it.currency).ok_or(invalid("currency"))?,
            paid_at: datetime(it.paid_at.as_ref()).ok_or(invalid("paid_at"))?,
        },
        Wire::ExpiryReminder(it) => Content::ExpiryReminder {
            plan: present(it.plan).ok_or(invalid("plan"))?,
            expires_at: datetime(it.expires_at.as_ref()).ok_or(invalid("content.expires_at"))?,
        },
        Wire::AddressConfirmation(it) => Content::AddressConfirmation {
            link: Some(it.link).filter(|link| is_web_address(link)).ok_or(invalid("link"))?,
            valid_hours: it.valid_hours,
        },
        Wire::AddressChangeAsked(_) => Content::AddressChangeAsked,
        Wire::AddressChanged(_) => Content::AddressChanged,
    })
}

/// PostgreSQL's JSON has no place for the character NUL.
fn present(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty() && !text.contains('\0'))
}

fn is_web_address(link: &str) -> bool {
    !link.contains('\0') && Url::parse(link).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use zoetrope_contracts::{mail::v1 as wire, timestamp};

    use super::*;

    fn command(content: send_mail::Content) -> SendMail {
        SendMail {
            mail_id: "code.1".to_owned(),
            recipient: "ann@example.org".to_owned(),
            language: "zh-CN".to_owned(),
            user_id: crate::fixtures::user_id(1).to_string(),
            expires_at: Some(timestamp(crate::fixtures::CREATED)),
            content: Some(content),
        }
    }

    fn code() -> send_mail::Content {
        send_mail::Content::SignInCode(wire::SignInCode { code: "4711".to_owned(), valid_minutes: 10 })
    }

    #[test]
    fn a_command_is_read_as_what_it_says() {
        let mail = Mail::try_from(command(code())).unwrap();
        assert_eq!((mail.id.as_str(), mail.recipient.as_str()), ("code.1", "ann@example.org"));
        assert_eq!((mail.user_id, mail.language), (Some(crate::fixtures::user_id(1)), Language::Chinese));
        assert_eq!(mail.expires_at, Some(crate::fixtures::CREATED));
        assert!(mail.content == Content::SignInCode { code: "4711".to_owned(), valid_minutes: 10 });
    }

    #[test]
    fn what_may_be_absent_may_be_absent() {
        let bare = SendMail { language: "tlh".to_owned(), user_id: String::new(), expires_at: None, ..command(code()) };
        let mail = Mail::try_from(bare).unwrap();
        assert_eq!((mail.user_id, mail.language, mail.expires_at), (None, Language::English, None));
    }

    #[test]
    fn a_command_with_holes_is_refused_by_name() {
        let refused = |command: SendMail| Mail::try_from(command).unwrap_err().to_string();
        let receipt = |change: fn(&mut wire::Receipt)| {
            let mut receipt = wire::Receipt {
                order_number: "1".to_owned(),
                currency: "USD".to_owned(),
                paid_at: Some(timestamp(DateTime::UNIX_EPOCH)),
                ..Default::default()
            };
            change(&mut receipt);
            command(send_mail::Content::Receipt(receipt))
        };
        let reset = |link: &str| {
            command(send_mail::Content::PasswordReset(wire::PasswordReset { link: link.to_owned(), valid_minutes: 1 }))
        };
        let cases = [
            ("mail_id", SendMail { mail_id: "a b".to_owned(), ..command(code()) }),
            ("recipient", SendMail { recipient: String::new(), ..command(code()) }),
            ("user_id", SendMail { user_id: "7".to_owned(), ..command(code()) }),
            ("content", SendMail { content: None, ..command(code()) }),
            ("code", command(send_mail::Content::SignInCode(wire::SignInCode::default()))),
            ("link", reset("")),
            ("link", reset("javascript:alert(1)")),
            ("order_number", receipt(|receipt| receipt.order_number = "\0".to_owned())),
            ("currency", receipt(|receipt| receipt.currency.clear())),
            ("paid_at", receipt(|receipt| receipt.paid_at = None)),
            ("link", command(send_mail::Content::AddressConfirmation(wire::AddressConfirmation::default()))),
            ("plan", command(send_mail::Content::ExpiryReminder(wire::ExpiryReminder::default()))),
        ];
        for (field, command) in cases {
            assert_eq!(refused(command), format!("SendMail without a valid {field}"));
        }
        assert!(Mail::try_from(receipt(|_| ())).is_ok());
        assert!(Mail::try_from(reset("https://video.example.org/reset?token=x")).is_ok());
    }
}
