use std::time::Instant;

use super::{Effect, desk::Desk};
use crate::{
    frames::{FrameId, ServerFrame},
    hub::Post,
    stream::{Following, Reading, Scope, Start, Unavailable},
};

/// All tasks of the user, as a `photo`-style connection follows them, or one that asked for it.
pub struct Everything {
    following: Following,
    /// The request that waits for its answer.
    request: Option<Option<FrameId>>,
    /// A reading was made, or could not be made.
    has_begun: bool,
}

impl Everything {
    /// Follows without having been asked in so many words, or for a request.
    pub fn follow(start: Start, request: Option<Option<FrameId>>, now: Instant, desk: &mut Desk) -> Self {
        // In this order: an update that comes while the states are being read is heard.
        desk.out.push(Effect::Follow(Scope::Everything));
        let mut following = Following::begin(Scope::Everything, start, &mut desk.teller);
        desk.read_if_due(&mut following, Scope::Everything, request.is_some(), now);
        Self { following, request, has_begun: false }
    }

    /// Somebody asks for it once more.
    pub fn ask(&mut self, id: Option<FrameId>, desk: &mut Desk) {
        self.answer(desk);
        desk.out.answer(id, ServerFrame::UserSubscribed { last_event_id: desk.teller.last() });
    }

    pub fn end(mut self, desk: &mut Desk) {
        self.answer(desk);
        desk.queries.give_up(Scope::Everything);
        self.following.end(&mut desk.teller);
        desk.out.push(Effect::Unfollow(Scope::Everything));
    }

    fn answer(&mut self, desk: &mut Desk) {
        if let Some(id) = self.request.take() {
            desk.out.answer(id, ServerFrame::UserSubscribed { last_event_id: desk.teller.last() });
        }
    }

    pub fn has_begun(&self) -> bool {
        self.has_begun
    }

    pub fn read(&mut self, reading: Result<Reading, Unavailable>, now: Instant, desk: &mut Desk) {
        self.has_begun = true;
        match &reading {
            Ok(reading) => {
                if let Some(id) = self.request.take() {
                    let last_event_id = self.following.standpoint(reading, &desk.teller);
                    desk.out.answer(id, ServerFrame::UserSubscribed { last_event_id });
                }
            }
            Err(Unavailable) => self.answer(desk),
        }
        for told in self.following.read(reading, now, &mut desk.teller) {
            desk.out.event(None, told.id, told.event.into());
        }
        desk.read_if_due(&mut self.following, Scope::Everything, false, now);
    }

    pub fn hear(&mut self, post: &Post, desk: &mut Desk) {
        if let Some(told) = self.following.hear(post, &mut desk.teller) {
            desk.out.event(None, told.id, told.event.into());
        }
    }

    pub fn tick(&mut self, now: Instant, desk: &mut Desk) {
        desk.read_if_due(&mut self.following, Scope::Everything, false, now);
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.following.deadline()
    }
}
