use std::sync::Arc;

use zoetrope_domain::FeedPosition;
use zoetrope_tokens::Refusal;

use super::{Said, Voice};
use crate::{
    frames::{Dialect, ErrorCode, Outgoing, ServerFrame},
    socket::Context,
    stream::Told,
};

/// All own tasks, in the frames of the WebSocket, so that a client reads both with the same code. The name of an event is the `type`.
pub struct AllTasks {
    context: Arc<Context>,
}

impl AllTasks {
    pub fn new(context: Arc<Context>) -> Self {
        Self { context }
    }

    fn say(&self, event_id: Option<FeedPosition>, frame: ServerFrame) -> Said {
        let outgoing = Outgoing { dialect: Dialect::Enveloped, id: None, event_id, frame };
        Said { name: outgoing.kind(), json: self.context.render(&outgoing) }
    }
}

impl Voice for AllTasks {
    /// With an id, so that whoever is cut off before the first change resumes all the same.
    fn stands(&self, from: Option<FeedPosition>) -> Option<Said> {
        Some(self.say(None, ServerFrame::UserSubscribed { last_event_id: from }))
    }

    fn tells(&mut self, told: Told) -> Vec<Said> {
        vec![self.say(told.id, told.event.into())]
    }

    fn beats(&self) -> Said {
        self.say(None, ServerFrame::Heartbeat)
    }

    fn refuses(&self, refusal: Refusal) -> Said {
        self.say(None, ServerFrame::error(ErrorCode::Unauthorized, refusal.to_string(), None))
    }
}
