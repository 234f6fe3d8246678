use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex},
};

use tokio::sync::Notify;

use super::lock;
use crate::task::Update;

/// The updates that wait for one connection: at most one per task, the newest.
///
/// When it is full, progress gives way; the next change of that task brings it up to date. An end is never dropped: a mailbox full of
/// ends says that its client is hopelessly slow.
pub struct Mailbox {
    capacity: usize,
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Default)]
struct Queue {
    updates: VecDeque<Arc<Update>>,
    overflowed: bool,
}

/// What was in a mailbox.
#[derive(Debug)]
pub enum Mail {
    /// In the order in which the tasks first had news.
    Updates(VecDeque<Arc<Update>>),
    /// An end was lost: the client must come again and ask.
    Overflowed,
}

impl Mailbox {
    pub fn new(capacity: usize) -> Self {
        Self { capacity, queue: Mutex::default(), wake: Notify::new() }
    }

    /// Never waits.
    pub fn put(&self, update: &Arc<Update>) {
        let mut queue = lock(&self.queue);
        let task = update.task.task_id;
        if let Some(waiting) = queue.updates.iter_mut().find(|waiting| waiting.task.task_id == task) {
            if update.is_newer_than(waiting) {
                *waiting = Arc::clone(update);
            }
            return;
        }
        if queue.updates.len() < self.capacity || queue.makes_room_for(update) {
            queue.updates.push_back(Arc::clone(update));
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// Waits until there is mail, and takes it. Safe to drop at any moment.
    pub async fn take(&self) -> Mail {
        loop {
            // A wake-up between the look and the wait is kept.
            if let Some(mail) = self.take_now() {
                return mail;
            }
            self.wake.notified().await;
        }
    }

    fn take_now(&self) -> Option<Mail> {
        let mut queue = lock(&self.queue);
        if queue.overflowed {
            Some(Mail::Overflowed)
        } else if queue.updates.is_empty() {
            None
        } else {
            Some(Mail::Updates(mem::take(&mut queue.updates)))
        }
    }
}

impl Queue {
    /// Whether a full queue has found a place for it.
    fn makes_room_for(&mut self, update: &Update) -> bool {
        if !update.task.has_ended() {
            return false;
        }
        match self.updates.iter().position(|waiting| !waiting.task.has_ended()) {
            Some(progress) => self.updates.remove(progress).is_some(),
            None => {
                self.overflowed = true;
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::fixtures::{completed, processing};

    fn versions(mailbox: &Mailbox) -> Vec<(u128, u64)> {
        match mailbox.take().now_or_never() {
            None => Vec::new(),
            Some(Mail::Updates(updates)) => {
                updates.iter().map(|update| (update.task.task_id.as_uuid().as_u128(), update.task.version)).collect()
            }
            Some(Mail::Overflowed) => panic!("overflowed"),
        }
    }

    #[test]
    fn only_the_newest_of_a_task_waits() {
        let mailbox = Mailbox::new(8);
        for update in [processing(1, 2, 10), processing(2, 2, 10), processing(1, 4, 30), processing(1, 3, 20)] {
            mailbox.put(&update);
        }
        assert_eq!(versions(&mailbox), [(1, 4), (2, 2)]);
        assert_eq!(versions(&mailbox), []);
    }

    #[test]
    fn progress_gives_way_to_ends() {
        let mailbox = Mailbox::new(2);
        mailbox.put(&processing(1, 2, 10));
        mailbox.put(&completed(2, 5));
        mailbox.put(&processing(3, 2, 10));
        mailbox.put(&completed(4, 5));
        assert_eq!(versions(&mailbox), [(2, 5), (4, 5)]);
    }

    #[test]
    fn an_end_that_finds_no_room_is_never_lost_quietly() {
        let mailbox = Mailbox::new(2);
        for task in 1..=3 {
            mailbox.put(&completed(task, 5));
        }
        assert!(matches!(mailbox.take().now_or_never(), Some(Mail::Overflowed)));
        assert!(matches!(mailbox.take().now_or_never(), Some(Mail::Overflowed)), "and it stays so");
    }

    #[tokio::test]
    async fn whoever_waits_is_woken() {
        let mailbox = Arc::new(Mailbox::new(2));
        let waiting = Arc::clone(&mailbox);
        let (mail, ()) = tokio::join!(async move { waiting.take().await }, async { mailbox.put(&completed(1, 2)) });
        assert!(matches!(mail, Mail::Updates(updates) if updates.len() == 1));
    }
}
