use zoetrope_postgres::DatabaseError;

use super::Problem;

/// Servers are usually back within seconds; a client that waits longer waits in vain.
const RETRY_AFTER_SECONDS: u64 = 2;

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        if error.is_unavailable() { Self::unavailable(RETRY_AFTER_SECONDS, error) } else { Self::internal(error) }
    }
}
