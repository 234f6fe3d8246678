use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use zoetrope_domain::{TaskId, UserId};

use super::{
    Effect, Found, Limits, QueryNumber,
    output::Output,
    queries::{Purpose, Queries},
};
use crate::{
    frames::{ErrorCode, FrameId, NO_SUCH_TASK, ServerFrame},
    task::Update,
};

/// While a task does not appear, how often its state is looked for. Updates are heard meanwhile, so this only mends what was lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Requests to one waiting subscription; a client that repeats itself more often gets refused.
const MOST_REQUESTS: usize = 16;

/// The tasks that a connection asked for, one by one.
#[derive(Default)]
pub struct Subscriptions {
    /// Tasks that were not seen yet.
    waiting: HashMap<TaskId, Waiting>,
    /// The newest state that was told of each running task.
    following: HashMap<TaskId, Arc<Update>>,
    queries: Queries,
}

struct Waiting {
    requests: Vec<Option<FrameId>>,
    gives_up: Instant,
    /// None while a look is under way.
    looks_again: Option<Instant>,
    /// The last look could not be made.
    unavailable: bool,
}

impl Subscriptions {
    pub fn subscribe(
        &mut self,
        (user, task): (UserId, TaskId),
        id: Option<FrameId>,
        now: Instant,
        limits: &Limits,
        out: &mut Output,
    ) {
        if let Some(told) = self.following.get(&task) {
            out.answer(id.clone(), ServerFrame::SubscribeSuccess(task));
            out.answer(id, ServerFrame::TaskStatus(Arc::clone(told)));
        } else if let Some(waiting) = self.waiting.get_mut(&task) {
            if waiting.requests.len() < MOST_REQUESTS {
                waiting.requests.push(id);
            } else {
                out.answer(id, ServerFrame::error(ErrorCode::TooLarge, "this subscription is pending already", Some(task)));
            }
        } else if self.waiting.len() + self.following.len() >= limits.subscriptions {
            let message = format!("a connection can follow {} tasks at the most", limits.subscriptions);
            out.answer(id, ServerFrame::error(ErrorCode::TooLarge, message, Some(task)));
        } else {
            let gives_up = now + limits.subscribe_wait;
            self.waiting.insert(task, Waiting { requests: vec![id], gives_up, looks_again: None, unavailable: false });
            // In this order: an update that comes while the state is being read is heard.
            out.push(Effect::Follow(task, user));
            out.push(Effect::Look(self.queries.ask(vec![task], Purpose::Subscribe, now), vec![task]));
        }
    }

    pub fn unsubscribe(&mut self, task: TaskId, id: Option<FrameId>, out: &mut Output) {
        self.give_up(task, out);
        if self.following.remove(&task).is_some() {
            out.push(Effect::Unfollow(task));
        }
        out.answer(id, ServerFrame::UnsubscribeSuccess(task));
    }

    /// Answers with the present states, once.
    pub fn ask(&mut self, tasks: Vec<TaskId>, id: Option<FrameId>, now: Instant, out: &mut Output) {
        if !tasks.is_empty() {
            let number = self.queries.ask(tasks.clone(), Purpose::Status(id), now);
            out.push(Effect::Look(number, tasks));
        }
    }

    /// A change was heard of.
    pub fn update(&mut self, update: &Arc<Update>, out: &mut Output) {
        let task = update.task.task_id;
        if let Some(waiting) = self.waiting.remove(&task) {
            for id in waiting.requests {
                out.answer(id.clone(), ServerFrame::SubscribeSuccess(task));
                out.answer(id, ServerFrame::TaskStatus(Arc::clone(update)));
            }
        } else {
            match self.following.get(&task) {
                Some(told) if update.is_newer_than(told) => out.tell(ServerFrame::Push(Arc::clone(update))),
                Some(_) | None => return,
            }
        }
        if update.task.has_ended() {
            // Nothing will follow; the client may ask again.
            self.following.remove(&task);
            out.push(Effect::Unfollow(task));
        } else {
            self.following.insert(task, Arc::clone(update));
        }
    }

    /// A look has its answer.
    pub fn found(&mut self, number: QueryNumber, found: Vec<Found>, now: Instant, out: &mut Output) {
        let Some(query) = self.queries.answered(number) else { return };
        for (task, found) in query.tasks.into_iter().zip(found) {
            match &query.purpose {
                Purpose::Subscribe => self.looked_for(task, found, now, out),
                Purpose::Status(id) => out.answer(id.clone(), self.present_state(task, found)),
            }
        }
    }

    fn looked_for(&mut self, task: TaskId, found: Found, now: Instant, out: &mut Output) {
        let unavailable = match found {
            Found::State(update) => return self.update(&update, out),
            Found::Nothing => false,
            Found::Unavailable => true,
        };
        if let Some(waiting) = self.waiting.get_mut(&task) {
            waiting.unavailable = unavailable;
            waiting.looks_again = Some(now + LOOK_EVERY);
        }
    }

    /// What was told is never taken back by an older state from the table.
    fn present_state(&self, task: TaskId, found: Found) -> ServerFrame {
        match (self.following.get(&task), found) {
            (Some(told), Found::State(update)) if update.is_newer_than(told) => ServerFrame::TaskUpdated(update),
            (Some(told), _) => ServerFrame::TaskUpdated(Arc::clone(told)),
            (None, Found::State(update)) => ServerFrame::TaskUpdated(update),
            (None, Found::Nothing) => not_found(task),
            (None, Found::Unavailable) => unavailable(task),
        }
    }

    pub fn tick(&mut self, now: Instant, out: &mut Output) {
        let due = |moment: Instant| moment <= now;
        let too_late: Vec<TaskId> =
            self.waiting.iter().filter(|(_, waiting)| due(waiting.gives_up)).map(|(task, _)| *task).collect();
        for task in too_late {
            self.give_up(task, out);
        }

        let mut tasks = Vec::new();
        for (task, waiting) in &mut self.waiting {
            if waiting.looks_again.is_some_and(due) {
                waiting.looks_again = None;
                tasks.push(*task);
            }
        }
        if !tasks.is_empty() {
            out.push(Effect::Look(self.queries.ask_again(tasks.clone()), tasks));
        }
    }

    /// Ends a subscription whose task did not appear.
    fn give_up(&mut self, task: TaskId, out: &mut Output) {
        let Some(waiting) = self.waiting.remove(&task) else { return };
        for id in waiting.requests {
            out.answer(id, if waiting.unavailable { unavailable(task) } else { not_found(task) });
        }
        out.push(Effect::Unfollow(task));
    }

    /// Until when requests have to wait, if they have to.
    pub fn blocked_until(&self, now: Instant) -> Option<Instant> {
        self.queries.blocked_until(now)
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.waiting.values().map(|waiting| waiting.looks_again.map_or(waiting.gives_up, |look| look.min(waiting.gives_up))).min()
    }
}

fn not_found(task: TaskId) -> ServerFrame {
    ServerFrame::error(ErrorCode::NotFound, NO_SUCH_TASK, Some(task))
}

fn unavailable(task: TaskId) -> ServerFrame {
    ServerFrame::error(ErrorCode::Unavailable, "the state of the task cannot be read now", Some(task))
}
