//! The keys that sign tokens, and their rotation. The private ones are nobody's business but this service's.
//!
//! A folder holds `signing-keys.json`, the private keys ([`KeyRing`]), for this service alone, and `jwks.json`, their public halves, for all
//! services. The files are the truth: processes follow them, commands write them, and each key says from which moment on it signs. So a
//! new key is public before it signs, and all replicas begin with it at the same time, without a word between them.

mod commands;
mod directory;
mod key;
mod ring;
mod signer;

pub use commands::{DirectoryArgs, RetireArgs, RotateArgs, list, retire, rotate};
pub use directory::generate;
pub use signer::{SignError, Signer};
