//! The socket side of a connection: it feeds `crate::connection` and does what it says.
//!
//! One task per connection, on the HTTP worker that took it. A client that reads slowly holds up this task alone: news waits in its
//! mailbox, where only the newest of a task is kept.

mod close;
mod context;
mod frame_guard;
mod subprotocol;

use std::{
    mem,
    net::IpAddr,
    ops::ControlFlow,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_ws::{AggregatedMessage, AggregatedMessageStream, MessageStream, ProtocolError, Session};
use chrono::Utc;
use futures_util::{FutureExt, StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};
use secrecy::SecretString;
use tokio::time::{sleep_until, timeout};
use tracing::{Instrument, Span, info_span};
use uuid::Uuid;
use zoetrope_service::trace::continue_from;
use zoetrope_tokens::{Caller, Credential, KeyName};

pub use self::{
    context::{Context, Parts},
    frame_guard::guarded,
    subprotocol::choose as choose_subprotocol,
};
use crate::{
    budget::ConnectionBudget,
    connection::{Close, Connection, Effect, Input, Now, QueryNumber, TokenRefusal},
    frames::{ConnectionId, Outgoing, ServerFrame},
    hub::{Bell, Mail, Membership},
    metrics,
    states::Look,
    stream::{Scope, Start},
    task::Update,
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
    /// Whose end is among what is awaited.
    watched: Option<(Credential, Option<KeyName>)>,
    /// Reads of states that are under way, the end of what the client signed in with, and the end of the process. They are looked at when
    /// they come, and not with each frame.
    awaited: FuturesUnordered<LocalBoxFuture<'static, Input<'static>>>,
}

/// Serves one connection, which comes from this address, until it ends.
pub async fn run(context: Arc<Context>, address: IpAddr, session: Session, messages: MessageStream) {
    let longest = context.max_frame_bytes;
    let messages = messages.max_frame_size(longest).aggregate_continuations().max_continuation_size(longest);
    let id = ConnectionId::new(Uuid::now_v7());
    let now = Instant::now();
    let budget = ConnectionBudget::open(Arc::clone(&context.budgets), address, now);
    let (connection, greeting) = Connection::open(id, Arc::clone(&context.limits), budget, now);
    let membership = context.hub.join(Some(Bell::of_this_worker()));
    let mut socket = Socket { context, session, connection, membership, watched: None, awaited: FuturesUnordered::new() };
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
        self.await_the_end_of_the_process();
        let mut tick = pin!(sleep_until(self.connection.deadline(Instant::now()).into()));
        let mut mailed_last = false;
        loop {
            let now = Instant::now();
            let deadline = self.connection.deadline(now).into();
            if tick.deadline() != deadline {
                tick.as_mut().reset(deadline);
            }
            let hears = self.connection.hears();
            // Mail is what mostly comes, and to many at once: it is looked for first, but not twice in a row. The client's frames come
            // after what ends its connection: who never stops sending must not outlive its token, or the process.
            let mail_first = !mem::take(&mut mailed_last);
            let step = tokio::select! {
                biased;
                mail = self.membership.mailbox().take(), if hears && mail_first => {
                    mailed_last = true;
                    self.mailed(mail).await
                }
                Some(input) = self.awaited.next() => self.handle(input).await,
                () = tick.as_mut() => self.handle(Input::Tick).await,
                message = messages.recv(), if self.connection.reads(now) => self.received(message).await,
                mail = self.membership.mailbox().take(), if hears && !mail_first => self.mailed(mail).await,
            };
            if let ControlFlow::Break(end) = step {
                return end;
            }
        }
    }

    fn await_the_end_of_the_process(&self) {
        let context = Arc::clone(&self.context);
        let stopping = async move {
            context.stopping.cancelled().await;
            Input::Stopping { retry_after: context.retry_after() }
        };
        self.awaited.push(stopping.boxed_local());
    }

    async fn received(&mut self, message: Option<Result<AggregatedMessage, ProtocolError>>) -> Step {
        match message {
            Some(Ok(AggregatedMessage::Text(text))) => self.handle(Input::Text(&text)).await,
            Some(Ok(AggregatedMessage::Binary(_))) => self.handle(Input::Binary).await,
            Some(Ok(AggregatedMessage::Ping(payload))) => {
                write(self.context.write_timeout, self.session.pong(&payload)).await?;
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
            Mail::Posts(posts) => {
                for post in posts {
                    self.handle(Input::News(post)).await?;
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
                Effect::Ping => write(self.context.write_timeout, self.session.ping(b"")).await?,
                Effect::Close(reason) => return Step::Break(End::Close(reason)),
                Effect::CheckToken(token) => {
                    let verdict = self.sign_in(&token).await;
                    Box::pin(self.handle(Input::Checked(verdict))).await?;
                }
                Effect::CheckAccess(credential) => {
                    if self.context.access.has_ended(credential).await {
                        Box::pin(self.handle(Input::AccessEnded(credential))).await?;
                    }
                }
                Effect::Follow(scope) => self.membership.follow(scope),
                Effect::Unfollow(scope) => self.membership.unfollow(scope),
                Effect::Read(number, scope, start) => self.read(number, scope, start),
                Effect::Look(number, tasks) => {
                    let Some(user) = self.membership.user() else { continue };
                    let states = self.context.states.clone();
                    self.awaited.push(async move { Input::Found(number, states.of(user, tasks).await) }.boxed_local());
                }
            }
        }
        Step::Continue(())
    }

    /// A good token makes the connection its user's, if he may have one more.
    async fn sign_in(&mut self, token: &SecretString) -> Result<Caller, TokenRefusal> {
        let caller = self.context.check_token(token).await?;
        self.membership.enter(caller.user_id)?;
        self.await_the_end_of(&caller);
        Ok(caller)
    }

    fn await_the_end_of(&mut self, caller: &Caller) {
        let credential = caller.credential;
        let with = (credential, caller.signed_by.clone());
        if self.watched.replace(with.clone()) != Some(with) {
            let watch = self.context.access.watch(caller);
            let ended = async move {
                watch.ended().await;
                Input::AccessEnded(credential)
            };
            self.awaited.push(ended.boxed_local());
        }
    }

    fn read(&self, number: QueryNumber, scope: Scope, start: Start) {
        let Some(user) = self.membership.user() else { return };
        let look = Look { user, scope, start, must_cover: self.membership.must_cover() };
        let states = self.context.states.clone();
        self.awaited.push(async move { Input::Read(number, states.read(look).await) }.boxed_local());
    }

    async fn send(&mut self, outgoing: Outgoing) -> Step {
        let text = self.context.render(&outgoing);
        let written = write(self.context.write_timeout, self.session.text(text));
        match &outgoing.frame {
            ServerFrame::Push(update) => {
                written.instrument(push_span(update)).await?;
                metrics::pushed(update.task.updated_at, Utc::now());
            }
            _ => written.await?,
        }
        metrics::frame_sent(outgoing.kind());
        Step::Continue(())
    }
}

async fn write(patience: Duration, frame: impl Future<Output = Result<(), actix_ws::Closed>>) -> Step {
    match timeout(patience, frame).await {
        Ok(Ok(())) => Step::Continue(()),
        Ok(Err(actix_ws::Closed)) => Step::Break(End::Gone),
        Err(_) => Step::Break(End::Close(Close::TooSlow)),
    }
}

/// The end of a change's trace: it is written to the first of its clients. A span for each of ten thousand would take longer than the frames,
/// and tell no more.
pub fn push_span(update: &Update) -> Span {
    if !update.begins_to_be_told() {
        return Span::none();
    }
    let task = &update.task;
    let span = info_span!("push", task_id = %task.task_id, version = task.version, status = task.status.as_str());
    continue_from(&span, update.traceparent.as_deref());
    span
}

fn now() -> Now {
    Now { instant: Instant::now(), time: Utc::now() }
}
