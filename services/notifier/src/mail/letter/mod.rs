//! What mails say. Each has the same parts in both languages, from which its text and its HTML are made, so that the two never tell
//! different things.

mod amount;
mod chinese;
mod english;
mod render;
#[cfg(test)]
pub(super) mod samples;
#[cfg(test)]
mod tests;

use zoetrope_domain::{Language, TaskId};

use super::Content;

/// The parts of a mail, top to bottom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) language: Language,
    pub(super) subject: String,
    /// What it is about, in a sentence or two.
    pub(super) opening: String,
    /// To be typed somewhere.
    pub(super) code: Option<String>,
    /// Names and values.
    pub(super) facts: Vec<(&'static str, String)>,
    /// What to do about it.
    pub(super) action: Option<Action>,
    /// For those whom it surprises.
    pub(super) note: Option<String>,
    /// Who wrote it.
    pub(super) footer: String,
}

/// A link that looks like a button where it can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Action {
    pub(super) label: &'static str,
    pub(super) url: String,
}

/// Whose mails these are.
#[derive(Debug, Clone)]
pub(super) struct Brand {
    /// The product's name.
    pub(super) product: String,
    /// Where its users go, without a slash at the end.
    pub(super) front_end: String,
    /// The page of a video there, with `{videoId}` in it.
    pub(super) video_path: String,
}

impl Brand {
    fn video(&self, task: TaskId) -> String {
        format!("{}{}", self.front_end, self.video_path.replace("{videoId}", &format!("video_{task}")))
    }
}

impl Letter {
    /// Writes it.
    pub(super) fn new(content: &Content, language: Language, brand: &Brand) -> Self {
        match language {
            Language::English => english::letter(content, brand),
            Language::Chinese => chinese::letter(content, brand),
        }
    }
}
