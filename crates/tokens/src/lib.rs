//! Who is calling: verification of the tokens that `auth` signs.
//!
//! Tokens are EdDSA (Ed25519) JWTs. A service verifies them with configured public keys ([`Verifier`]), several at once and chosen by
//! `kid`, so that keys can rotate; it never asks `auth`. A session that ended before its tokens did is found in a list in Redis
//! ([`Revocations`]), which is allowed to be away.
//!
//! Private keys never come here: signing belongs to `auth` alone, which shares only the shape of the payload ([`Payload`]).

mod claims;
mod payload;
mod recent;
mod revocations;
mod verifier;

pub use claims::{Claims, Role, TokenKind, UnknownRole};
pub use payload::Payload;
pub use revocations::Revocations;
pub use verifier::{KeySetError, TokenError, Verifier, VerifierSettings};
