//! The socket side of a connection: it feeds `crate::connection` and does what it says.
//!
//! One task per connection, on the HTTP worker that took it. A client that reads slowly holds up this task alone: news waits in its
//! mailbox, where only the newest of a task is kept.

mod close;
mod context;

use std::{ops::ControlFlow, pin::pin, sync::Arc, time::Instant};

use actix_ws::{AggregatedMessage, AggregatedMessageStream, ProtocolError, Session};
use chrono::Utc;
use futures_util::{FutureExt, StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};
use tokio::time::{sleep_until, timeout};
use tracing::{Instrument, info_span};
use uuid::Uuid;
use zoetrope_service::trace::continue_from;

pub use self::context::{Context, Parts};
use crate::{
    connection::{Close, Connection, Effect, Input, Now},
    frames::{ConnectionId, Outgoing, ServerFrame},
    hub::{Mail, Membership},
    metrics,
};

/// How a connection ended.
enum End {
    /// The server ends it.
    Close(Close),
    /// The client is gone.
    Gone,
}

/// A step of a connection: it goes on, or ends.
type Step = ControlFlow<End>;

struct Socket {
    context: Arc<Context>,
    session: Session,
    connection: Connection,
    membership: Membership,
    /// Reads of states that are under way.
    looks: FuturesUnordered<LocalBoxFuture<'static, Input<'static>>>,
}

/// Serves one connection until it ends.
pub async fn run(context: Arc<Context>, session: Session, messages: AggregatedMessageStream) {
    let id = ConnectionId::new(Uuid::now_v7());
    let (connection, greeting) = Connection::open(id, Arc::clone(&context.limits), Instant::now());
    let membership = context.hub.join();
    let mut socket = Socket { context, session, connection, membership, looks: FuturesUnordered::new() };
    let ended = match socket.perform(greeting).await {
        ControlFlow::Continue(()) => socket.live(messages).await,
        ControlFlow::Break(end) => end,
    };
    match ended {
        End::Close(reason) => {
            tracing::debug!(connection_id = %id, reason = reason.label(), "the connection is closed");
            metrics::closed(reason.label());
            close::send(socket.session, reason).await;
        }
        End::Gone => tracing::debug!(connection_id = %id, "the client is gone"),
    }
}

impl Socket {
    async fn live(&mut self, mut messages: AggregatedMessageStream) -> End {
        let context = Arc::clone(&self.context);
        let mut stopping = pin!(context.stopping.cancelled());
        let mut tick = pin!(sleep_until(self.connection.deadline(Instant::now()).into()));
        loop {
            let now = Instant::now();
            let deadline = self.connection.deadline(now).into();
            if tick.deadline() != deadline {
                tick.as_mut().reset(deadline);
            }
            let step = tokio::select! {
                message = messages.recv(), if self.connection.reads(now) => self.received(message).await,
                mail = self.membership.mailbox().take() => self.mailed(mail).await,
                Some(input) = self.looks.next() => self.handle(input).await,
                () = tick.as_mut() => self.handle(Input::Tick).await,
                () = stopping.as_mut() => self.handle(Input::Stopping).await,
            };
            if let ControlFlow::Break(end) = step {
                return end;
            }
        }
    }

    async fn received(&mut self, message: Option<Result<AggregatedMessage, ProtocolError>>) -> Step {
        match message {
            Some(Ok(AggregatedMessage::Text(text))) => self.handle(Input::Text(&text)).await,
            Some(Ok(AggregatedMessage::Binary(_))) => self.handle(Input::Binary).await,
            Some(Ok(AggregatedMessage::Ping(payload))) => {
                let mut session = self.session.clone();
                self.write(session.pong(&payload)).await?;
                self.handle(Input::Alive).await
            }
            Some(Ok(AggregatedMessage::Pong(_))) => self.handle(Input::Alive).await,
            Some(Ok(AggregatedMessage::Close(reason))) => {
                close::answer(self.session.clone(), reason).await;
                Step::Break(End::Gone)
            }
            Some(Err(error)) => Step::Break(close::cause(&error).map_or(End::Gone, End::Close)),
            None => Step::Break(End::Gone),
        }
    }

    async fn mailed(&mut self, mail: Mail) -> Step {
        match mail {
            Mail::Updates(updates) => {
                for update in updates {
                    self.handle(Input::Update(update)).await?;
                }
                Step::Continue(())
            }
            Mail::Overflowed => self.handle(Input::Overflowed).await,
        }
    }

    async fn handle(&mut self, input: Input<'_>) -> Step {
        let effects = self.connection.handle(input, now());
        self.perform(effects).await
    }

    async fn perform(&mut self, effects: Vec<Effect>) -> Step {
        for effect in effects {
            match effect {
                Effect::Send(outgoing) => self.send(outgoing).await?,
                Effect::Ping => {
                    let mut session = self.session.clone();
                    self.write(session.ping(b"")).await?;
                }
                Effect::Close(reason) => return Step::Break(End::Close(reason)),
                Effect::CheckToken(token) => {
                    let verdict = self.context.check_token(&token).await;
                    Box::pin(self.handle(Input::Checked(verdict))).await?;
                }
                Effect::CheckSession(session) => {
                    if self.context.revocations.is_revoked(session).await {
                        Box::pin(self.handle(Input::SessionEnded)).await?;
                    }
                }
                Effect::Follow(task, user) => self.membership.follow(task, user),
                Effect::Unfollow(task) => self.membership.unfollow(task),
                Effect::FollowAll(user) => self.membership.follow_all(user),
                Effect::Look(number, tasks) => {
                    let states = self.context.states.clone();
                    self.looks.push(async move { Input::Found(number, states.of(&tasks).await) }.boxed_local());
                }
                Effect::LookForOpen(user) => {
                    let states = self.context.states.clone();
                    self.looks.push(async move { Input::OpenTasks(states.open_of(user).await) }.boxed_local());
                }
            }
        }
        Step::Continue(())
    }

    async fn send(&mut self, outgoing: Outgoing) -> Step {
        let text = self.context.render(&outgoing);
        let mut session = self.session.clone();
        let written = self.write(session.text(text));
        match &outgoing.frame {
            ServerFrame::Push(update) => {
                let task = &update.task;
                let span = info_span!("push", task_id = %task.task_id, version = task.version, status = task.status.as_str());
                continue_from(&span, update.traceparent.as_deref());
                written.instrument(span).await?;
                metrics::pushed(task.updated_at, Utc::now());
            }
            _ => written.await?,
        }
        metrics::frame_sent(outgoing.kind());
        Step::Continue(())
    }

    async fn write(&self, frame: impl Future<Output = Result<(), actix_ws::Closed>>) -> Step {
        match timeout(self.context.write_timeout, frame).await {
            Ok(Ok(())) => Step::Continue(()),
            Ok(Err(actix_ws::Closed)) => Step::Break(End::Gone),
            Err(_) => Step::Break(End::Close(Close::TooSlow)),
        }
    }
}

fn now() -> Now {
    Now { instant: Instant::now(), time: Utc::now() }
}
