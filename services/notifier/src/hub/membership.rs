use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
};

use zoetrope_domain::{FeedPosition, UserId};

use super::{Hub, Mailbox};
use crate::{metrics, stream::Scope};

/// One stream's place in the hub. Dropping it leaves, however the stream ended.
pub struct Membership {
    hub: Arc<Hub>,
    mailbox: Arc<Mailbox>,
    user: Option<UserId>,
    scopes: HashSet<Scope>,
    must_cover: FeedPosition,
}

/// The user has as many streams in this process as he may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many connections of one user")]
pub struct TooManyStreams;

impl Membership {
    pub(super) fn new(hub: Arc<Hub>, mailbox: Arc<Mailbox>) -> Self {
        Self { hub, mailbox, user: None, scopes: HashSet::new(), must_cover: FeedPosition::START }
    }

    /// Whose stream it is. A second time changes nothing: a stream has one user.
    pub fn enter(&mut self, user: UserId) -> Result<(), TooManyStreams> {
        if self.user.is_none() {
            if !self.hub.shard(user).enter(user, self.hub.limits.streams_per_user) {
                return Err(TooManyStreams);
            }
            self.user = Some(user);
        }
        Ok(())
    }

    pub fn user(&self) -> Option<UserId> {
        self.user
    }

    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// From now on changes of this come to the mailbox, as far as it belongs to the user who entered.
    pub fn follow(&mut self, scope: Scope) {
        if let Some(user) = self.user
            && self.scopes.insert(scope)
        {
            metrics::subscribed();
            let heard = self.hub.shard(user).follow(user, scope, &self.mailbox);
            self.must_cover = self.must_cover.max(heard);
        }
    }

    pub fn unfollow(&mut self, scope: Scope) {
        if self.scopes.remove(&scope) {
            self.leave(scope);
        }
    }

    /// What a reading has to contain, so that together with the mailbox nothing is missing: the places that the hub had heard of before this
    /// stream followed.
    pub fn must_cover(&self) -> FeedPosition {
        self.must_cover
    }

    fn leave(&self, scope: Scope) {
        if let Some(user) = self.user {
            metrics::unsubscribed();
            self.hub.shard(user).unfollow(user, scope, &self.mailbox);
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        for scope in std::mem::take(&mut self.scopes) {
            self.leave(scope);
        }
        if let Some(user) = self.user {
            self.hub.shard(user).leave(user);
        }
        self.hub.connections.fetch_sub(1, Ordering::Relaxed);
        metrics::disconnected();
    }
}
