use std::{
    cell::OnceCell,
    mem,
    sync::{Arc, Mutex},
};

use actix_web::rt;
use tokio::sync::Notify;

use super::{Mailbox, lock};

/// Wakes the streams of one worker. To wake a task of another thread takes a call of the kernel; here one is enough for all streams of a
/// worker that a change is posted to, however many they are.
#[derive(Default)]
pub struct Bell {
    called: Mutex<Vec<Arc<Mailbox>>>,
    rung: Notify,
}

thread_local! {
    static OF_THIS_WORKER: OnceCell<Arc<Bell>> = const { OnceCell::new() };
}

impl Bell {
    /// That of the worker that this runs on. It is heard as long as the worker lives.
    pub fn of_this_worker() -> Arc<Self> {
        OF_THIS_WORKER.with(|bell| {
            let bell = bell.get_or_init(|| {
                let bell = Arc::<Self>::default();
                rt::spawn(Arc::clone(&bell).serve());
                bell
            });
            Arc::clone(bell)
        })
    }

    /// There is mail for this one.
    pub fn ring(&self, mailbox: &Arc<Mailbox>) {
        let mut called = lock(&self.called);
        let is_first = called.is_empty();
        called.push(Arc::clone(mailbox));
        drop(called);
        if is_first {
            self.rung.notify_one();
        }
    }

    async fn serve(self: Arc<Self>) {
        loop {
            self.rung.notified().await;
            let called = mem::take(&mut *lock(&self.called));
            called.iter().for_each(|mailbox| mailbox.wake());
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::fixtures::completed;

    #[actix_web::test]
    async fn streams_are_woken_from_another_thread_each_time() {
        let mailboxes: Vec<Arc<Mailbox>> = (0..3).map(|_| Arc::new(Mailbox::new(2, Some(Bell::of_this_worker())))).collect();
        for version in 1..4 {
            let waiting = mailboxes.clone();
            let publishing = rt::task::spawn_blocking(move || {
                waiting.iter().for_each(|mailbox| mailbox.put(&completed(1, version), None));
            });
            assert_eq!(join_all(mailboxes.iter().map(|mailbox| mailbox.take())).await.len(), 3);
            publishing.await.unwrap();
        }
    }
}
