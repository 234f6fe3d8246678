use std::error::Error;

use crate::ObjectKey;

/// Why a file was not stored or not read.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    #[error("there is no object {0}")]
    NotFound(ObjectKey),
    /// What came in is longer than the caller allows; nothing was kept.
    #[error("the file is longer than {limit} bytes")]
    TooLarge { limit: u64 },
    /// The bytes stopped coming; nothing was kept. The source is the incoming stream's own error.
    #[error("the incoming file could not be read to its end")]
    Source(#[source] Box<dyn Error + Send + Sync>),
    /// The storage does not answer, or refuses. Worth another try later.
    #[error("object storage failed")]
    Backend(#[source] Box<dyn Error + Send + Sync>),
}

impl StorageError {
    pub(crate) fn backend(key: &ObjectKey, error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::NotFound(key.clone()),
            other => Self::Backend(other.into()),
        }
    }
}
