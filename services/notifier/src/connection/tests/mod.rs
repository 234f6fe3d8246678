//! Stories of connections. Each effect is told in a few words, so that a story reads as what the client and the socket see.

mod everything;
mod merging;
mod sign_in;
mod subscriptions;
mod timers;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use uuid::Uuid;
use zoetrope_domain::{SessionId, TaskId};
use zoetrope_tokens::{Claims, Role, TokenKind};

use super::*;
use crate::{
    fixtures::{CREATED, task_id, user_id},
    frames::{ConnectionId, FrameId, ServerFrame},
};

const LIMITS: Limits = Limits {
    sign_in: Duration::from_secs(10),
    heartbeat: Duration::from_secs(30),
    silence: Duration::from_secs(90),
    renewal: Duration::from_secs(30),
    subscribe_wait: Duration::from_secs(5),
    subscriptions: 4,
};

/// A connection, its client and its clock.
struct Story {
    connection: Connection,
    now: Now,
    /// Looks that wait for their answer.
    looks: VecDeque<QueryNumber>,
}

/// A token for a user, good for `seconds`.
fn claims(user: u128, seconds: i64) -> Claims {
    Claims {
        user_id: user_id(user),
        session_id: SessionId::new(Uuid::from_u128(0x5E55)),
        username: format!("user {user}"),
        role: Role::User,
        kind: TokenKind::Access,
        issued_at: CREATED,
        expires_at: CREATED + TimeDelta::seconds(seconds),
    }
}

fn state(update: Arc<Update>) -> Vec<Found> {
    vec![Found::State(update)]
}

impl Story {
    fn open() -> (Self, Vec<String>) {
        let now = Now { instant: Instant::now(), time: CREATED };
        let id = ConnectionId::new(Uuid::from_u128(1));
        let (connection, greeting) = Connection::open(id, Arc::new(LIMITS), now.instant);
        let mut story = Self { connection, now, looks: VecDeque::new() };
        let greeting = story.tell(greeting);
        (story, greeting)
    }

    /// A connection of user 1, with a token for 15 minutes.
    fn signed_in() -> Self {
        let (mut story, _) = Self::open();
        story.says(json!({ "type": "auth", "payload": { "token": "t" } }));
        story.takes(Input::Checked(Ok(claims(1, 900))));
        story
    }

    /// A `photo`-style connection of user 1.
    fn following_all() -> Self {
        let (mut story, _) = Self::open();
        story.says(json!({ "type": "auth", "token": "t" }));
        story.takes(Input::Checked(Ok(claims(1, 900))));
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

    /// Answers the oldest look.
    fn finds(&mut self, found: Vec<Found>) -> Vec<String> {
        let number = self.looks.pop_front().unwrap();
        self.takes(Input::Found(number, found))
    }

    fn hears(&mut self, update: Arc<Update>) -> Vec<String> {
        self.takes(Input::Update(update))
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
        let name = |task: TaskId| task.as_uuid().as_u128().to_string();
        match effect {
            Effect::Send(outgoing) => {
                let id = match &outgoing.id {
                    Some(FrameId::Text(id)) => format!("#{id}"),
                    Some(FrameId::Number(id)) => format!("#{id}"),
                    None => String::new(),
                };
                let about = match &outgoing.frame {
                    ServerFrame::TaskStatus(update) | ServerFrame::TaskUpdated(update) | ServerFrame::Push(update) => {
                        format!(" {}@{}", name(update.task.task_id), update.task.version)
                    }
                    ServerFrame::SubscribeSuccess(task) | ServerFrame::UnsubscribeSuccess(task) => format!(" {}", name(*task)),
                    ServerFrame::AuthFailed { error } => format!(" {error}"),
                    ServerFrame::Error { code, .. } => format!(" {}", code.as_str()),
                    _ => String::new(),
                };
                format!("{}{id}{about}", outgoing.kind())
            }
            Effect::Ping => "PING".to_owned(),
            Effect::Close(reason) => format!("CLOSE {reason:?}"),
            Effect::CheckToken(token) => format!("CHECK {}", token.expose_secret()),
            Effect::CheckSession(_) => "CHECK SESSION".to_owned(),
            Effect::Follow(task, user) => {
                assert_eq!(user, user_id(1));
                format!("FOLLOW {}", name(task))
            }
            Effect::Unfollow(task) => format!("UNFOLLOW {}", name(task)),
            Effect::FollowAll(_) => "FOLLOW ALL".to_owned(),
            Effect::Look(number, mut tasks) => {
                self.looks.push_back(number);
                tasks.sort_unstable();
                format!("LOOK {}", tasks.into_iter().map(name).collect::<Vec<_>>().join(" "))
            }
            Effect::LookForOpen(_) => "LOOK FOR OPEN".to_owned(),
        }
    }
}
