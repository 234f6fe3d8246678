use zoetrope_postgres::DatabaseError;

use crate::store::CorruptJob;

/// The jobs could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Corrupt(#[from] CorruptJob),
}

impl StoreError {
    /// Postgres is away: the same may succeed later.
    pub(crate) fn is_unavailable(&self) -> bool {
        match self {
            Self::Database(error) => error.is_unavailable(),
            Self::Corrupt(_) => false,
        }
    }
}

impl From<diesel::result::Error> for StoreError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}
