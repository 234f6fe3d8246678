use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex},
};

use tokio::sync::Notify;
use zoetrope_domain::{FeedPosition, TaskId};

use super::{Bell, lock};
use crate::{metrics, task::Update};

/// News on its way to one stream.
#[derive(Debug, Clone)]
pub struct Post {
    pub update: Arc<Update>,
    /// Up to which place of the feed everything that concerns the stream was posted before this, or with it. None: nobody knows yet.
    pub frontier: Option<FeedPosition>,
}

/// The news that waits for one stream: at most one post per task, the newest, in the order in which they came. So their frontiers grow.
///
/// Nothing else is ever left out. A mailbox that is full says that its client is hopelessly slow: it must come again, and resumes.
pub struct Mailbox {
    capacity: usize,
    queue: Mutex<Queue>,
    wake: Notify,
    bell: Option<Arc<Bell>>,
}

#[derive(Default)]
struct Queue {
    posts: VecDeque<(TaskId, Post)>,
    overflowed: bool,
}

/// What was in a mailbox.
#[derive(Debug)]
pub enum Mail {
    Posts(Vec<Post>),
    /// Something found no room: the client must come again.
    Overflowed,
}

impl Mailbox {
    /// Without a bell, whoever puts something in wakes the taker itself.
    pub fn new(capacity: usize, bell: Option<Arc<Bell>>) -> Self {
        Self { capacity, queue: Mutex::default(), wake: Notify::new(), bell }
    }

    /// Never waits.
    pub fn put(self: &Arc<Self>, update: &Arc<Update>, frontier: Option<FeedPosition>) {
        let mut queue = lock(&self.queue);
        // The taker was woken for what waits already.
        let is_first = queue.posts.is_empty() && !queue.overflowed;
        let task = update.task.task_id;
        if let Some(index) = queue.posts.iter().position(|(waiting, _)| *waiting == task) {
            if queue.posts.get(index).is_some_and(|(_, waiting)| !update.is_newer_than(&waiting.update)) {
                return;
            }
            queue.posts.remove(index);
            metrics::coalesced();
        }
        if queue.posts.len() < self.capacity {
            queue.posts.push_back((task, Post { update: Arc::clone(update), frontier }));
        } else {
            queue.overflowed = true;
        }
        drop(queue);
        match &self.bell {
            Some(bell) if is_first => bell.ring(self),
            None if is_first => self.wake(),
            Some(_) | None => {}
        }
    }

    /// Has the taker look.
    pub fn wake(&self) {
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
        } else if queue.posts.is_empty() {
            None
        } else {
            let posts = mem::take(&mut queue.posts);
            drop(queue);
            Some(Mail::Posts(posts.into_iter().map(|(_, post)| post).collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::fixtures::{completed, processing};

    fn at(position: u64) -> Option<FeedPosition> {
        Some(FeedPosition::clamped(position))
    }

    /// Number and version of each task, and the frontier.
    fn mail(mailbox: &Mailbox) -> Vec<(u128, u64, u64)> {
        match mailbox.take().now_or_never() {
            None => Vec::new(),
            Some(Mail::Posts(posts)) => posts
                .iter()
                .map(|Post { update, frontier }| {
                    let task = &update.task;
                    (task.task_id.as_uuid().as_u128(), task.version, frontier.unwrap_or_default().get())
                })
                .collect(),
            Some(Mail::Overflowed) => panic!("overflowed"),
        }
    }

    #[test]
    fn only_the_newest_of_a_task_waits_at_the_end() {
        let mailbox = Arc::new(Mailbox::new(8, None));
        for (update, frontier) in
            [(processing(1, 2, 10), 1), (processing(2, 2, 10), 2), (processing(1, 4, 30), 4), (processing(1, 3, 20), 5)]
        {
            mailbox.put(&update, at(frontier));
        }
        assert_eq!(mail(&mailbox), [(2, 2, 2), (1, 4, 4)]);
        assert_eq!(mail(&mailbox), []);
    }

    #[test]
    fn what_finds_no_room_is_never_lost_quietly() {
        for third in [processing(3, 2, 10), completed(3, 5)] {
            let mailbox = Arc::new(Mailbox::new(2, None));
            mailbox.put(&processing(1, 2, 10), at(1));
            mailbox.put(&completed(2, 5), at(2));
            mailbox.put(&completed(1, 5), at(3));
            mailbox.put(&third, at(4));
            assert!(matches!(mailbox.take().now_or_never(), Some(Mail::Overflowed)));
            assert!(matches!(mailbox.take().now_or_never(), Some(Mail::Overflowed)), "and it stays so");
        }
    }

    #[tokio::test]
    async fn whoever_waits_is_woken() {
        let mailbox = Arc::new(Mailbox::new(2, None));
        let waiting = Arc::clone(&mailbox);
        let (mail, ()) = tokio::join!(async move { waiting.take().await }, async { mailbox.put(&completed(1, 2), at(1)) });
        assert!(matches!(mail, Mail::Posts(posts) if posts.len() == 1));
    }
}
