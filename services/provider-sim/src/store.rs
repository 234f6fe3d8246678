//! The simulator's memory: the videos, and the books that tests read. Everything is gone when the process ends.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use serde::Serialize;

use crate::{faults::Call, video::Video};

/// What calls are counted by, so that "the first two polls of this video fail" can be told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// Calls of all clients, for faults set at start or by `PUT /simulation`.
    Everyone,
    /// Submissions with this `Idempotency-Key`, or with this prompt when they carry none.
    Submission(String),
    /// Calls about this video.
    Video(String),
    /// Exchanges of this code.
    Code(String),
}

/// One accepted submission.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Submission {
    idempotency_key: Option<String>,
    prompt: String,
    video_id: String,
    /// How many submissions with this key were accepted; 1 for one without a key.
    times: u32,
    has_reference_image: bool,
    reference_image_bytes: usize,
    traceparent: Option<String>,
}

/// How many calls there were since the start or the last reset. Calls that a fault hit count as well, except for
/// submissions and deletions that it kept from taking effect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Totals {
    pub(crate) accepted: u64,
    pub(crate) polls: u64,
    pub(crate) contents: u64,
    /// Those contents of which a part was asked for and sent.
    pub(crate) ranges: u64,
    pub(crate) deleted: u64,
    /// Of Google: looks at the discovery document and at the keys, and exchanges of a code.
    pub(crate) google_discoveries: u64,
    pub(crate) google_keys: u64,
    pub(crate) google_tokens: u64,
    pub(crate) wechat_sessions: u64,
}

/// Order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    OldestFirst,
    NewestFirst,
}

/// One page of a list.
pub(crate) struct Page {
    pub(crate) videos: Vec<Arc<Video>>,
    pub(crate) has_more: bool,
}

#[derive(Default)]
pub(crate) struct Store {
    /// By order of acceptance.
    videos: BTreeMap<u64, Arc<Video>>,
    numbers: HashMap<String, u64>,
    next_number: u64,
    submissions: Vec<Submission>,
    totals: Totals,
    calls: HashMap<(Scope, Call), u32>,
    used_codes: HashSet<(Call, String)>,
}

impl Store {
    pub(crate) fn accept(&mut self, video: Video) -> Arc<Video> {
        let order = &video.order;
        self.totals.accepted += 1;
        self.submissions.push(Submission {
            idempotency_key: order.idempotency_key.clone(),
            prompt: order.prompt.clone(),
            video_id: video.id.clone(),
            times: 1,
            has_reference_image: order.reference.is_some(),
            reference_image_bytes: order.reference.as_ref().map_or(0, |image| image.file_bytes),
            traceparent: order.traceparent.clone(),
        });
        let video = Arc::new(video);
        self.numbers.insert(video.id.clone(), self.next_number);
        self.videos.insert(self.next_number, Arc::clone(&video));
        self.next_number += 1;
        video
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<Video>> {
        self.numbers.get(id).and_then(|number| self.videos.get(number)).cloned()
    }

    /// False when there is no such video.
    pub(crate) fn delete(&mut self, id: &str) -> bool {
        let Some(number) = self.numbers.remove(id) else { return false };
        self.videos.remove(&number);
        self.calls.retain(|(scope, _), _| !matches!(scope, Scope::Video(video) if video == id));
        self.totals.deleted += 1;
        true
    }

    /// At most `limit` videos, from the one behind `after` (from the first when absent). An unknown `after` gives `None`.
    pub(crate) fn page(&self, after: Option<&str>, order: Order, limit: usize) -> Option<Page> {
        let after = match after {
            Some(id) => Some(*self.numbers.get(id)?),
            None => None,
        };
        let rest: Box<dyn Iterator<Item = &Arc<Video>>> = match (order, after) {
            (Order::OldestFirst, None) => Box::new(self.videos.values()),
            (Order::OldestFirst, Some(number)) => Box::new(self.videos.range(number + 1..).map(|(_, video)| video)),
            (Order::NewestFirst, None) => Box::new(self.videos.values().rev()),
            (Order::NewestFirst, Some(number)) => Box::new(self.videos.range(..number).rev().map(|(_, video)| video)),
        };
        let mut videos: Vec<_> = rest.take(limit + 1).cloned().collect();
        let has_more = videos.len() > limit;
        videos.truncate(limit);
        Some(Page { videos, has_more })
    }

    /// Counts a call and tells how many there were before it.
    pub(crate) fn count_call(&mut self, scope: Scope, call: Call) -> u32 {
        let count = self.calls.entry((scope, call)).or_default();
        let before = *count;
        *count = count.saturating_add(1);
        before
    }

    /// Whether the code of a sign-in was not exchanged before.
    pub(crate) fn use_code(&mut self, call: Call, code: &str) -> bool {
        self.used_codes.insert((call, code.to_owned()))
    }

    /// Faults for everyone begin anew.
    pub(crate) fn forget_calls_of_everyone(&mut self) {
        self.calls.retain(|(scope, _), _| *scope != Scope::Everyone);
    }

    pub(crate) fn totals_mut(&mut self) -> &mut Totals {
        &mut self.totals
    }

    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    /// All accepted submissions, oldest first.
    pub(crate) fn submissions(&self) -> Vec<Submission> {
        let mut times: HashMap<&str, u32> = HashMap::new();
        for key in self.submissions.iter().filter_map(|submission| submission.idempotency_key.as_deref()) {
            *times.entry(key).or_default() += 1;
        }
        let times_of =
            |submission: &Submission| submission.idempotency_key.as_deref().and_then(|key| times.get(key).copied()).unwrap_or(1);
        self.submissions.iter().map(|submission| Submission { times: times_of(submission), ..submission.clone() }).collect()
    }

    /// Empties the books. The videos stay.
    pub(crate) fn reset_books(&mut self) {
        self.submissions.clear();
        self.totals = Totals::default();
        self.calls.clear();
    }
}
