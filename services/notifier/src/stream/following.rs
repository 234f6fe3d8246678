use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use zoetrope_domain::{FeedPosition, TaskId};

use super::{Event, Reading, ReadingKind, Scope, Start, Teller, Told, Unavailable};
use crate::{hub::Post, task::Update};

/// When a reading that failed, or found no task, is made again.
const AGAIN: Duration = Duration::from_secs(1);
/// When a reading that did not cover what was heard is gone on with. The client has its states meanwhile, only its ids stay behind.
const LATER: Duration = Duration::from_secs(5);

/// Something that a stream follows, from where its client stands.
///
/// It is registered at the hub before it is read, and both ways of hearing are merged by version: nothing is missed between the two, nothing is
/// told twice.
#[derive(Debug)]
pub struct Following {
    scope: Scope,
    start: Start,
    look: Look,
    is_covered: bool,
    /// Up to where everything was read.
    upto: Option<FeedPosition>,
    /// The lowest place of what was told before anybody had read. It may be old news, and what came after it not in a reading.
    early: Option<FeedPosition>,
    /// What was told before all was read.
    told: HashMap<TaskId, Arc<Update>>,
    /// The highest place of what was not told, because the client said that it has seen more. A reading may know better.
    skipped: FeedPosition,
}

#[derive(Debug)]
enum Look {
    Due(Option<Instant>),
    UnderWay,
    Enough,
}

impl Following {
    pub fn begin(scope: Scope, start: Start, teller: &mut Teller) -> Self {
        teller.begin(scope, start);
        Self {
            scope,
            start,
            look: Look::Due(None),
            is_covered: false,
            upto: None,
            early: None,
            told: HashMap::new(),
            skipped: FeedPosition::START,
        }
    }

    pub fn end(self, teller: &mut Teller) {
        teller.end(self.scope, self.is_covered);
    }

    /// From where a reading is to be made now, if one is. It counts as under way until [`read`](Self::read).
    pub fn due(&mut self, now: Instant) -> Option<Start> {
        match self.look {
            Look::Due(at) if at.is_none_or(|at| at <= now) => {
                self.look = Look::UnderWay;
                Some(self.start)
            }
            Look::Due(_) | Look::UnderWay | Look::Enough => None,
        }
    }

    /// When the next reading is to be made, if that is known.
    pub fn deadline(&self) -> Option<Instant> {
        match self.look {
            Look::Due(at) => at,
            Look::UnderWay | Look::Enough => None,
        }
    }

    /// Where the client stands before anything of a reading was told, which is about to be [taken](Self::read).
    pub fn standpoint(&self, reading: &Reading, teller: &Teller) -> Option<FeedPosition> {
        match reading.kind {
            ReadingKind::Present | ReadingKind::Missed => {
                teller.before(reading.states.first().map(AsRef::as_ref), self.told_up_to(reading.upto))
            }
            ReadingKind::Resync => None,
        }
    }

    /// Up to where everything is told with a reading that was made up to here. Of what was told early the reading may lack the end, so that
    /// must be read on from before more is promised.
    fn told_up_to(&self, upto: FeedPosition) -> FeedPosition {
        self.early.filter(|early| *early <= upto).map_or(upto, FeedPosition::before)
    }

    /// Takes the answer to a reading that was due.
    pub fn read(&mut self, reading: Result<Reading, Unavailable>, now: Instant, teller: &mut Teller) -> Vec<Told> {
        let Ok(reading) = reading else {
            self.look = Look::Due(Some(now + AGAIN));
            return Vec::new();
        };
        let (upto, kind, more, covers) = (reading.upto, reading.kind, reading.more, reading.covers);
        if reading.states.is_empty() && matches!(self.scope, Scope::Task(_)) {
            // The task is not known yet.
            self.look = Look::Due(Some(now + AGAIN));
            return Vec::new();
        }
        let told_up_to = self.told_up_to(upto);
        teller.promise_no_more(told_up_to);
        let told = match kind {
            ReadingKind::Resync => resync(self.newest(reading.states), told_up_to, teller),
            ReadingKind::Present | ReadingKind::Missed => self.tell(reading, told_up_to, teller),
        };
        self.start = match self.start {
            Start::After(seen) if kind != ReadingKind::Resync => Start::After(seen.max(upto)),
            Start::After(_) | Start::Present | Start::Unknown => Start::After(upto),
        };
        self.upto = Some(upto);
        self.look = if more {
            Look::Due(None)
        } else if self.early.take_if(|early| *early <= upto).is_some() {
            self.start = Start::After(told_up_to);
            Look::Due(None)
        } else if covers && self.skipped <= upto {
            if !self.is_covered {
                self.is_covered = true;
                teller.covered();
            }
            self.told = HashMap::new();
            Look::Enough
        } else {
            Look::Due(Some(now + LATER))
        };
        told
    }

    fn tell(&self, reading: Reading, upto: FeedPosition, teller: &mut Teller) -> Vec<Told> {
        let Reading { kind, states, .. } = reading;
        let last = states.len().saturating_sub(1);
        let mut told = Vec::new();
        for (index, update) in states.into_iter().enumerate() {
            let lacks = self.start.lacks(&update);
            // Of what was read, everything up to the place of this one is told with it.
            teller.reached(if index == last { upto } else { upto.min(update.task.position) });
            if teller.is_news(&update) && lacks {
                let event = if kind == ReadingKind::Missed { Event::Missed(update) } else { Event::Present(update) };
                told.push(Told { event, id: teller.last() });
            }
        }
        teller.reached(upto);
        told
    }

    /// Takes a post of the mailbox.
    pub fn hear(&mut self, post: &Post, teller: &mut Teller) -> Option<Told> {
        teller.posted(post.frontier);
        let state = &post.update.task;
        let position = state.position;
        let is_early = post.frontier.is_none() && position.is_known();
        let concerns = match self.scope {
            Scope::Task(task) => task == state.task_id,
            Scope::Everything => true,
        };
        if !concerns || position.is_known() && self.upto.is_some_and(|upto| position <= upto) {
            return None;
        }
        if !self.start.lacks(&post.update) {
            self.skipped = self.skipped.max(position);
            return None;
        }
        if !teller.is_news(&post.update) {
            return None;
        }
        match self.scope {
            // The newest state of a task makes all before it worthless.
            Scope::Task(_) if position.is_known() => teller.reached(position),
            Scope::Everything if is_early => self.early = Some(self.early.unwrap_or(position).min(position)),
            Scope::Task(_) | Scope::Everything => {}
        }
        if !matches!(self.look, Look::Enough) {
            self.told.insert(state.task_id, Arc::clone(&post.update));
        }
        Some(Told { event: Event::Change(Arc::clone(&post.update)), id: teller.last() })
    }

    /// The states of a resync take back nothing that was told: the table may be behind it.
    fn newest(&self, mut states: Vec<Arc<Update>>) -> Vec<Arc<Update>> {
        for told in self.told.values() {
            match states.iter_mut().find(|state| state.task.task_id == told.task.task_id) {
                Some(state) if told.is_newer_than(state) => *state = Arc::clone(told),
                Some(_) => {}
                None => states.push(Arc::clone(told)),
            }
        }
        states.sort_by_key(|state| state.task.position);
        states
    }
}

fn resync(states: Vec<Arc<Update>>, upto: FeedPosition, teller: &mut Teller) -> Vec<Told> {
    for update in &states {
        teller.is_news(update);
    }
    teller.begins_anew(upto);
    vec![Told { event: Event::Resync(states), id: teller.last() }]
}
