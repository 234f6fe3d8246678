use std::time::Duration;

use zoetrope_postgres::DatabaseError;
use zoetrope_tokens::Refusal;

use crate::{credentials::PasswordError, keys::SignError};

/// Why a command changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Another user has this name or address; the field is the client's.
    #[error("{0} is taken")]
    Taken(&'static str),
    #[error("no such user, or another password")]
    WrongCredentials,
    /// Of a user who is signed in; the field is the client's.
    #[error("{0} is wrong")]
    WrongPassword(&'static str),
    /// What is wrong with a field of the client's is known by comparing it with what is stored.
    #[error("{0} {1}")]
    Invalid(&'static str, &'static str),
    /// The field is the client's.
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("the session is too old for this")]
    SignInAgain,
    #[error("too many wrong passwords, next try in {0:?}")]
    LockedOut(Duration),
    #[error("no such link to choose a new password, or no more")]
    BadResetToken,
    #[error("no such link to confirm an address, or no more")]
    BadConfirmation,
    #[error("nobody is asked to confirm an address here")]
    ConfirmationsOff,
    #[error("the user has no address that is not confirmed")]
    NothingToConfirm,
    #[error("the user was mailed a link a moment ago, or too many in a day: the next in {0:?}")]
    TooOften(Duration),
    /// Not the one that was mailed, or no longer good.
    #[error("no such code to sign in, or no more")]
    WrongCode,
    #[error("the address was sent a code a moment ago, the next one in {0:?}")]
    CodeTooSoon(Duration),
    #[error("too many codes for one address in a day, or too many wrong ones: the next in {0:?}")]
    CodesExhausted(Duration),
    /// The token is not ours, has expired, or its session has ended.
    #[error("not signed in: {0}")]
    NotSignedIn(&'static str),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the user is suspended")]
    Suspended,
    #[error("the user is no administrator")]
    NotAnAdmin,
    /// What an administrator has only claimed lets nobody in.
    #[error("the address is an administrator's who has not confirmed it")]
    UnconfirmedAdmin,
    #[error("the user was deleted")]
    Deleted,
    /// Somebody else was faster, again and again.
    #[error("others changed the same account at the same time")]
    Overtaken,
    /// There is none of that kind, or it is another user's.
    #[error("no such {0}")]
    Unknown(&'static str),
    #[error("the user has as many API keys as one may have")]
    TooManyKeys,
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("a token could not be signed")]
    Signing(#[from] SignError),
    #[error("the system has no randomness to give")]
    Randomness,
}
