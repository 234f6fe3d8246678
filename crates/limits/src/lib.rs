//! How many requests a user, or an address, may make: one rule for all services.
//!
//! The rule is GCRA ([`Quota`]): all of a limit may be used at once, and then comes back evenly over its window. What was used is one
//! number for each user and [`Class`], kept in Redis, so that every replica of every service counts the same, in one round trip.
//!
//! Each process remembers what it heard ([`Limiter`]). Who is known to have used up a limit is refused without asking Redis; and while
//! Redis is away, the process goes on alone by the same rule, from what it knows. Of what it let through meanwhile, Redis hears with the next
//! request.
//!
//! Metrics: `zoetrope_rate_limit_decisions_total{class,outcome,by}`; `by` is `shared` (Redis decided), `remembered` (refused from memory) or
//! `alone` (Redis is away).
//!
//! It must never hold up a request longer than Redis is given to answer, and never refuse one because something is away.

mod class;
#[cfg(test)]
mod fixtures;
mod limiter;
mod memory;
mod quota;
mod settings;
mod shared;
mod subject;

pub use class::Class;
pub use limiter::Limiter;
pub use quota::{Decision, Quota};
pub use settings::LimitSettings;
pub use subject::Subject;
