//! Over real connections, against small servers of our own.

mod events;
mod http;
