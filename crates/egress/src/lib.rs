//! Requests to addresses that a user gave: they reach the public internet and nothing else.
//!
//! A user who names an address makes this platform call it. Without care that reaches what only the platform can: its own services, a
//! cloud's metadata, a neighbour in the private network. So:
//!
//! | part | does |
//! |---|---|
//! | [`is_global`] | tells public addresses from all others, those that hide in an IPv6 address as well |
//! | [`WebAddress`] | an address that may be stored: `http` or `https`, with a host, without credentials, of bearable length |
//! | [`Destinations`] | where requests may go: the public internet over `https`, and what the operator allows besides; the one rule for taking an address |
//! | [`GuardedResolver`] | looks up a name for a connection, and gives only permitted addresses to it |
//! | [`Client`] | makes the requests: through the resolver, without redirects, without proxies |
//!
//! The decision falls when the connection is made, on the very addresses that it is made to. A name that led to a public address when it was
//! checked and leads to a private one now gains nothing.
//!
//! An operator whose own translation prefix (NAT64) is not the well-known one must keep it from leading into private networks: such an address
//! cannot be told from a public one.

mod address;
mod client;
mod destinations;
mod private_name;
mod resolver;
mod retry_after;
mod web_address;

pub use address::is_global;
pub use client::Client;
pub use destinations::{Destinations, Refused, Unusable};
pub use ipnet::IpNet;
pub use resolver::{GuardedResolver, SystemResolver};
pub use retry_after::retry_after;
pub use web_address::{InvalidAddress, WebAddress};
