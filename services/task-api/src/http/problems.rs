//! How failures become answers.

use zoetrope_http::Problem;
use zoetrope_postgres::DatabaseError;
use zoetrope_storage::StorageError;

use super::view::status_word;
use crate::{
    commands::{CancelError, CreateError},
    uploads::UploadRefused,
};

/// A storage that fails is usually back within seconds.
const RETRY_AFTER_SECONDS: u64 = 2;
/// Another upload of the same user ends about every so often.
const UPLOAD_RETRY_AFTER_SECONDS: u64 = 5;
/// Another stream of the same user ends about every so often.
const STREAM_RETRY_AFTER_SECONDS: u64 = 5;

impl From<CreateError> for Problem {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::InsufficientCredits(short) => Self::insufficient_credits(short.required.get(), short.current.get()),
            CreateError::KeyTaken => Self::idempotency_mismatch(),
            CreateError::AnotherOwner => another_owner(),
            CreateError::Database(error) => error.into(),
        }
    }
}

impl From<CancelError> for Problem {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::NotFound => no_such_task(),
            CancelError::AnotherOwner => another_owner(),
            CancelError::Finished(finished) => {
                Self::invalid_state(finished.to_string()).with_data("status", status_word(finished.status()))
            }
            CancelError::Database(error) => error.into(),
        }
    }
}

/// To somebody whose session or key has ended, and who came before this service had heard of it.
fn another_owner() -> Problem {
    Problem::unauthorized("this session has ended")
}

impl From<UploadRefused> for Problem {
    fn from(refused: UploadRefused) -> Self {
        match refused {
            UploadRefused::Number | UploadRefused::TotalSize => Self::rate_limited(UPLOAD_RETRY_AFTER_SECONDS),
            UploadRefused::Size { limit } => Self::too_large(limit),
        }
    }
}

/// The same for a task that does not exist and for another user's.
pub fn no_such_task() -> Problem {
    Problem::not_found("there is no such task")
}

pub fn no_such_file() -> Problem {
    Problem::not_found("there is no such file")
}

pub fn too_many_streams() -> Problem {
    Problem::rate_limited(STREAM_RETRY_AFTER_SECONDS)
}

/// For reads, which need no transaction.
pub fn query_problem(error: diesel::result::Error) -> Problem {
    DatabaseError::from(error).into()
}

pub fn storage_problem(error: StorageError) -> Problem {
    match error {
        StorageError::NotFound(_) => no_such_file(),
        StorageError::TooLarge { limit } => Problem::too_large(limit),
        StorageError::Source(source) => Problem::field("body", format!("could not be read to its end: {source}")),
        StorageError::Backend(source) => Problem::unavailable(RETRY_AFTER_SECONDS, source),
    }
}
