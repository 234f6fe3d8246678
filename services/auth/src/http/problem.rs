use std::time::Duration;

use zoetrope_http::Problem;

use crate::{
    accounts::AccountError,
    credentials::{HashingError, PasswordError},
    federation::FederationError,
};

/// A queue of sign-ins is short-lived.
const BUSY_RETRY_SECONDS: u64 = 5;

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Taken(field) => Self::conflict(field, "is already taken"),
            AccountError::WrongCredentials => Self::unauthorized("the username or the password is wrong"),
            AccountError::WrongPassword(field) => Self::field(field, "is wrong"),
            AccountError::Invalid(field, message) => Self::field(field, message),
            AccountError::LockedOut(wait) => Self::rate_limited(whole_seconds(wait)),
            AccountError::Missing(field) => Self::field(field, "is required"),
            AccountError::SignInAgain => Self::forbidden("sign in again first"),
            AccountError::BadResetToken => Self::field("token", "is not valid, was used, or has expired"),
            AccountError::BadConfirmation => Self::field("seal", "is not valid, or the link has expired"),
            AccountError::ConfirmationsOff => Self::not_found("addresses are not confirmed here"),
            AccountError::NothingToConfirm => Self::invalid_state("there is no address to confirm"),
            AccountError::TooOften(wait) => Self::rate_limited(whole_seconds(wait)),
            AccountError::WrongCode => Self::field("code", "is wrong or no longer good"),
            AccountError::CodeTooSoon(wait) => {
                let seconds = whole_seconds(wait);
                Self::field("email", format!("was sent a code a moment ago: ask for the next one in {seconds} s"))
                    .with_data("retryAfter", seconds)
            }
            AccountError::CodesExhausted(wait) => Self::rate_limited(whole_seconds(wait)),
            AccountError::NotSignedIn(reason) => Self::unauthorized(reason),
            AccountError::Refused(refusal) => refusal.into(),
            AccountError::Suspended => Self::forbidden("this account is suspended"),
            AccountError::NotAnAdmin => Self::forbidden("this is for administrators"),
            AccountError::UnconfirmedAdmin => {
                Self::forbidden("this is the address of an administrator, who has not confirmed it")
            }
            AccountError::Deleted => Self::forbidden("this account was deleted"),
            AccountError::Unknown(what) => Self::not_found(format!("there is no such {what}")),
            AccountError::TooManyKeys => Self::invalid_state("there are too many API keys: revoke one first"),
            AccountError::Password(PasswordError::NotDone(error @ HashingError::Busy)) => {
                Self::unavailable(BUSY_RETRY_SECONDS, error)
            }
            AccountError::Overtaken => Self::unavailable(1, error),
            AccountError::Password(error) => Self::internal(error),
            AccountError::Database(error) => error.into(),
            AccountError::Signing(_) | AccountError::Randomness => Self::internal(error),
        }
    }
}

/// Rounded up: who comes back after so many is not too early.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}

impl From<FederationError> for Problem {
    fn from(error: FederationError) -> Self {
        match error {
            FederationError::Refused(_) => Self::unauthorized("the sign-in was not confirmed: begin it again"),
            FederationError::StrangePage => Self::field("redirect_uri", "is not allowed here"),
            FederationError::Blocked => Self::forbidden("this account is blocked there"),
            FederationError::TooOften(seconds) => Self::rate_limited(seconds),
            FederationError::Away { retry_after, .. } => Self::unavailable(retry_after, error),
            FederationError::Misconfigured { .. } => Self::internal(error),
        }
    }
}
