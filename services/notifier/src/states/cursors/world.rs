use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant as Moment},
};

use futures_util::FutureExt;
use proptest::prelude::*;
use zoetrope_domain::{FeedPosition, TaskId};

use super::{Happening, REPLICAS, table::Table};
use crate::{
    fixtures::{completed, placed, processing, task_id, user_id},
    hub::{Hub, HubLimits, Mail, Membership, Post},
    states::{Look, States, Verdict},
    stream::{Event, Following, Scope, Start, Teller, Told},
    task::Update,
};

struct Replica {
    hub: Arc<Hub>,
    states: States,
    /// Messages on their way.
    live: Vec<Arc<Update>>,
}

/// A connection of the client.
struct Stream {
    replica: usize,
    membership: Membership,
    teller: Teller,
    followings: Vec<(Scope, Following)>,
    /// Readings that wait for their answer.
    looks: Vec<(Scope, Start)>,
    told: HashMap<TaskId, u64>,
}

pub struct World {
    truth: BTreeMap<TaskId, Arc<Update>>,
    position: u64,
    table: Table,
    shared: Vec<Arc<Update>>,
    replicas: Vec<Replica>,
    scopes: Vec<Scope>,
    now: Moment,
    stream: Option<Stream>,
    /// What the client knows: the version of each task, the last id, and what of it was ever confirmed.
    view: HashMap<TaskId, u64>,
    seen: Option<FeedPosition>,
    confirmed: HashSet<Scope>,
    /// How much had happened when it heard for the first time how everything is.
    came: u64,
}

impl World {
    pub fn new(scopes: Vec<Scope>) -> Self {
        let replica = |_| {
            let hub = Hub::new(HubLimits { mailbox: 64, remembered: 64, streams_per_user: 1 });
            Replica { states: States::new(Arc::clone(&hub)).0, hub, live: Vec::new() }
        };
        Self {
            truth: BTreeMap::new(),
            position: 0,
            table: Table::default(),
            shared: Vec::new(),
            replicas: (0..REPLICAS).map(replica).collect(),
            scopes,
            now: Moment::now(),
            stream: None,
            view: HashMap::new(),
            seen: None,
            confirmed: HashSet::new(),
            came: 0,
        }
    }

    pub fn happens(&mut self, happening: Happening) {
        self.now += Duration::from_secs(1);
        match happening {
            Happening::Changes(task, ends) => self.change(task, ends),
            Happening::Stored(message, again) => {
                if let Some(update) = pick(&mut self.shared, message, again) {
                    self.table.save(&update);
                }
            }
            Happening::Heard(replica, message, again) => {
                let Replica { hub, live, .. } = &mut self.replicas[replica];
                if let Some(update) = pick(live, message, again) {
                    hub.publish(&update);
                }
            }
            Happening::Lost(replica, message) => drop(pick(&mut self.replicas[replica].live, message, false)),
            Happening::Sweeps(replica) => self.sweep(replica),
            Happening::Told(events, goes) => self.tell_posts(events, goes),
            Happening::Read(events, goes, hurry) => self.answer(events, goes, hurry),
            Happening::Connects(replica) => self.connect(replica),
            // What is forgotten has ended weeks ago: whoever is here has heard of it, and no replica's own queue is so late.
            Happening::Pruned if self.stream.is_none() => {
                let is_late =
                    |task| self.replicas.iter().any(|replica| replica.live.iter().any(|late| late.task.task_id == task));
                self.table.prune(|task| task.has_ended() && !is_late(task.task_id));
            }
            Happening::Pruned => {}
        }
        self.look();
    }

    fn change(&mut self, task: u128, ends: bool) {
        let version = match self.truth.get(&task_id(task)) {
            Some(newest) if newest.task.has_ended() => return,
            newest => newest.map_or(1, |newest| newest.task.version + 1),
        };
        self.position += 1;
        let state = if ends { completed(task, version) } else { processing(task, version, 10) };
        let update = placed(self.position, &state);
        self.truth.insert(task_id(task), Arc::clone(&update));
        self.shared.push(Arc::clone(&update));
        for replica in &mut self.replicas {
            replica.live.push(Arc::clone(&update));
        }
    }

    fn sweep(&mut self, replica: usize) {
        let hub = &self.replicas[replica].hub;
        for (user, mut seen) in hub.followed() {
            loop {
                let page = self.table.page(Scope::Everything, Start::After(seen));
                for task in page.states {
                    hub.publish(&Arc::new(Update::new(task, None)));
                }
                let frontier = page.place.frontier;
                hub.caught_up(user, page.ends_at.map_or(frontier, |end| end.min(frontier)));
                let Some(end) = page.ends_at else { break };
                seen = end;
            }
        }
    }

    fn connect(&mut self, replica: usize) {
        if self.stream.is_some() {
            return;
        }
        let mut membership = self.replicas[replica].hub.join(None);
        membership.enter(user_id(1)).unwrap();
        let mut teller = Teller::default();
        let begin = |scope: &Scope| {
            membership.follow(*scope);
            let start = match self.seen.filter(|_| self.confirmed.contains(scope)) {
                Some(seen) => Start::After(seen),
                None => Start::Present,
            };
            (*scope, Following::begin(*scope, start, &mut teller))
        };
        let followings = self.scopes.iter().map(begin).collect();
        if !self.confirmed.contains(&Scope::Everything) && self.scopes.contains(&Scope::Everything) {
            // Whoever asks how everything is forgets what it heard before.
            self.view.clear();
        }
        self.stream = Some(Stream { replica, membership, teller, followings, looks: Vec::new(), told: HashMap::new() });
    }

    fn look(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        for (scope, following) in &mut stream.followings {
            stream.looks.extend(following.due(self.now).map(|start| (*scope, start)));
        }
    }

    /// The client is told some posts; then it goes, or is told the others.
    fn tell_posts(&mut self, events: usize, goes: bool) {
        let Some(stream) = &mut self.stream else { return };
        let posts: Vec<Post> = match stream.membership.mailbox().take().now_or_never() {
            None => Vec::new(),
            Some(Mail::Posts(posts)) => posts,
            Some(Mail::Overflowed) => panic!("overflowed"),
        };
        let count = if goes { events } else { posts.len() };
        for post in posts.into_iter().take(count) {
            let Some(stream) = &mut self.stream else { return };
            let Stream { followings, teller, .. } = stream;
            let told: Vec<(Scope, Told)> =
                followings.iter_mut().filter_map(|(scope, following)| Some((*scope, following.hear(&post, teller)?))).collect();
            for (scope, told) in told {
                if matches!(scope, Scope::Task(_)) {
                    self.confirmed.insert(scope);
                }
                self.is_told(told);
            }
        }
        if goes {
            self.stream = None;
        }
    }

    fn answer(&mut self, events: usize, goes: bool, hurry: bool) {
        let Some(stream) = &mut self.stream else { return };
        if stream.looks.is_empty() {
            return;
        }
        let (scope, mut start) = stream.looks.remove(0);
        let look = Look { user: user_id(1), scope, start, must_cover: stream.membership.must_cover() };
        let states = &self.replicas[stream.replica].states;
        let reading = loop {
            match states.judge(look, start, self.table.page(scope, start), !hurry) {
                Verdict::Good(reading) => break reading,
                Verdict::Anew => start = Start::Unknown,
                Verdict::Late => {
                    stream.looks.push((scope, look.start));
                    return;
                }
            }
        };
        let Stream { followings, teller, .. } = stream;
        let following = followings.iter_mut().find(|(of, _)| *of == scope).map(|(_, following)| following).unwrap();
        // As the answer to the subscription says, when there was none before.
        if scope == Scope::Everything
            && let Some(standpoint) = following.standpoint(&reading, teller)
            && self.confirmed.insert(scope)
        {
            self.seen = Some(standpoint);
            self.came = self.position;
        }
        let told = following.read(Ok(reading), self.now, teller);
        let count = if goes { events } else { told.len() };
        for told in told.into_iter().take(count) {
            self.confirmed.insert(scope);
            self.is_told(told);
        }
        if goes {
            self.stream = None;
        }
    }

    fn is_told(&mut self, told: Told) {
        if told.id.is_some() {
            self.seen = told.id;
        }
        let states = match told.event {
            Event::Present(update) | Event::Missed(update) | Event::Change(update) => vec![update],
            Event::Resync(states) => {
                if self.scopes == [Scope::Everything] {
                    self.view.clear();
                }
                states
            }
        };
        let Some(stream) = &mut self.stream else { return };
        for update in states {
            let task = &update.task;
            let before = stream.told.insert(task.task_id, task.version);
            assert!(before.is_none_or(|before| before <= task.version), "{before:?}, then {task:?}");
            self.view.insert(task.task_id, task.version);
        }
    }

    /// All that is on its way arrives, and the client comes back if it is away.
    pub fn settles(&mut self) {
        while let Some(update) = pick(&mut self.shared, 0, false) {
            self.table.save(&update);
        }
        for replica in &mut self.replicas {
            while let Some(update) = pick(&mut replica.live, 0, false) {
                replica.hub.publish(&update);
            }
        }
        self.connect(0);
        for _ in 0..20 {
            self.look();
            for _ in 0..20 {
                self.answer(usize::MAX, false, false);
                self.look();
            }
            (0..REPLICAS).for_each(|replica| self.sweep(replica));
            self.tell_posts(usize::MAX, false);
            self.now += Duration::from_secs(5);
        }
    }

    pub fn check(&self) -> Result<(), TestCaseError> {
        for (task, newest) in &self.truth {
            let is_followed = self.scopes.contains(&Scope::Everything) || self.scopes.contains(&Scope::Task(*task));
            let known = self.view.get(task);
            if !is_followed || known == Some(&newest.task.version) {
                continue;
            }
            let is_forgotten = self.table.forgotten.contains(task);
            let is_excused = match &self.scopes[..] {
                // It ended before the client came, or is forgotten, and then nothing is believed of it any more.
                [Scope::Everything] => known.is_none() && (is_forgotten || newest.task.position.get() <= self.came),
                _ => is_forgotten,
            };
            prop_assert!(newest.task.has_ended() && is_excused, "{known:?} of {newest:?}");
        }
        Ok(())
    }
}

/// Takes one of the messages; it stays if it is to come again.
fn pick(messages: &mut Vec<Arc<Update>>, index: usize, again: bool) -> Option<Arc<Update>> {
    let index = index.checked_rem(messages.len())?;
    Some(if again { Arc::clone(&messages[index]) } else { messages.remove(index) })
}
