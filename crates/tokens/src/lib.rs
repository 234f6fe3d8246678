//! Who is calling: verification of the tokens and API keys that `auth` gives out.
//!
//! Tokens are EdDSA (Ed25519) JWTs. A service verifies them with public keys from a file ([`Verifier`]), several at once and chosen by
//! `kid`, and follows the file, so that keys rotate while it runs; it never asks `auth`. [`Access`] puts that together with what has ended before its time, and with API
//! keys: a list of ended sessions and the keys that are good lie in Redis, which is allowed to be away. What ends is also told on the bus,
//! and read from a log in Redis once a second, so that what is open can be closed ([`Access::listen`], [`Access::watch`]).
//!
//! Private keys never come here: signing belongs to `auth` alone, which shares only the shape of the payload ([`Payload`]).

mod access;
mod api_key;
mod api_keys;
mod caller;
mod claims;
mod endings;
mod listen;
mod log;
mod payload;
mod recent;
mod revocations;
mod scope;
mod uses;
mod verifier;

pub use access::{Access, Refusal};
pub use api_key::ApiKey;
pub use api_keys::{PublishError, PublishedKey};
pub use caller::{Caller, Credential, KeyName};
pub use claims::{Claims, Role, TokenKind, UnknownRole};
pub use endings::Watch;
pub use payload::Payload;
pub use scope::{Scope, Scopes, UnknownScope};
pub use verifier::{KeySetError, TokenError, Verifier, VerifierSettings};
