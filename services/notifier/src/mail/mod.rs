//! Mail to users: sign-in codes, resets, receipts, reminders, "your video is ready".
//!
//! | part | does |
//! |---|---|
//! | [`commands`] | takes [`SendMail`](zoetrope_contracts::mail::v1::SendMail) commands from the bus into the table `mails` |
//! | [`ready`] | asks for the mail that a video is ready, when its owner wants it |
//! | [`sender`] | claims due mails by lease, has them delivered, and writes down what became of them |
//! | [`letter`] | the words, in both languages, as text and HTML |
//! | [`message`] | a letter as a MIME message |
//! | [`courier`] | brings a message to the mail server, or into a folder |
//!
//! Other parts of this service ask for a mail within their own transaction with [`enqueue`]; `store::contacts::find` knows the address
//! and the language of a user.
//!
//! A mail is sent **at least once**: a process that dies between the mail server's answer and its own note leaves the mail to be sent
//! again, under the same `Message-ID`. While the mail server is away nothing is lost: mails wait, and one at a time is tried.
//!
//! What a mail says (codes and links) and whom it goes to is in the table until the mail has ended, and then erased; of the address the
//! first letter and the domain stay. Neither is ever logged, nor what the mail server said of a mail, since it may quote both.

mod commands;
mod content;
mod courier;
mod delivery;
mod id;
mod letter;
mod line;
mod message;
mod metrics;
mod queue;
mod ready;
mod retry;
mod sender;
mod settings;
mod start;

pub use content::Content;
pub use delivery::Ended;
pub use id::MailId;
pub use queue::{Contact, Mail, enqueue};
pub use ready::tell_ready;
pub use settings::MailSettings;
pub use start::start;
