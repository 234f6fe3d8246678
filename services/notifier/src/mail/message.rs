use std::time::SystemTime;

use lettre::{
    Address,
    address::Envelope,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};

use zoetrope_domain::EmailAddress;

use super::{
    Content, MailId,
    letter::{Brand, Letter},
};
use crate::store::mails::Claimed;

/// So that no holiday notice answers (RFC 3834).
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");

/// A mail as it travels.
pub(super) struct Message {
    pub(super) envelope: Envelope,
    pub(super) bytes: Vec<u8>,
}

/// Why no message can be made of a mail, in words for the table: nothing of the mail is in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unwritable {
    #[error("the address is none")]
    Address,
    #[error("the stored content cannot be read")]
    Content,
    #[error("the message cannot be built")]
    Message,
}

/// Makes messages.
pub(super) struct Writer {
    pub(super) from: Mailbox,
    pub(super) reply_to: Option<Mailbox>,
    pub(super) brand: Brand,
}

impl Writer {
    /// The same mail has the same `Message-ID` and `Date` however often it is written.
    pub(super) fn write(&self, mail: &Claimed) -> Result<Message, Unwritable> {
        let content: Content = serde_json::from_value(mail.content.clone()).map_err(|_| Unwritable::Content)?;
        let recipient = EmailAddress::parse(&mail.recipient).map_err(|_| Unwritable::Address)?;
        // Checked by the rule that let it be registered, which is wider than lettre's own.
        let address = Address::new_dangerous(recipient.local_part(), recipient.ascii_domain());
        let envelope = Envelope::new(Some(self.from.email.clone()), vec![address.clone()]).map_err(|_| Unwritable::Message)?;
        let letter = Letter::new(&content, mail.language, &self.brand);
        let text = letter.text().map_err(|_| Unwritable::Message)?;
        let html = letter.html().map_err(|_| Unwritable::Message)?;
        let mut builder = lettre::Message::builder()
            .envelope(envelope)
            .message_id(Some(self.message_id(&mail.id)))
            .date(SystemTime::from(mail.created_at))
            .from(self.from.clone())
            .to(Mailbox::new(None, address))
            .subject(letter.subject)
            .raw_header(HeaderValue::new(AUTO_SUBMITTED, "auto-generated".to_owned()));
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        let message = builder.multipart(MultiPart::alternative_plain_html(text, html)).map_err(|_| Unwritable::Message)?;
        Ok(Message { envelope: message.envelope().clone(), bytes: message.formatted() })
    }

    fn message_id(&self, id: &MailId) -> String {
        format!("<{id}@{}>", self.from.email.domain())
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::{Value, json};
    use uuid::Uuid;
    use zoetrope_domain::Language;

    use super::*;
    use crate::{fixtures::CREATED, mail::letter::samples};

    fn writer() -> Writer {
        Writer {
            from: "Zoetrope <no-reply@video.example.org>".parse().unwrap(),
            reply_to: Some("help@example.org".parse().unwrap()),
            brand: samples::brand(),
        }
    }

    fn mail(recipient: &str, language: Language, content: Value) -> Claimed {
        Claimed {
            id: MailId::stored("code.1".to_owned()),
            token: Uuid::nil(),
            user_id: None,
            template: "sign_in_code".to_owned(),
            recipient: recipient.to_owned(),
            language,
            content,
            attempts: 0,
            created_at: CREATED,
            age: TimeDelta::zero().to_std().unwrap(),
            left: None,
            traceparent: None,
        }
    }

    fn code() -> Value {
        json!({ "sign_in_code": { "code": "4711", "valid_minutes": 10 } })
    }

    #[test]
    fn a_message_has_what_mail_servers_ask_for() {
        let message = writer().write(&mail("ann@example.org", Language::English, code())).unwrap();
        let text = String::from_utf8(message.bytes).unwrap();
        for header in [
            "Message-ID: <code.1@video.example.org>\r\n",
            "Date: Fri, 21 Nov 2025 04:40:00 +0000\r\n",
            "From: Zoetrope <no-reply@video.example.org>\r\n",
            "To: ann@example.org\r\n",
            "Reply-To: help@example.org\r\n",
            "Subject: Your Zoetrope sign-in code\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "MIME-Version: 1.0\r\n",
            "Content-Type: multipart/alternative;",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "Content-Type: text/html; charset=utf-8\r\n",
        ] {
            assert!(text.contains(header), "{header} in {text}");
        }
        assert_eq!(message.envelope.to()[0].to_string(), "ann@example.org");
        assert_eq!(message.envelope.from().unwrap().to_string(), "no-reply@video.example.org");
    }

    #[test]
    fn whoever_could_register_an_address_is_mailed() {
        for (address, mailed) in [
            ("try..x@docomo.ne.jp", "try..x@docomo.ne.jp"),
            (".first.@ezweb.ne.jp", ".first.@ezweb.ne.jp"),
            ("o'neil+tag@example.ie", "o'neil+tag@example.ie"),
            ("a@例え.jp", "a@xn--r8jz45g.jp"),
        ] {
            let message = writer().write(&mail(address, Language::English, code())).unwrap();
            assert_eq!(message.envelope.to().iter().map(ToString::to_string).collect::<Vec<_>>(), [mailed]);
            let text = String::from_utf8(message.bytes).unwrap();
            assert!(text.contains(&format!("\r\nTo: {mailed}\r\n")), "{text}");
        }
    }

    #[test]
    fn every_language_travels_over_seven_bits() {
        for content in samples::all() {
            let content = serde_json::to_value(content).unwrap();
            let message = writer().write(&mail("ann@example.org", Language::Chinese, content)).unwrap();
            assert!(message.bytes.is_ascii());
            assert!(message.bytes.split(|byte| *byte == b'\n').all(|line| line.len() <= 998));
        }
    }

    #[test]
    fn nothing_from_outside_becomes_a_header() {
        let content = json!({ "expiry_reminder": { "plan": "x\r\nBcc: all@example.org", "expires_at": CREATED } });
        let message = writer().write(&mail("ann@example.org", Language::English, content)).unwrap();
        let text = String::from_utf8(message.bytes).unwrap();
        let headers = text.split("\r\n\r\n").next().unwrap();
        assert!(!headers.contains("\nBcc"), "{headers}");
    }

    #[test]
    fn what_cannot_be_written_says_why_and_no_more() {
        let refused = |recipient: &str, content| writer().write(&mail(recipient, Language::English, content)).err();
        for address in ["nobody", "a@b\r\nBcc: c@d.e", "a b@example.org", "a@example.org, b@example.org", "a@localhost"] {
            assert_eq!(refused(address, code()), Some(Unwritable::Address), "{address:?}");
        }
        assert_eq!(refused("ann@example.org", json!({ "postcard": {} })), Some(Unwritable::Content));
    }
}
