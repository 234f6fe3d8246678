use std::{collections::HashMap, sync::Arc, time::Instant};

use zoetrope_domain::TaskId;

use super::{Effect, Limits, desk::Desk, queries::Purpose};
use crate::{
    frames::{ErrorCode, FrameId, NO_SUCH_TASK, ServerFrame},
    hub::Post,
    states::Found,
    stream::{Following, Reading, ReadingKind, Scope, Start, Unavailable},
    task::Update,
};

/// Requests to one waiting subscription; a client that repeats itself more often gets refused.
const MOST_REQUESTS: usize = 16;

/// The tasks that a connection asked for, one by one.
#[derive(Default)]
pub struct Subscriptions(HashMap<TaskId, Subscription>);

struct Subscription {
    following: Following,
    stage: Stage,
}

enum Stage {
    /// Its task was not seen yet.
    Waiting {
        requests: Vec<(Option<FrameId>, Start)>,
        gives_up: Instant,
        /// The last look could not be made.
        unavailable: bool,
    },
    /// The newest state that the client knows.
    Confirmed(Arc<Update>),
}

impl Subscriptions {
    pub fn subscribe(
        &mut self,
        task: TaskId,
        (id, start): (Option<FrameId>, Start),
        now: Instant,
        limits: &Limits,
        desk: &mut Desk,
    ) {
        let count = self.0.len();
        if let Some(subscription) = self.0.get_mut(&task) {
            match &mut subscription.stage {
                Stage::Confirmed(told) => confirm(told, id, start, desk),
                Stage::Waiting { requests, .. } if requests.len() < MOST_REQUESTS => requests.push((id, start)),
                Stage::Waiting { .. } => {
                    let message = "this subscription is pending already";
                    desk.out.answer(id, ServerFrame::error(ErrorCode::TooLarge, message, Some(task)));
                }
            }
        } else if count >= limits.subscriptions {
            let message = format!("a connection can follow {} tasks at the most", limits.subscriptions);
            desk.out.answer(id, ServerFrame::error(ErrorCode::TooLarge, message, Some(task)));
        } else {
            let scope = Scope::Task(task);
            // In this order: an update that comes while the state is being read is heard.
            desk.out.push(Effect::Follow(scope));
            let mut following = Following::begin(scope, start, &mut desk.teller);
            desk.read_if_due(&mut following, scope, true, now);
            let stage = Stage::Waiting { requests: vec![(id, start)], gives_up: now + limits.subscribe_wait, unavailable: false };
            self.0.insert(task, Subscription { following, stage });
        }
    }

    pub fn unsubscribe(&mut self, task: TaskId, id: Option<FrameId>, desk: &mut Desk) {
        self.give_up(task, desk);
        desk.out.answer(id, ServerFrame::UnsubscribeSuccess(task));
    }

    /// A change was heard of. False if it is none of its tasks.
    pub fn hear(&mut self, post: &Post, desk: &mut Desk) -> bool {
        let update = &post.update;
        let task = update.task.task_id;
        let Some(Subscription { following, stage }) = self.0.get_mut(&task) else { return false };
        match stage {
            // The client knows more than this; what it does not know is still to come.
            Stage::Waiting { requests, .. } if requests.iter().all(|(_, start)| !start.lacks(update)) => return true,
            Stage::Waiting { requests, .. } => {
                following.hear(post, &mut desk.teller);
                for (id, start) in std::mem::take(requests) {
                    confirm(update, id, start, desk);
                }
            }
            Stage::Confirmed(told) if !update.is_newer_than(told) => return true,
            Stage::Confirmed(_) => match following.hear(post, &mut desk.teller) {
                Some(told) => desk.out.event(None, told.id, ServerFrame::Push(Arc::clone(update))),
                None => return true,
            },
        }
        *stage = Stage::Confirmed(Arc::clone(update));
        self.end_if_over(task, desk);
        true
    }

    /// A reading has its answer.
    pub fn read(&mut self, task: TaskId, reading: Result<Reading, Unavailable>, now: Instant, desk: &mut Desk) {
        let Some(Subscription { following, stage }) = self.0.get_mut(&task) else { return };
        let read_at_all = reading.is_ok();
        let found = reading.as_ref().ok().and_then(|reading| Some((Arc::clone(reading.states.first()?), reading.kind)));
        // What it tells is told below, in answer to the requests.
        following.read(reading, now, &mut desk.teller);
        match (stage, found) {
            (Stage::Waiting { unavailable, .. }, None) => *unavailable = !read_at_all,
            (stage @ Stage::Waiting { .. }, Some((update, kind))) => {
                if let Stage::Waiting { requests, .. } = stage {
                    for (id, start) in std::mem::take(requests) {
                        let is_lost = kind == ReadingKind::Resync && matches!(start, Start::After(_));
                        confirm(&update, id, if is_lost { Start::Unknown } else { start }, desk);
                    }
                }
                *stage = Stage::Confirmed(update);
            }
            (Stage::Confirmed(told), Some((update, _))) if update.is_newer_than(told) => {
                desk.out.event(None, desk.teller.last(), ServerFrame::Missed(Arc::clone(&update)));
                *told = update;
            }
            (Stage::Confirmed(_), _) => {}
        }
        self.end_if_over(task, desk);
        if let Some(subscription) = self.0.get_mut(&task) {
            desk.read_if_due(&mut subscription.following, Scope::Task(task), false, now);
        }
    }

    /// What was told is never taken back by an older state from the table.
    pub fn present_state(&self, task: TaskId, found: Found) -> ServerFrame {
        let told = self.0.get(&task).and_then(|subscription| match &subscription.stage {
            Stage::Confirmed(told) => Some(told),
            Stage::Waiting { .. } => None,
        });
        match (told, found) {
            (Some(told), Found::State(update)) if update.is_newer_than(told) => ServerFrame::TaskUpdated(update),
            (Some(told), _) => ServerFrame::TaskUpdated(Arc::clone(told)),
            (None, Found::State(update)) => ServerFrame::TaskUpdated(update),
            (None, Found::Nothing) => not_found(task),
            (None, Found::Unavailable) => unavailable(task),
        }
    }

    pub fn tick(&mut self, now: Instant, desk: &mut Desk) {
        let gives_up =
            |subscription: &Subscription| matches!(subscription.stage, Stage::Waiting { gives_up, .. } if gives_up <= now);
        let too_late: Vec<TaskId> = self.0.iter().filter(|(_, it)| gives_up(it)).map(|(task, _)| *task).collect();
        for task in too_late {
            self.give_up(task, desk);
        }
        for (task, subscription) in &mut self.0 {
            desk.read_if_due(&mut subscription.following, Scope::Task(*task), false, now);
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        let of = |subscription: &Subscription| {
            let gives_up = match subscription.stage {
                Stage::Waiting { gives_up, .. } => Some(gives_up),
                Stage::Confirmed(_) => None,
            };
            [gives_up, subscription.following.deadline()].into_iter().flatten().min()
        };
        self.0.values().filter_map(of).min()
    }

    /// Nothing follows an end; the client may ask again.
    fn end_if_over(&mut self, task: TaskId, desk: &mut Desk) {
        let is_over = |it: &Subscription| matches!(&it.stage, Stage::Confirmed(told) if told.task.has_ended());
        if self.0.get(&task).is_some_and(is_over) {
            self.give_up(task, desk);
        }
    }

    /// Ends a subscription. Whoever waits for a task that did not appear hears so.
    fn give_up(&mut self, task: TaskId, desk: &mut Desk) {
        let Some(Subscription { following, stage }) = self.0.remove(&task) else { return };
        if let Stage::Waiting { requests, unavailable: is_away, .. } = stage {
            for (id, _) in requests {
                desk.out.answer(id, if is_away { unavailable(task) } else { not_found(task) });
            }
        }
        desk.queries.give_up(Scope::Task(task));
        following.end(&mut desk.teller);
        desk.out.push(Effect::Unfollow(Scope::Task(task)));
    }
}

/// Answers a request from where its client stands.
fn confirm(update: &Arc<Update>, id: Option<FrameId>, start: Start, desk: &mut Desk) {
    let task = update.task.task_id;
    let event_id = desk.teller.last();
    desk.out.answer(id.clone(), ServerFrame::SubscribeSuccess(task));
    match start {
        Start::Unknown => {
            desk.out.event(id, event_id, ServerFrame::Resync { task: Some(task), states: vec![Arc::clone(update)] });
        }
        start if start.lacks(update) => desk.out.event(id, event_id, ServerFrame::TaskStatus(Arc::clone(update))),
        Start::Present | Start::After(_) => {}
    }
}

/// Answers with the present states, once.
pub fn ask(tasks: Vec<TaskId>, id: Option<FrameId>, now: Instant, desk: &mut Desk) {
    if !tasks.is_empty() {
        let number = desk.queries.ask(Purpose::Status(id, tasks.clone()), now);
        desk.out.push(Effect::Look(number, tasks));
    }
}

fn not_found(task: TaskId) -> ServerFrame {
    ServerFrame::error(ErrorCode::NotFound, NO_SUCH_TASK, Some(task))
}

fn unavailable(task: TaskId) -> ServerFrame {
    ServerFrame::error(ErrorCode::Unavailable, "the state of the task cannot be read now", Some(task))
}
