use std::error::Error as StdError;

use diesel::result::{DatabaseErrorKind, Error as QueryError};

type Cause = Box<dyn StdError + Send + Sync>;

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It cannot be reached, has no free connection within the time allowed, is shutting down, or went away. Trying again later
    /// is right; whether an interrupted commit took place is unknown.
    #[error("the database is unavailable")]
    Unavailable(#[source] Cause),

    /// It answered with an error.
    #[error("the database refused a query")]
    Query(#[source] QueryError),
}

impl DatabaseError {
    /// Whether trying again later may help.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    pub(crate) fn unavailable(cause: impl Into<Cause>) -> Self {
        Self::Unavailable(cause.into())
    }
}

impl From<QueryError> for DatabaseError {
    fn from(error: QueryError) -> Self {
        if is_unavailability(&error) { Self::unavailable(error) } else { Self::Query(error) }
    }
}

/// Whether the connection is gone or leads to a server that no longer takes writes.
fn is_unavailability(error: &QueryError) -> bool {
    match error {
        QueryError::DatabaseError(
            // Any failure without an answer from the server, among them a closed connection.
            DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ClosedConnection
            // After a failover this connection leads to what is a standby now.
            | DatabaseErrorKind::ReadOnlyTransaction,
            _,
        )
        // A rollback failed before: the connection is lost.
        | QueryError::BrokenTransactionManager => true,
        // diesel keeps no SQLSTATE; these are 57P01 to 57P03, in the English that servers speak unless `lc_messages` says
        // otherwise.
        QueryError::DatabaseError(DatabaseErrorKind::Unknown, information) => {
            let message = information.message();
            message.starts_with("terminating connection") || message.starts_with("the database system is ")
        }
        QueryError::RollbackErrorOnCommit { commit_error, .. } => is_unavailability(commit_error),
        _ => false,
    }
}

/// Whether an error, or anything that caused it, is a conflict with another transaction that a second attempt may not meet.
pub(crate) fn is_conflict(error: &(dyn StdError + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(|error| match error.downcast_ref::<QueryError>() {
        Some(QueryError::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => true,
        // SQLSTATE 40P01, see above.
        Some(QueryError::DatabaseError(DatabaseErrorKind::Unknown, information)) => information.message() == "deadlock detected",
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_error(kind: DatabaseErrorKind, message: &str) -> QueryError {
        QueryError::DatabaseError(kind, Box::new(message.to_owned()))
    }

    #[test]
    fn a_lost_connection_is_unavailability() {
        for (kind, message) in [
            (DatabaseErrorKind::UnableToSendCommand, "connection closed"),
            (DatabaseErrorKind::ClosedConnection, ""),
            (DatabaseErrorKind::ReadOnlyTransaction, "cannot execute INSERT in a read-only transaction"),
            (DatabaseErrorKind::Unknown, "terminating connection due to administrator command"),
            (DatabaseErrorKind::Unknown, "the database system is shutting down"),
        ] {
            assert!(DatabaseError::from(server_error(kind, message)).is_unavailable(), "{message}");
        }
    }

    #[test]
    fn an_answer_from_the_server_is_not() {
        for (kind, message) in [
            (DatabaseErrorKind::UniqueViolation, "duplicate key value violates unique constraint"),
            (DatabaseErrorKind::Unknown, "canceling statement due to statement timeout"),
        ] {
            assert!(!DatabaseError::from(server_error(kind, message)).is_unavailable(), "{message}");
        }
        assert!(!DatabaseError::from(QueryError::NotFound).is_unavailable());
    }

    #[test]
    fn a_conflict_is_found_below_the_errors_around_it() {
        #[derive(Debug, thiserror::Error)]
        enum Outer {
            #[error("creating a task failed")]
            Named(#[source] DatabaseError),
            #[error(transparent)]
            Transparent(DatabaseError),
        }
        let conflict =
            || DatabaseError::from(server_error(DatabaseErrorKind::SerializationFailure, "could not serialize access"));
        assert!(is_conflict(&Outer::Named(conflict())));
        assert!(is_conflict(&Outer::Transparent(conflict())));
        assert!(is_conflict(&server_error(DatabaseErrorKind::Unknown, "deadlock detected")));
        assert!(!is_conflict(&Outer::Named(QueryError::NotFound.into())));
    }
}
