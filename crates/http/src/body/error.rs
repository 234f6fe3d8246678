use std::io;

use actix_web::error::PayloadError;

use crate::{Problem, ProblemCode};

/// Why a body could not be read, for the client. A payload that fails with a [`Problem`] fails the request with it.
pub fn payload_problem(error: PayloadError) -> Problem {
    match error {
        PayloadError::Io(error) => match error.downcast::<Problem>() {
            Ok(problem) => problem,
            Err(error) => unreadable(&error),
        },
        other => unreadable(&other),
    }
}

fn unreadable(error: &dyn std::error::Error) -> Problem {
    Problem::field("body", format!("could not be read: {error}"))
}

/// The end of a body that comes too slowly or for too long.
pub(crate) fn too_slow() -> PayloadError {
    let problem = Problem::new(ProblemCode::RequestTimeout, "the body of the request took too long to arrive");
    PayloadError::Io(io::Error::other(problem))
}
