//! The proof under fire: the whole platform at work while everything around it breaks, and an audit of what it then owes to whom.
//!
//! [`run`] starts a platform of two replicas each, lets users create, cancel and listen, and breaks what can break: processes are
//! killed, frozen and replaced ([`havoc`]), servers restarted and crashed ([`outages`]), the provider fails in every way that it knows
//! ([`provider`], [`weather`]), and every message comes twice ([`duplicates`]). When all of it is over and the platform has had time to
//! settle ([`settle`]), what the clients noted ([`journal`]) is held against the database, the provider's books, the files and the logs
//! ([`evidence`]), and judged ([`audit`]).
//!
//! No verdict depends on how fast the machine is, apart from the patience after which what has not ended counts as lost. Nothing here
//! may repair what it finds, and nothing that a service does may depend on this crate.

mod accounts;
mod arena;
pub mod audit;
mod chronicle;
mod client;
mod deck;
mod duplicates;
mod evidence;
mod eyes;
mod havoc;
mod hearing;
mod journal;
mod load;
mod outages;
mod plan;
mod provider;
mod report;
mod resuming;
mod settle;
mod stage;
mod storm;
mod subscriber;
mod weather;

pub use audit::Verdict;
pub use chronicle::Chronicle;
pub use plan::{Arguments, Plan};
pub use report::table;
pub use storm::run;
