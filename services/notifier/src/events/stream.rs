use std::{future::pending, mem, sync::Arc, time::Instant};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::time::{self, MissedTickBehavior, interval_at, sleep, sleep_until};
use tracing::Instrument;
use zoetrope_domain::FeedPosition;
use zoetrope_http::sse::{self, Ended, Writer};
use zoetrope_limits::Subject;
use zoetrope_tokens::{Caller, TokenError};

use super::{Said, Voice};
use crate::{
    hub::{Bell, Mail, Membership, TooManyStreams},
    metrics,
    socket::{Context, push_span},
    states::Look,
    stream::{Event, Following, Reading, Scope, Start, Teller, Told, Unavailable},
    task::Update,
};

/// What a stream costs of its user's budget when it begins, as a sign-in on the WebSocket and the look at all tasks do.
const STREAM: u32 = 15;

/// One client's stream.
pub struct Stream<V> {
    context: Arc<Context>,
    caller: Caller,
    membership: Membership,
    scope: Scope,
    following: Following,
    teller: Teller,
    voice: V,
    /// What the first reading brought.
    unsaid: Vec<Line>,
}

/// Why no stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    TooMany,
    /// The user has asked for too much lately.
    TooOften,
    /// There is no such task, or it belongs to somebody else.
    NoSuchTask,
    /// The state of the task cannot be read now.
    Unavailable,
}

/// An event on its way out.
struct Line {
    said: Said,
    /// Whoever has seen it, and those before it, resumes from here.
    id: Option<FeedPosition>,
    /// The change that it tells of, if that was just heard of.
    change: Option<Arc<Update>>,
}

/// How a stream ends.
enum End {
    Gone,
    TooSlow,
    Unauthorized(zoetrope_tokens::Refusal),
    Restart,
}

type Step = Result<(), End>;

impl<V: Voice> Stream<V> {
    /// Follows from where the client stands, and makes the first reading, while a plain error can still be answered. A task that is not
    /// known yet is waited for.
    pub async fn begin(context: Arc<Context>, caller: Caller, scope: Scope, start: Start, voice: V) -> Result<Self, Refusal> {
        let (budget, now) = (context.budgets.shared(Subject::User(caller.user_id), Instant::now()), Instant::now());
        if budget.ready_at(now).is_some() {
            return Err(Refusal::TooOften);
        }
        budget.take(STREAM, now);
        let mut membership = context.hub.join(Some(Bell::of_this_worker()));
        membership.enter(caller.user_id)?;
        membership.follow(scope);
        let mut teller = Teller::default();
        let following = Following::begin(scope, start, &mut teller);
        let mut stream = Self { context, caller, membership, scope, following, teller, voice, unsaid: Vec::new() };
        stream.read_first().await?;
        Ok(stream)
    }

    async fn read_first(&mut self) -> Result<(), Refusal> {
        let gives_up = Instant::now() + self.context.limits.subscribe_wait;
        let mut refusal = Refusal::NoSuchTask;
        loop {
            if let Some(start) = self.following.due(Instant::now()) {
                let reading = self.context.states.read(self.look(start)).await;
                let refused = match (self.scope, &reading) {
                    (Scope::Task(_), Ok(reading)) if reading.states.is_empty() => Some(Refusal::NoSuchTask),
                    (Scope::Task(_), Err(Unavailable)) => Some(Refusal::Unavailable),
                    (Scope::Task(_) | Scope::Everything, _) => None,
                };
                self.begin_with(reading, refused.is_none());
                match refused {
                    Some(refused) => refusal = refused,
                    None => return Ok(()),
                }
            }
            let again = self.following.deadline().filter(|again| *again <= gives_up).ok_or(refusal)?;
            sleep_until(again.into()).await;
        }
    }

    fn begin_with(&mut self, reading: Result<Reading, Unavailable>, begins: bool) {
        let from = match &reading {
            Ok(reading) => self.following.standpoint(reading, &self.teller),
            Err(Unavailable) => self.teller.last(),
        };
        let lines = self.read(reading);
        if begins {
            let stands = self.voice.stands(from).map(|said| Line { said, id: from, change: None });
            self.unsaid = stands.into_iter().chain(lines).collect();
        }
    }

    /// Serves the client until one of the two has enough.
    pub async fn run(mut self, writer: Writer) {
        let context = Arc::clone(&self.context);
        let expires_at = self.caller.expires_at;
        let watch = context.access.watch(&self.caller);
        let refusal = zoetrope_tokens::Refusal::of_ended(self.caller.credential);
        let end = tokio::select! {
            end = self.tell(&writer) => end,
            () = writer.gone() => End::Gone,
            () = until(expires_at) => End::Unauthorized(TokenError::Expired.into()),
            () = watch.ended() => End::Unauthorized(refusal),
            () = context.stopping.cancelled() => End::Restart,
        };
        let (reason, last) = match end {
            End::Gone => return,
            // Broken off as by a bad network: the client comes back, and says what it has seen last.
            End::TooSlow => ("too_slow", None),
            End::Unauthorized(refusal) => ("unauthorized", Some(event(self.voice.refuses(refusal)))),
            End::Restart => ("restart", Some(sse::Event::retry(context.retry_after()))),
        };
        metrics::closed(reason);
        if let Some(last) = last
            && writer.send(&last).await.is_ok()
        {
            // Who is gone by now needs no end.
            let _ = writer.finish().await;
        }
    }

    async fn tell(&mut self, writer: &Writer) -> End {
        // Also those who are cut off together without a word come back at different times.
        if let Err(ended) = writer.send(&sse::Event::retry(self.context.retry_after())).await {
            return ended.into();
        }
        let first = mem::take(&mut self.unsaid);
        if let Err(end) = write_all(first, writer).await {
            return end;
        }
        let heartbeat = self.context.limits.heartbeat;
        let mut beats = interval_at(time::Instant::now() + heartbeat, heartbeat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut readings = FuturesUnordered::new();
        loop {
            if let Some(start) = self.following.due(Instant::now()) {
                let (states, look) = (self.context.states.clone(), self.look(start));
                readings.push(async move { states.read(look).await });
            }
            let look_again = self.following.deadline();
            let step = tokio::select! {
                Some(reading) = readings.next() => write_all(self.read(reading), writer).await,
                mail = self.membership.mailbox().take() => self.mailed(mail, writer).await,
                () = sleep_until(look_again.unwrap_or_else(Instant::now).into()), if look_again.is_some() => Ok(()),
                _ = beats.tick() => self.beat(writer).await,
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// What is to be read now, to go on from this start.
    fn look(&self, start: Start) -> Look {
        Look { user: self.caller.user_id, scope: self.scope, start, must_cover: self.membership.must_cover() }
    }

    fn read(&mut self, reading: Result<Reading, Unavailable>) -> Vec<Line> {
        let told = self.following.read(reading, Instant::now(), &mut self.teller);
        told.into_iter().flat_map(|told| self.lines(told)).collect()
    }

    async fn mailed(&mut self, mail: Mail, writer: &Writer) -> Step {
        let Mail::Posts(posts) = mail else { return Err(End::TooSlow) };
        for post in posts {
            if let Some(told) = self.following.hear(&post, &mut self.teller) {
                write_all(self.lines(told), writer).await?;
            }
        }
        Ok(())
    }

    /// The last of what tells an event has its id: who was cut off in between hears all of it again.
    fn lines(&mut self, told: Told) -> Vec<Line> {
        let id = told.id;
        let change = if let Event::Change(update) = &told.event { Some(Arc::clone(update)) } else { None };
        let said = self.voice.tells(told).into_iter();
        let mut lines: Vec<Line> = said.map(|said| Line { said, id: None, change: None }).collect();
        if let Some(last) = lines.last_mut() {
            (last.id, last.change) = (id, change);
        }
        lines
    }

    /// Brings the newest id to a client that has nothing else to hear.
    async fn beat(&self, writer: &Writer) -> Step {
        if self.context.access.has_ended(self.caller.credential).await {
            return Err(End::Unauthorized(zoetrope_tokens::Refusal::of_ended(self.caller.credential)));
        }
        let beat = Line { said: self.voice.beats(), id: self.teller.last(), change: None };
        beat.write(writer).await
    }
}

/// `None`: for ever.
async fn until(time: Option<DateTime<Utc>>) {
    match time {
        Some(time) => sleep((time - Utc::now()).to_std().unwrap_or_default()).await,
        None => pending().await,
    }
}

async fn write_all(lines: Vec<Line>, writer: &Writer) -> Step {
    for line in lines {
        line.write(writer).await?;
    }
    Ok(())
}

fn event(said: Said) -> sse::Event {
    sse::Event::rendered(said.name, said.json)
}

impl Line {
    async fn write(self, writer: &Writer) -> Step {
        let name = self.said.name;
        let mut event = event(self.said);
        if let Some(id) = self.id {
            event = event.with_id(id);
        }
        let written = writer.send(&event);
        match self.change {
            Some(update) => {
                written.instrument(push_span(&update)).await?;
                metrics::pushed(update.task.updated_at, Utc::now());
            }
            None => written.await?,
        }
        metrics::frame_sent(name);
        Ok(())
    }
}

impl From<TooManyStreams> for Refusal {
    fn from(_: TooManyStreams) -> Self {
        Self::TooMany
    }
}

impl From<Ended> for End {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Gone => Self::Gone,
            Ended::TooSlow => Self::TooSlow,
        }
    }
}
