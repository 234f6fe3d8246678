//! Test support: the whole platform, private to one test, on real servers.
//!
//! A [`Platform`] is a database of its own, a RabbitMQ virtual host of its own, a Redis key prefix of its own, the real service binaries
//! as processes (so that they can be killed) and an nginx in front, on ports of its own. Tests speak to it as clients do: over HTTP and
//! WebSocket through the gateway. What only an operator could see, the ledger and the provider's books, is read by [`audit`] and
//! [`Simulation`].
//!
//! The servers come from a script such as `scripts/test`, which starts them, exports their addresses (`ZOETROPE_TEST_*`) and builds the
//! binaries. This crate is used by tests and benchmarks, never by a service.

pub mod audit;
mod broker;
mod bus;
mod collector;
mod database;
mod events;
mod gateway;
mod keys;
mod limits;
mod mail_sink;
mod object_server;
mod platform;
mod ports;
mod process;
mod raw_http;
mod raw_socket;
mod servers;
mod settings;
mod simulation;
mod sink;
mod socket;
mod user;
mod wait;

pub use bus::Bus;
pub use collector::Collector;
pub use events::{Event, Events};
pub use limits::open_files_limit;
pub use mail_sink::{Answer as MailAnswer, MailSink, Received};
pub use object_server::ObjectServer;
pub use platform::{Platform, PlatformBuilder};
pub use process::{Service, ServiceProcess, binary};
pub use raw_http::raw_http;
pub use raw_socket::RawSocket;
pub use servers::{Server, Servers};
pub use simulation::{Simulation, Submission, Totals};
pub use sink::{Hook, Reply, Sink, Told};
pub use socket::{Frame, Socket};
pub use user::{Answer, User};
pub use wait::eventually;
