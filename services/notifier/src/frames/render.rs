use std::{borrow::Cow, time::Duration};

use chrono::{DateTime, Utc};
use zoetrope_storage::MediaLinks;

use super::{Dialect, Outgoing, PingStyle, ServerFrame, envelope, flat};

/// Makes texts of frames.
pub struct Renderer {
    links: MediaLinks,
}

/// What frames tell of the moment.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    pub now: DateTime<Utc>,
    /// How long this process has been up.
    pub uptime: Duration,
    /// Open connections of this process.
    pub connected_clients: usize,
}

impl Renderer {
    pub fn new(links: MediaLinks) -> Self {
        Self { links }
    }

    /// The JSON text. A change is rendered once for all who hear it: it answers nobody, so it carries no id of a request. The id of the event
    /// is each stream's own.
    pub fn text(&self, outgoing: &Outgoing, facts: impl FnOnce() -> Facts) -> String {
        let text: Cow<'_, str> = match &outgoing.frame {
            ServerFrame::Pong(PingStyle::Text) => "pong".into(),
            ServerFrame::Pong(PingStyle::JsonText) => "\"pong\"".into(),
            ServerFrame::Push(update) | ServerFrame::Missed(update) => {
                update.text(outgoing.dialect, || self.render(outgoing, &facts())).into()
            }
            _ => self.render(outgoing, &facts()).into(),
        };
        match (outgoing.event_id, text.strip_prefix('{')) {
            (Some(id), Some(fields)) => format!("{{\"eventId\":\"{id}\",{fields}"),
            _ => text.into_owned(),
        }
    }

    fn render(&self, outgoing: &Outgoing, facts: &Facts) -> String {
        match outgoing.dialect {
            Dialect::Enveloped => envelope::text(outgoing, &self.links, facts),
            Dialect::Flat => flat::text(outgoing, &self.links, facts),
        }
    }
}

#[cfg(test)]
mod tests;
