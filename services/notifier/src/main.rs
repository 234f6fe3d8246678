//! `notifier`: tells users live how far their tasks are, and sends the mails of all services.
//!
//! Of tasks it hears one message, `TaskUpdated`, which task-api publishes only after the state that it tells of is committed. So when a client
//! hears "completed" here, a GET already says so.
//!
//! | part | does |
//! |---|---|
//! | [`feed`] | hears the message: the shared queue into the table, this replica's own queue to its connections |
//! | [`hub`] | knows which streams follow what, and hands updates on without ever waiting |
//! | [`stream`] | what a stream tells, and from where it is resumed |
//! | [`states`] | answers what the state of a task or a feed is, from the table and from what was heard |
//! | [`pruning`] | forgets tasks that ended long ago |
//! | [`reconcile`] | finds in the table what the own queue lost |
//! | [`budget`] | how much clients may make this process do |
//! | [`connection`] | one connection as a pure state machine |
//! | [`socket`] | its input and output |
//! | [`events`] | server-sent events, of the same feeds |
//! | [`frames`] | what travels, in two dialects |
//! | [`mail`] | mails: from a command or a task's end to the mail server's answer |
//! | [`users`] | hears of new users and of those who are gone, of whom [`erasure`] leaves nothing |
//! | [`webhooks`] | tells the same to addresses that users name, until it arrives |
//!
//! While Postgres is away, updates are still pushed. While RabbitMQ is away, connections stay open and are caught up when it returns.
//! While Redis is away, tokens of ended sessions work until they expire.

mod application;
mod budget;
mod commands;
mod connection;
mod erasure;
mod events;
mod feed;
#[cfg(test)]
mod fixtures;
mod frames;
mod http;
mod hub;
mod mail;
mod metrics;
mod outage;
mod pruning;
mod reconcile;
mod settings;
mod socket;
mod states;
mod store;
mod stream;
mod task;
mod users;
mod webhooks;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    commands::run()
}
