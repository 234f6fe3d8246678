use std::{sync::Arc, time::Instant};

use chrono::{DateTime, TimeDelta, Utc};
use zoetrope_domain::UserId;
use zoetrope_tokens::{Caller, Credential, Refusal};

use super::{
    Close, Effect, Input, Limits, Now, QueryNumber, TokenRefusal, cost,
    desk::Desk,
    everything::Everything,
    nonsense::Nonsense,
    queries::Purpose,
    subscriptions::{self, Subscriptions},
};
use crate::{
    budget::{ConnectionBudget, Pressure},
    frames::{BadFrame, ClientFrame, ConnectionId, Dialect, ErrorCode, FrameId, Request, ServerFrame},
    hub::Post,
    states::Found,
    stream::{Reading, Scope, Start, Unavailable},
    task::Update,
};

/// The life of one connection: who it belongs to, when it ends, and which part of it a frame is for.
pub struct Connection {
    id: ConnectionId,
    limits: Arc<Limits>,
    budget: ConnectionBudget,
    phase: Phase,
    /// The `auth` frame whose token is being checked.
    checking: Option<Checking>,
    last_heard: Instant,
    next_beat: Instant,
    nonsense: Nonsense,
    subscriptions: Subscriptions,
    /// Present on a `photo`-style connection, and on one that asked for it.
    everything: Option<Everything>,
    desk: Desk,
}

struct Checking {
    id: Option<FrameId>,
    dialect: Dialect,
    start: Start,
}

enum Phase {
    /// Nobody yet.
    Anonymous {
        until: Instant,
    },
    /// Somebody with a good token.
    SignedIn {
        identity: Identity,
        /// `None` for an API key that does not expire.
        until: Option<Instant>,
    },
    /// Somebody whose token has expired. Updates go on, requests wait for a new token.
    Expired {
        identity: Identity,
        until: Instant,
    },
    Closed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    user: UserId,
    credential: Credential,
}

impl Connection {
    /// A connection that was just opened, and its greeting.
    pub fn open(id: ConnectionId, limits: Arc<Limits>, budget: ConnectionBudget, now: Instant) -> (Self, Vec<Effect>) {
        let mut connection = Self {
            id,
            budget,
            phase: Phase::Anonymous { until: now + limits.sign_in },
            checking: None,
            last_heard: now,
            next_beat: now + limits.heartbeat,
            nonsense: Nonsense::default(),
            subscriptions: Subscriptions::default(),
            everything: None,
            desk: Desk::new(),
            limits,
        };
        connection.desk.out.tell(ServerFrame::Connected { connection: id });
        let greeting = connection.desk.out.take();
        (connection, greeting)
    }

    /// Takes what happened, and returns what to do about it. A closed connection does nothing any more.
    pub fn handle(&mut self, input: Input<'_>, now: Now) -> Vec<Effect> {
        if matches!(self.phase, Phase::Closed) {
            return Vec::new();
        }
        match input {
            Input::Text(text) => {
                self.last_heard = now.instant;
                self.take_frame(text, now);
                self.slow_down(now.instant);
            }
            Input::Binary => {
                self.last_heard = now.instant;
                self.budget.take(cost::MALFORMED, now.instant);
                self.refuse(BadFrame::invalid("a frame must be text"), now.instant);
                self.slow_down(now.instant);
            }
            Input::Alive => {
                self.last_heard = now.instant;
                self.budget.take(cost::CONTROL_FRAME, now.instant);
                self.slow_down(now.instant);
            }
            Input::Checked(verdict) => self.checked(verdict, now),
            Input::AccessEnded(credential) => self.ended(credential),
            Input::Found(number, found) => self.found(number, found),
            Input::Read(number, reading) => self.read(number, reading, now.instant),
            Input::News(post) => self.hear(&post),
            Input::Tick => self.tick(now.instant),
            Input::Overflowed => self.close(Close::TooSlow),
            Input::Stopping { retry_after } => {
                self.desk.out.tell(ServerFrame::Reconnect { retry_after });
                self.close(Close::Restart { retry_after });
            }
        }
        self.desk.out.take()
    }

    /// Whether it takes the next frame. Not while the answer to an earlier one is on its way: answers come in order. And not while the client
    /// has used up its budget: then it must wait with what it sends.
    pub fn reads(&self, now: Instant) -> bool {
        self.checking.is_none() && self.desk.queries.blocked_until(now).is_none() && self.budget.ready_at(now).is_none()
    }

    /// Whether it takes news. Not before the first look at all tasks is answered: how things are comes before how they change.
    pub fn hears(&self) -> bool {
        self.everything.as_ref().is_none_or(Everything::has_begun)
    }

    /// When it wants an [`Input::Tick`] at the latest.
    pub fn deadline(&self, now: Instant) -> Instant {
        let phase = match self.phase {
            // The check of a token decides first.
            Phase::Anonymous { .. } if self.checking.is_some() => None,
            Phase::Anonymous { until } | Phase::Expired { until, .. } => Some(until),
            Phase::SignedIn { until, .. } => until,
            Phase::Closed => None,
        };
        let parts = [
            phase,
            self.desk.queries.blocked_until(now),
            self.budget.ready_at(now),
            self.subscriptions.deadline(),
            self.everything.as_ref().and_then(Everything::deadline),
        ];
        parts.into_iter().flatten().fold(self.next_beat.min(self.last_heard + self.limits.silence), Instant::min)
    }

    fn identity(&self) -> Option<Identity> {
        match self.phase {
            Phase::SignedIn { identity, .. } | Phase::Expired { identity, .. } => Some(identity),
            Phase::Anonymous { .. } | Phase::Closed => None,
        }
    }

    fn take_frame(&mut self, text: &str, now: Now) {
        let frame = ClientFrame::parse(text);
        let units = cost::of_frame(&frame, text.len());
        match frame {
            // Who pays for it is known when it is checked.
            Ok(frame @ ClientFrame { request: Request::Auth { .. }, .. }) => {
                self.budget.take_own(units, now.instant);
                self.request(frame, now);
            }
            Ok(frame) => {
                self.budget.take(units, now.instant);
                self.request(frame, now);
            }
            Err(bad) => {
                self.budget.take(units, now.instant);
                self.refuse(bad, now.instant);
            }
        }
    }

    /// Tells a client that wants too much, now and then, and at last ends its connection.
    fn slow_down(&mut self, now: Instant) {
        // Whose budget it is shows when the first token has been checked.
        let is_being_known = self.checking.is_some() && self.identity().is_none();
        if is_being_known || matches!(self.phase, Phase::Closed) {
            return;
        }
        match self.budget.pressure(now) {
            None => {}
            Some(Pressure::Slowed) => {
                let message = "too many requests: the next ones are read more slowly";
                self.desk.out.tell(ServerFrame::error(ErrorCode::RateLimited, message, None));
            }
            Some(Pressure::Flooded) => self.flooded(None),
        }
    }

    fn flooded(&mut self, id: Option<FrameId>) {
        self.desk.out.answer(id, ServerFrame::error(ErrorCode::RateLimited, "too many requests for too long", None));
        self.close(Close::Flooding);
    }

    fn request(&mut self, ClientFrame { id, request }: ClientFrame, now: Now) {
        match (request, &self.phase) {
            (Request::Auth { token, dialect, start }, _) => {
                self.checking = Some(Checking { id, dialect, start });
                self.desk.out.push(Effect::CheckToken(token));
            }
            (Request::Ping(style), _) => self.desk.out.answer(id, ServerFrame::Pong(style)),
            (Request::Alive, _) => {}
            (_, Phase::Anonymous { .. } | Phase::Closed) => {
                self.desk.out.answer(id, ServerFrame::error(ErrorCode::Unauthorized, "sign in first: send an auth frame", None));
            }
            (_, Phase::Expired { .. }) => {
                let message = "the token has expired: send an auth frame";
                self.desk.out.answer(id, ServerFrame::error(ErrorCode::Unauthorized, message, None));
            }
            (_, Phase::SignedIn { .. }) if self.desk.out.dialect == Dialect::Flat => {
                let message = "this connection follows all tasks: it takes auth and ping";
                self.desk.out.answer(id, ServerFrame::error(ErrorCode::Validation, message, None));
            }
            (Request::Subscribe(task, start), Phase::SignedIn { .. }) => {
                self.subscriptions.subscribe(task, (id, start), now.instant, &self.limits, &mut self.desk);
            }
            (Request::Unsubscribe(task), Phase::SignedIn { .. }) => self.subscriptions.unsubscribe(task, id, &mut self.desk),
            (Request::SubscribeUser(start), Phase::SignedIn { .. }) => match &mut self.everything {
                Some(everything) => everything.ask(id, &mut self.desk),
                None => self.everything = Some(Everything::follow(start, Some(id), now.instant, &mut self.desk)),
            },
            (Request::UnsubscribeUser, Phase::SignedIn { .. }) => {
                if let Some(everything) = self.everything.take() {
                    everything.end(&mut self.desk);
                }
                self.desk.out.answer(id, ServerFrame::UserUnsubscribed);
            }
            (Request::Status(tasks), Phase::SignedIn { .. }) => subscriptions::ask(tasks, id, now.instant, &mut self.desk),
        }
    }

    fn refuse(&mut self, bad: BadFrame, now: Instant) {
        let BadFrame { id, code, message, video_id } = bad;
        self.desk.out.answer(id, ServerFrame::Error { code, message, video_id });
        if code == ErrorCode::Validation && self.nonsense.heard(now) {
            self.close(Close::Nonsense);
        }
    }

    fn checked(&mut self, verdict: Result<Caller, TokenRefusal>, now: Now) {
        let Some(Checking { id, dialect, start }) = self.checking.take() else { return };
        let before = self.identity();
        if before.is_none() {
            self.desk.out.dialect = dialect;
        }
        match (before, &verdict) {
            // The token is good.
            (None, Err(TokenRefusal::TooMany(_))) => self.budget.take_shared(cost::FAILED_SIGN_IN, now.instant),
            (None, Err(_)) if !self.budget.sign_in_failed(cost::FAILED_SIGN_IN, now.instant) => return self.flooded(id),
            (None, Err(_)) => {}
            // Nobody behind the same address has to pay for it.
            (None, Ok(caller)) if !self.budget.sign_in(caller.user_id, now.instant) => return self.flooded(id),
            _ => self.budget.take_shared(cost::SIGN_IN, now.instant),
        }
        match verdict {
            Err(refusal @ TokenRefusal::TooMany(_)) => {
                self.desk.out.answer(id, ServerFrame::error(ErrorCode::TooManyConnections, refusal.to_string(), None));
                self.close(Close::TooMany);
            }
            Err(refusal) => self.unauthorized(id, refusal.to_string()),
            Ok(caller) if before.is_some_and(|identity| identity.user != caller.user_id) => {
                self.unauthorized(id, "the token belongs to another user".to_owned());
            }
            Ok(caller) => self.sign_in(id, caller, start, now),
        }
    }

    fn sign_in(&mut self, id: Option<FrameId>, caller: Caller, start: Start, now: Now) {
        let is_first = self.identity().is_none();
        let identity = Identity { user: caller.user_id, credential: caller.credential };
        let good_for = |expires_at: DateTime<Utc>| (expires_at - now.time).max(TimeDelta::zero()).to_std().unwrap_or_default();
        self.phase = Phase::SignedIn { identity, until: caller.expires_at.map(|expires_at| now.instant + good_for(expires_at)) };
        let frame = ServerFrame::AuthSuccess {
            user: caller.user_id,
            username: caller.username,
            connection: self.id,
            expires_at: caller.expires_at,
        };
        self.desk.out.answer(id, frame);
        if is_first && self.desk.out.dialect == Dialect::Flat {
            self.budget.take(cost::ALL_TASKS, now.instant);
            self.everything = Some(Everything::follow(start, None, now.instant, &mut self.desk));
        }
    }

    /// Of no concern if the client has signed in with another since.
    fn ended(&mut self, credential: Credential) {
        if self.identity().is_some_and(|identity| identity.credential == credential) {
            self.unauthorized(None, Refusal::of_ended(credential).to_string());
        }
    }

    fn unauthorized(&mut self, id: Option<FrameId>, error: String) {
        self.desk.out.answer(id, ServerFrame::AuthFailed { error });
        self.close(Close::Unauthorized);
    }

    fn found(&mut self, number: QueryNumber, found: Vec<Found>) {
        let Some(Purpose::Status(id, tasks)) = self.desk.queries.answered(number) else { return };
        for (task, found) in tasks.into_iter().zip(found) {
            // Whoever found it, a task of somebody else is none.
            let found = match found {
                Found::State(update) if !self.owns(&update) => Found::Nothing,
                found => found,
            };
            let (event_id, frame) = (self.desk.teller.last(), self.subscriptions.present_state(task, found));
            self.desk.out.event(id.clone(), event_id, frame);
        }
    }

    fn read(&mut self, number: QueryNumber, mut reading: Result<Reading, Unavailable>, now: Instant) {
        let Some(Purpose::Read(scope)) = self.desk.queries.answered(number) else { return };
        if let Ok(reading) = &mut reading {
            reading.states.retain(|update| self.owns(update));
        }
        match (scope, &mut self.everything) {
            (Scope::Task(task), _) => self.subscriptions.read(task, reading, now, &mut self.desk),
            (Scope::Everything, Some(everything)) => {
                let found = reading.as_ref().map_or(0, |reading| reading.states.len());
                self.budget.take(cost::of_states(found), now);
                everything.read(reading, now, &mut self.desk);
            }
            (Scope::Everything, None) => {}
        }
    }

    fn hear(&mut self, post: &Post) {
        if !self.owns(&post.update) || self.subscriptions.hear(post, &mut self.desk) {
            return;
        }
        if let Some(everything) = &mut self.everything {
            everything.hear(post, &mut self.desk);
        }
    }

    fn owns(&self, update: &Update) -> bool {
        self.identity().is_some_and(|identity| identity.user == update.task.user_id)
    }

    fn tick(&mut self, now: Instant) {
        match self.phase {
            Phase::Anonymous { until } if until <= now && self.checking.is_none() => {
                let error = format!("no auth frame within {} s", self.limits.sign_in.as_secs());
                return self.unauthorized(None, error);
            }
            Phase::SignedIn { identity, until } if until.is_some_and(|until| until <= now) => {
                self.desk.out.tell(ServerFrame::AuthExpired);
                self.phase = Phase::Expired { identity, until: now + self.limits.renewal };
            }
            Phase::Expired { until, .. } if until <= now => return self.unauthorized(None, "token has expired".to_owned()),
            Phase::Anonymous { .. } | Phase::SignedIn { .. } | Phase::Expired { .. } | Phase::Closed => {}
        }
        if self.last_heard + self.limits.silence <= now {
            return self.close(Close::Silent);
        }
        if self.next_beat <= now {
            self.beat(now);
        }
        self.subscriptions.tick(now, &mut self.desk);
        if let Some(everything) = &mut self.everything {
            everything.tick(now, &mut self.desk);
        }
    }

    fn beat(&mut self, now: Instant) {
        self.next_beat = now + self.limits.heartbeat;
        // Clients of the other dialect know no such frame; the protocol's ping is enough there.
        if self.desk.out.dialect == Dialect::Enveloped {
            self.desk.out.tell(ServerFrame::Heartbeat);
        }
        self.desk.out.push(Effect::Ping);
        if let Phase::SignedIn { identity, .. } = self.phase {
            self.desk.out.push(Effect::CheckAccess(identity.credential));
        }
    }

    fn close(&mut self, reason: Close) {
        self.phase = Phase::Closed;
        self.desk.out.close(reason);
    }
}
