//! Stories of connections. Each effect is told in a few words, so that a story reads as what the client and the socket see.

mod budgets;
mod everything;
mod merging;
mod resuming;
mod sign_in;
mod subscriptions;
mod timers;

use std::{
    collections::VecDeque,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use uuid::Uuid;
use zoetrope_domain::{FeedPosition, OwnerGeneration, SessionId, TaskId};
use zoetrope_tokens::{Caller, Credential, Role};

use super::*;
use crate::{
    budget::{Budgets, ConnectionBudget},
    fixtures::{CREATED, task_id, user_id},
    frames::{ConnectionId, FrameId, ServerFrame},
    settings::WebSocketSettings,
    stream::ReadingKind,
    task::Update,
};

const LIMITS: Limits = Limits {
    sign_in: Duration::from_secs(10),
    heartbeat: Duration::from_secs(30),
    silence: Duration::from_secs(90),
    renewal: Duration::from_secs(30),
    subscribe_wait: Duration::from_secs(5),
    subscriptions: 4,
};

/// Where clients come from.
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// A connection, its client and its clock.
struct Story {
    connection: Connection,
    now: Now,
    /// Looks that wait for their answer.
    looks: VecDeque<Asked>,
}

/// What a connection wants to know.
enum Asked {
    Reading(QueryNumber, Start),
    States(QueryNumber),
}

fn at(position: u64) -> FeedPosition {
    FeedPosition::clamped(position)
}

/// What the table answers to somebody who stands there: it knows everything up to a place.
fn reading(start: Start, upto: u64, states: Vec<Arc<Update>>) -> Reading {
    let kind = match start {
        Start::Present => ReadingKind::Present,
        Start::After(_) => ReadingKind::Missed,
        Start::Unknown => ReadingKind::Resync,
    };
    Reading { kind, states, upto: at(upto), more: false, covers: true }
}

/// A token for a user, good for `seconds`.
fn caller(user: u128, seconds: i64) -> Caller {
    Caller {
        user_id: user_id(user),
        owner_generation: OwnerGeneration::FIRST,
        username: format!("user {user}"),
        role: Role::User,
        credential: Credential::Session(SessionId::new(Uuid::from_u128(0x5E55))),
        scopes: None,
        expires_at: Some(CREATED + TimeDelta::seconds(seconds)),
        signed_by: None,
    }
}

fn state(update: Arc<Update>) -> Vec<Found> {
    vec![Found::State(update)]
}

impl Story {
    fn open() -> (Self, Vec<String>) {
        Self::open_with(LIMITS, Budgets::new(WebSocketSettings::default().budgets()))
    }

    fn open_with(limits: Limits, budgets: Arc<Budgets>) -> (Self, Vec<String>) {
        let now = Now { instant: Instant::now(), time: CREATED };
        let id = ConnectionId::new(Uuid::from_u128(1));
        let budget = ConnectionBudget::open(budgets, HOME, now.instant);
        let (connection, greeting) = Connection::open(id, Arc::new(limits), budget, now.instant);
        let mut story = Self { connection, now, looks: VecDeque::new() };
        let greeting = story.tell(greeting);
        (story, greeting)
    }

    /// A connection of user 1, with a token for 15 minutes.
    fn signed_in() -> Self {
        Self::open().0.signs_in()
    }

    fn signs_in(self) -> Self {
        let mut story = self;
        story.says(json!({ "type": "auth", "payload": { "token": "t" } }));
        story.takes(Input::Checked(Ok(caller(1, 900))));
        story
    }

    /// A `photo`-style connection of user 1.
    fn following_all() -> Self {
        let (mut story, _) = Self::open();
        story.says(json!({ "type": "auth", "token": "t" }));
        story.takes(Input::Checked(Ok(caller(1, 900))));
        story
    }

    fn says(&mut self, frame: Value) -> Vec<String> {
        assert!(self.connection.reads(self.now.instant), "it is not reading");
        self.takes(Input::Text(&frame.to_string()))
    }

    fn asks(&mut self, kind: &str, task: u128) -> Vec<String> {
        let id = format!("{kind}-{task}");
        self.says(json!({ "type": kind, "id": id, "payload": { "videoId": task_id(task).to_video_id() } }))
    }

    fn subscribes(&mut self, task: u128) -> Vec<String> {
        let frame = json!({ "type": "subscribe_task", "id": "s", "payload": { "videoId": task_id(task).to_video_id() } });
        self.says(frame)
    }

    /// Answers the oldest look, which is for tasks.
    fn finds(&mut self, found: Vec<Found>) -> Vec<String> {
        match self.looks.pop_front().unwrap() {
            Asked::States(number) => self.takes(Input::Found(number, found)),
            Asked::Reading(number, start) => {
                let reading = match &found[..] {
                    [Found::State(update)] => Ok(reading(start, 0, vec![Arc::clone(update)])),
                    [Found::Nothing] => Ok(reading(start, 0, Vec::new())),
                    [Found::Unavailable] => Err(Unavailable),
                    _ => panic!("a reading is of one task"),
                };
                self.takes(Input::Read(number, reading))
            }
        }
    }

    /// Answers the oldest look, which is for a feed, of which everything up to a place is known.
    fn reads(&mut self, upto: u64, states: Vec<Arc<Update>>) -> Vec<String> {
        self.reads_as(|start| Ok(reading(start, upto, states)))
    }

    fn reads_as(&mut self, answer: impl FnOnce(Start) -> Result<Reading, Unavailable>) -> Vec<String> {
        let Some(Asked::Reading(number, start)) = self.looks.pop_front() else { panic!("nobody asked") };
        self.takes(Input::Read(number, answer(start)))
    }

    fn hears(&mut self, update: Arc<Update>) -> Vec<String> {
        self.takes(Input::News(Post { update, frontier: None }))
    }

    /// Hears of a change when everything up to a place was posted.
    fn hears_at(&mut self, frontier: u64, update: Arc<Update>) -> Vec<String> {
        self.takes(Input::News(Post { update, frontier: Some(at(frontier)) }))
    }

    fn takes(&mut self, input: Input<'_>) -> Vec<String> {
        let effects = self.connection.handle(input, self.now);
        self.tell(effects)
    }

    /// Lets time pass as the socket does: with a tick at each deadline. The client answers the pings.
    fn waits(&mut self, seconds: f64) -> Vec<String> {
        let end = self.now.instant + Duration::from_secs_f64(seconds);
        let mut told = Vec::new();
        loop {
            let deadline = self.connection.deadline(self.now.instant);
            self.passes(deadline.min(end) - self.now.instant);
            if deadline > end {
                return told;
            }
            let effects = self.takes(Input::Tick);
            if effects.iter().any(|effect| effect == "PING") {
                self.takes(Input::Alive);
            }
            let is_over = effects.iter().any(|effect| effect.starts_with("CLOSE"));
            told.extend(effects);
            if is_over {
                return told;
            }
        }
    }

    fn passes(&mut self, time: Duration) {
        self.now.instant += time;
        self.now.time += time;
    }

    fn tell(&mut self, effects: Vec<Effect>) -> Vec<String> {
        effects.into_iter().map(|effect| self.in_words(effect)).collect()
    }

    fn in_words(&mut self, effect: Effect) -> String {
        match effect {
            Effect::Send(outgoing) => {
                let id = match &outgoing.id {
                    Some(FrameId::Text(id)) => format!("#{id}"),
                    Some(FrameId::Number(id)) => format!("#{id}"),
                    None => String::new(),
                };
                let states = |states: &[Arc<Update>]| {
                    let state = |update: &Arc<Update>| format!(" {}@{}", name(update.task.task_id), update.task.version);
                    states.iter().map(state).collect::<String>()
                };
                let about = match &outgoing.frame {
                    ServerFrame::TaskStatus(update)
                    | ServerFrame::TaskUpdated(update)
                    | ServerFrame::Push(update)
                    | ServerFrame::Missed(update) => states(std::slice::from_ref(update)),
                    ServerFrame::Resync { states: all, .. } => states(all),
                    ServerFrame::SubscribeSuccess(task) | ServerFrame::UnsubscribeSuccess(task) => format!(" {}", name(*task)),
                    ServerFrame::UserSubscribed { last_event_id } => {
                        format!(" all from {}", last_event_id.map_or("nowhere".to_owned(), |id| id.to_string()))
                    }
                    ServerFrame::UserUnsubscribed => " all".to_owned(),
                    ServerFrame::AuthFailed { error } => format!(" {error}"),
                    ServerFrame::Error { code, .. } => format!(" {}", code.as_str()),
                    _ => String::new(),
                };
                let event = match outgoing.event_id {
                    Some(position) if position.is_known() => format!(" ({position})"),
                    _ => String::new(),
                };
                format!("{}{id}{about}{event}", outgoing.kind())
            }
            Effect::Ping => "PING".to_owned(),
            Effect::Close(reason) => format!("CLOSE {reason:?}"),
            Effect::CheckToken(token) => format!("CHECK {}", token.expose_secret()),
            Effect::CheckAccess(_) => "CHECK ACCESS".to_owned(),
            Effect::Follow(scope) => format!("FOLLOW {}", scope_name(scope)),
            Effect::Unfollow(scope) => format!("UNFOLLOW {}", scope_name(scope)),
            Effect::Read(number, scope, start) => {
                self.looks.push_back(Asked::Reading(number, start));
                match start {
                    Start::Present => format!("LOOK {}", scope_name(scope)),
                    Start::After(seen) => format!("LOOK {} AFTER {seen}", scope_name(scope)),
                    Start::Unknown => format!("LOOK {} ANEW", scope_name(scope)),
                }
            }
            Effect::Look(number, mut tasks) => {
                self.looks.push_back(Asked::States(number));
                tasks.sort_unstable();
                format!("LOOK {}", tasks.into_iter().map(name).collect::<Vec<_>>().join(" "))
            }
        }
    }
}

fn name(task: TaskId) -> String {
    task.as_uuid().as_u128().to_string()
}

fn scope_name(scope: Scope) -> String {
    match scope {
        Scope::Everything => "ALL".to_owned(),
        Scope::Task(task) => name(task),
    }
}
