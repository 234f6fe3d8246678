//! The keys that sign tokens. They are nobody's business but this service's.

mod generate;
mod signer;

pub use generate::generate;
pub use signer::Signer;
