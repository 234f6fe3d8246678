//! Who hears what: exchanges, queues and bindings.
//!
//! Adding a queue or a binding is safe while old binaries run. Changing a queue's arguments is not: RabbitMQ refuses to redeclare it, so a changed
//! queue needs a new name.

/// Deliveries after the first that a message gets before it is dead-lettered.
pub const DELIVERY_LIMIT: u32 = 20;

/// Direct exchange to which queues give up messages; the routing key is the queue's name.
pub const DEAD_LETTERS: &str = "zoetrope.dead";
/// Topic exchange for what has happened.
pub const EVENTS: &str = "zoetrope.events";
/// Topic exchange for what is to be done.
pub const COMMANDS: &str = "zoetrope.commands";

/// What auth hears of what users own.
pub const AUTH_BALANCES: &str = "auth.balances";
/// Commands to the poller.
pub const POLLER_COMMANDS: &str = "poller.commands";
/// What task-api hears of jobs.
pub const TASKS_JOB_EVENTS: &str = "tasks.job-events";
/// What task-api hears of users.
pub const TASKS_USER_EVENTS: &str = "tasks.user-events";
/// What the notifier keeps in its feed.
pub const NOTIFIER_FEED: &str = "notifier.feed";
/// Mails that the notifier is asked to send.
pub const NOTIFIER_MAIL: &str = "notifier.mail";
/// What the notifier hears of users.
pub const NOTIFIER_USERS: &str = "notifier.users";
/// What the notifier tells addresses that users named.
pub const NOTIFIER_WEBHOOKS: &str = "notifier.webhooks";

/// Routing key of a task's new state, which the live queues of the notifier's replicas are bound to as well.
pub const TASK_UPDATED: &str = "task.updated";
/// Routing key of sessions and API keys that have ended. Only private queues hear it: each replica keeps its own list.
pub const ACCESS_ENDED: &str = "access.ended";

/// Everything that is declared on connecting.
#[derive(Debug, Clone, Copy)]
pub struct Topology {
    /// Durable topic exchanges. [`DEAD_LETTERS`] comes in addition.
    pub exchanges: &'static [&'static str],
    /// The shared queues.
    pub queues: &'static [Queue],
}

/// A durable, replicated (quorum) queue, shared by the replicas of a service.
///
/// It comes with a dead-letter queue, [`Queue::dead_letter_name`], for what was rejected or delivered too often.
#[derive(Debug, Clone, Copy)]
pub struct Queue {
    /// Name, by convention `<service>.<what>`.
    pub name: &'static str,
    /// Exchange that it hears.
    pub exchange: &'static str,
    /// What it hears of that exchange.
    pub routing_keys: &'static [&'static str],
}

impl Queue {
    /// Name of the queue that keeps what this one gave up.
    pub fn dead_letter_name(&self) -> String {
        dead_letter_queue(self.name)
    }
}

/// Name of the queue that keeps what a shared queue gave up.
pub fn dead_letter_queue(queue: &str) -> String {
    format!("{queue}.dead")
}

/// The platform's topology.
pub const ZOETROPE: Topology = Topology {
    exchanges: &[EVENTS, COMMANDS],
    queues: &[
        Queue { name: AUTH_BALANCES, exchange: EVENTS, routing_keys: &["balances.changed"] },
        Queue { name: POLLER_COMMANDS, exchange: COMMANDS, routing_keys: &["job.submit", "job.cancel"] },
        Queue {
            name: TASKS_JOB_EVENTS,
            exchange: EVENTS,
            routing_keys: &["job.progressed", "job.succeeded", "job.failed", "job.cancelled"],
        },
        Queue {
            name: TASKS_USER_EVENTS,
            exchange: EVENTS,
            routing_keys: &["user.registered", "user.taken-over", "user.deleted"],
        },
        Queue { name: NOTIFIER_FEED, exchange: EVENTS, routing_keys: &[TASK_UPDATED] },
        Queue { name: NOTIFIER_MAIL, exchange: COMMANDS, routing_keys: &["mail.send"] },
        Queue {
            name: NOTIFIER_USERS,
            exchange: EVENTS,
            routing_keys: &["user.registered", "user.contact-changed", "user.taken-over", "user.deleted"],
        },
        Queue { name: NOTIFIER_WEBHOOKS, exchange: EVENTS, routing_keys: &[TASK_UPDATED] },
    ],
};

impl Topology {
    /// Whether messages can be published to an exchange of this name.
    pub fn has_exchange(&self, name: &str) -> bool {
        self.exchanges.contains(&name)
    }

    /// Whether some shared queue takes what is published with this routing key.
    pub fn routes(&self, exchange: &str, routing_key: &str) -> bool {
        self.queues.iter().any(|queue| queue.exchange == exchange && queue.routing_keys.contains(&routing_key))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn queues_are_bound_to_exchanges_that_exist() {
        for queue in ZOETROPE.queues {
            assert!(ZOETROPE.has_exchange(queue.exchange), "{}", queue.name);
            assert!(!queue.routing_keys.is_empty(), "{}", queue.name);
        }
    }

    #[test]
    fn queue_names_are_unique() {
        let names: HashSet<_> = ZOETROPE.queues.iter().map(|queue| queue.name).collect();
        assert_eq!(names.len(), ZOETROPE.queues.len());
    }
}
