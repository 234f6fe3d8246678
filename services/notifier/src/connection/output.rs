use zoetrope_domain::FeedPosition;

use super::{Close, Effect};
use crate::frames::{Dialect, FrameId, Outgoing, ServerFrame};

/// Effects in the making.
pub struct Output {
    pub dialect: Dialect,
    effects: Vec<Effect>,
}

impl Output {
    pub fn new() -> Self {
        Self { dialect: Dialect::Enveloped, effects: Vec::new() }
    }

    pub fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Says something unasked.
    pub fn tell(&mut self, frame: ServerFrame) {
        self.answer(None, frame);
    }

    /// Answers the request with this id.
    pub fn answer(&mut self, id: Option<FrameId>, frame: ServerFrame) {
        self.event(id, None, frame);
    }

    /// Tells of tasks. Whoever has seen it resumes from `event_id`.
    pub fn event(&mut self, id: Option<FrameId>, event_id: Option<FeedPosition>, frame: ServerFrame) {
        self.push(Effect::Send(Outgoing { dialect: self.dialect, id, event_id, frame }));
    }

    pub fn close(&mut self, reason: Close) {
        self.push(Effect::Close(reason));
    }

    pub fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }
}
