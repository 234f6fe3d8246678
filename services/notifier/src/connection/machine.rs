use std::{sync::Arc, time::Instant};

use chrono::TimeDelta;
use zoetrope_domain::{SessionId, UserId};
use zoetrope_tokens::Claims;

use super::{
    Close, Effect, Found, Input, Limits, Now, TokenRefusal, everything::Everything, output::Output, subscriptions::Subscriptions,
};
use crate::{
    frames::{BadFrame, ClientFrame, ConnectionId, Dialect, ErrorCode, FrameId, Request, ServerFrame},
    task::Update,
};

/// The life of one connection: who it belongs to, when it ends, and which part of it a frame is for.
pub struct Connection {
    id: ConnectionId,
    limits: Arc<Limits>,
    phase: Phase,
    /// The `auth` frame whose token is being checked.
    checking: Option<(Option<FrameId>, Dialect)>,
    last_heard: Instant,
    next_beat: Instant,
    subscriptions: Subscriptions,
    /// Present on a `photo`-style connection.
    everything: Option<Everything>,
    out: Output,
}

enum Phase {
    /// Nobody yet.
    Anonymous {
        until: Instant,
    },
    /// Somebody with a good token.
    SignedIn {
        identity: Identity,
        until: Instant,
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
    session: SessionId,
}

impl Connection {
    /// A connection that was just opened, and its greeting.
    pub fn open(id: ConnectionId, limits: Arc<Limits>, now: Instant) -> (Self, Vec<Effect>) {
        let mut connection = Self {
            id,
            phase: Phase::Anonymous { until: now + limits.sign_in },
            checking: None,
            last_heard: now,
            next_beat: now + limits.heartbeat,
            subscriptions: Subscriptions::default(),
            everything: None,
            out: Output::new(),
            limits,
        };
        connection.out.tell(ServerFrame::Connected { connection: id });
        let greeting = connection.out.take();
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
                match ClientFrame::parse(text) {
                    Ok(frame) => self.request(frame, now),
                    Err(bad) => self.refuse(bad),
                }
            }
            Input::Binary => {
                self.last_heard = now.instant;
                self.refuse(BadFrame::invalid("a frame must be text"));
            }
            Input::Alive => self.last_heard = now.instant,
            Input::Checked(verdict) => self.checked(verdict, now),
            Input::SessionEnded => self.unauthorized(None, TokenRefusal::SessionEnded.to_string()),
            Input::Found(number, found) => {
                let found = found.into_iter().map(|found| self.if_own(found)).collect();
                self.subscriptions.found(number, found, now.instant, &mut self.out);
            }
            Input::OpenTasks(tasks) => {
                if let Some(everything) = &mut self.everything {
                    everything.snapshot(tasks, now.instant, &mut self.out);
                }
            }
            Input::Update(update) => self.update(&update),
            Input::Tick => self.tick(now.instant),
            Input::Overflowed => self.close(Close::TooSlow),
            Input::Stopping => self.close(Close::Restart),
        }
        self.out.take()
    }

    /// Whether it takes the next frame. Not while the answer to an earlier one is on its way: answers come in order.
    pub fn reads(&self, now: Instant) -> bool {
        self.checking.is_none() && self.subscriptions.blocked_until(now).is_none()
    }

    /// When it wants an [`Input::Tick`] at the latest.
    pub fn deadline(&self, now: Instant) -> Instant {
        let phase = match self.phase {
            // The check of a token decides first.
            Phase::Anonymous { .. } if self.checking.is_some() => None,
            Phase::Anonymous { until } | Phase::SignedIn { until, .. } | Phase::Expired { until, .. } => Some(until),
            Phase::Closed => None,
        };
        let parts = [
            phase,
            self.subscriptions.blocked_until(now),
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

    fn request(&mut self, ClientFrame { id, request }: ClientFrame, now: Now) {
        match (request, &self.phase) {
            (Request::Auth { token, dialect }, _) => {
                self.checking = Some((id, dialect));
                self.out.push(Effect::CheckToken(token));
            }
            (Request::Ping, _) => self.out.answer(id, ServerFrame::Pong),
            (_, Phase::Anonymous { .. } | Phase::Closed) => {
                self.out.answer(id, ServerFrame::error(ErrorCode::Unauthorized, "sign in first: send an auth frame", None));
            }
            (_, Phase::Expired { .. }) => {
                let message = "the token has expired: send an auth frame";
                self.out.answer(id, ServerFrame::error(ErrorCode::Unauthorized, message, None));
            }
            (_, Phase::SignedIn { .. }) if self.everything.is_some() => {
                let message = "this connection follows all tasks: it takes auth and ping";
                self.out.answer(id, ServerFrame::error(ErrorCode::Validation, message, None));
            }
            (Request::Subscribe(task), Phase::SignedIn { identity, .. }) => {
                let user = identity.user;
                self.subscriptions.subscribe((user, task), id, now.instant, &self.limits, &mut self.out);
            }
            (Request::Unsubscribe(task), Phase::SignedIn { .. }) => self.subscriptions.unsubscribe(task, id, &mut self.out),
            (Request::Status(tasks), Phase::SignedIn { .. }) => self.subscriptions.ask(tasks, id, now.instant, &mut self.out),
        }
    }

    fn refuse(&mut self, bad: BadFrame) {
        let BadFrame { id, code, message, video_id } = bad;
        self.out.answer(id, ServerFrame::Error { code, message, video_id });
    }

    fn checked(&mut self, verdict: Result<Claims, TokenRefusal>, now: Now) {
        let Some((id, dialect)) = self.checking.take() else { return };
        let before = self.identity();
        if before.is_none() {
            self.out.dialect = dialect;
        }
        match verdict {
            Err(refusal) => self.unauthorized(id, refusal.to_string()),
            Ok(claims) if before.is_some_and(|identity| identity.user != claims.user_id) => {
                self.unauthorized(id, "the token belongs to another user".to_owned());
            }
            Ok(claims) => self.sign_in(id, claims, now),
        }
    }

    fn sign_in(&mut self, id: Option<FrameId>, claims: Claims, now: Now) {
        let is_first = self.identity().is_none();
        let identity = Identity { user: claims.user_id, session: claims.session_id };
        let good_for = (claims.expires_at - now.time).max(TimeDelta::zero()).to_std().unwrap_or_default();
        self.phase = Phase::SignedIn { identity, until: now.instant + good_for };
        let frame = ServerFrame::AuthSuccess {
            user: claims.user_id,
            username: claims.username,
            connection: self.id,
            expires_at: claims.expires_at,
        };
        self.out.answer(id, frame);
        if is_first && self.out.dialect == Dialect::Flat {
            self.everything = Some(Everything::follow(identity.user, now.time, &mut self.out));
        }
    }

    fn unauthorized(&mut self, id: Option<FrameId>, error: String) {
        self.out.answer(id, ServerFrame::AuthFailed { error });
        self.close(Close::Unauthorized);
    }

    /// Whoever found it, a task of somebody else is none.
    fn if_own(&self, found: Found) -> Found {
        match found {
            Found::State(update) if self.owns(&update) => Found::State(update),
            Found::State(_) | Found::Nothing => Found::Nothing,
            Found::Unavailable => Found::Unavailable,
        }
    }

    fn owns(&self, update: &Update) -> bool {
        self.identity().is_some_and(|identity| identity.user == update.task.user_id)
    }

    fn update(&mut self, update: &Arc<Update>) {
        if !self.owns(update) {
            return;
        }
        match &mut self.everything {
            Some(everything) => everything.update(update, &mut self.out),
            None => self.subscriptions.update(update, &mut self.out),
        }
    }

    fn tick(&mut self, now: Instant) {
        match self.phase {
            Phase::Anonymous { until } if until <= now && self.checking.is_none() => {
                let error = format!("no auth frame within {} s", self.limits.sign_in.as_secs());
                return self.unauthorized(None, error);
            }
            Phase::SignedIn { identity, until } if until <= now => {
                self.out.tell(ServerFrame::AuthExpired);
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
        self.subscriptions.tick(now, &mut self.out);
        if let Some(everything) = &mut self.everything {
            everything.tick(now, &mut self.out);
        }
    }

    fn beat(&mut self, now: Instant) {
        self.next_beat = now + self.limits.heartbeat;
        // Clients of the other dialect know no such frame; the protocol's ping is enough there.
        if self.out.dialect == Dialect::Enveloped {
            self.out.tell(ServerFrame::Heartbeat);
        }
        self.out.push(Effect::Ping);
        if let Phase::SignedIn { identity, .. } = self.phase {
            self.out.push(Effect::CheckSession(identity.session));
        }
    }

    fn close(&mut self, reason: Close) {
        self.phase = Phase::Closed;
        self.out.close(reason);
    }
}
