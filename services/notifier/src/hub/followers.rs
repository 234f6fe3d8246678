use std::sync::Arc;

use zoetrope_domain::FeedPosition;

use super::Mailbox;
use crate::task::Update;

/// The streams that follow one thing.
#[derive(Default)]
pub struct Followers(Vec<Arc<Mailbox>>);

impl Followers {
    pub fn add(&mut self, mailbox: &Arc<Mailbox>) {
        self.0.push(Arc::clone(mailbox));
    }

    pub fn remove(&mut self, mailbox: &Arc<Mailbox>) {
        if let Some(index) = self.0.iter().position(|known| Arc::ptr_eq(known, mailbox)) {
            self.0.swap_remove(index);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn tell(&self, update: &Arc<Update>, frontier: Option<FeedPosition>) {
        for mailbox in &self.0 {
            mailbox.put(update, frontier);
        }
    }
}
