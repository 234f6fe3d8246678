//! The outbox and the inbox: a state change and the message that tells of it are one.
//!
//! **Outbox.** [`enqueue`] writes a message into the `outbox` table, in the transaction that makes the change (a [`Batch`]
//! writes several in one statement); nothing is published there. After the commit, [`Relay::wake`] has the relay publish it and then delete the row; a sweep every second finds what a crash left. So a message is published
//! if and only if its transaction was committed, **at least once**: a relay that dies between confirm and delete leaves the row to be published again.
//!
//! Any number of replicas relay the same table. Each claims a batch of rows by a lease (a random token and an expiry in the database's time) and
//! deletes by token, so two of them do not publish the same row unless one outlives its lease. There is no cursor over the rows: the order of their
//! keys is not the order of their commits. Messages can therefore overtake each other, which consumers must bear with.
//!
//! While RabbitMQ is away, rows pile up and nothing is claimed. While Postgres is away, the relay waits. Either is logged once.
//!
//! **Inbox.** [`inbox::first_delivery`] records a message's id in the consumer's own transaction and tells whether it is new. Ids are kept for
//! [`inbox::KEPT_DAYS`] days, if the service calls [`inbox::keep_pruned`].
//!
//! Each service keeps both tables in its own schema:
//!
//! ```sql
//! CREATE TABLE outbox (
//!     id               uuid PRIMARY KEY,
//!     exchange         text NOT NULL,
//!     routing_key      text NOT NULL,
//!     message_type     text NOT NULL,
//!     mandatory        boolean NOT NULL,
//!     payload          bytea NOT NULL,
//!     traceparent      text,
//!     created_at       timestamptz NOT NULL DEFAULT now(),
//!     lease_token      uuid,
//!     lease_expires_at timestamptz
//! );
//! CREATE INDEX outbox_created_at ON outbox (created_at, id);
//!
//! CREATE TABLE inbox (
//!     message_id  uuid PRIMARY KEY,
//!     received_at timestamptz NOT NULL DEFAULT now()
//! );
//! CREATE INDEX inbox_received_at ON inbox (received_at);
//! ```
//!
//! Metrics: `zoetrope_outbox_published_total`, `zoetrope_outbox_failed_total{reason}`, and of the whole table, the same from every replica,
//! `zoetrope_outbox_pending` (counted up to 10,000: more is more) and `zoetrope_outbox_oldest_seconds`.

mod batch;
mod enqueue;
mod housekeeping;
pub mod inbox;
mod outage;
mod relay;
mod settings;
mod store;

pub use batch::Batch;
pub use enqueue::enqueue;
pub use relay::Relay;
pub use settings::OutboxSettings;
